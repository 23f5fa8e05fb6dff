//! `avm lsp`: the language server.

use std::io;

use crate::error::{self, CliError};
use crate::lsp;
use crate::output::Reply;

/// `avm lsp`. Standard output belongs to the protocol.
///
/// # Errors
/// If standard input cannot be read or standard output cannot be written.
pub fn lsp() -> Result<Reply, CliError> {
    let dialect = avm_anoma::compile::dialect();
    let served = lsp::serve(&mut io::stdin().lock(), &mut io::stdout().lock(), &dialect);
    let exit = served.map_err(|e| error::output(&e))?;
    Ok(Reply {
        exit,
        ..Reply::streamed()
    })
}
