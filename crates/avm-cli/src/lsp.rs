//! `avm lsp`: the language server, on standard input and output.
//!
//! One thread, one message at a time: a check of a module takes milliseconds, and answers are in
//! the order of the questions. Nothing that a client sends ends the server but `exit`, the end of
//! its input, or an output that cannot be written.
//!
//! Reading order: [`wire`] (bytes to messages) · [`document`] (texts that the client edits) · [`modules`]
//! (texts that they import) ·
//! [`server`] (the life of a session) · [`answers`] (what is said about a text).
//!
//! The types of the protocol are those of `gen-lsp-types`, which are generated from its
//! specification. Framing is done here, because a message that cannot be read must be answered
//! and must not end the session.

pub mod answers;
pub mod document;
pub mod modules;
pub mod server;
pub mod wire;
pub mod words;

use std::io::{self, BufRead, Write};

use avm_lang::dialect::Dialect;

/// Serves one client until it says `exit` or goes away. The result is the exit code of the
/// protocol: 0 after `shutdown`, 1 without.
///
/// # Errors
/// If the input cannot be read or the output cannot be written.
pub fn serve(input: &mut dyn BufRead, output: &mut dyn Write, dialect: &Dialect) -> io::Result<u8> {
    let mut server = server::Server::new(dialect);
    while let Some(read) = wire::read(input)? {
        for message in server.handle(read) {
            wire::write(output, &message)?;
        }
        if let Some(exit) = server.exit() {
            return Ok(exit);
        }
    }
    Ok(server.gone())
}
