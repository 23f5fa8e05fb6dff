//! The library behind the `avm` binary.
//!
//! Reading order: [`cli`] (what can be typed) · [`registry`] (the one list of machines) ·
//! [`point`] (how a moment is named) · [`current`] (which log is meant if none is
//! named) · [`log`] and [`session`] (what is executed) · [`locate`]
//! (from a point to a state) · [`commands`] (one module per command family) · [`error`],
//! [`codes`] and [`output`] (what comes out).
// A binary may look at clocks and start threads: they time runs and enforce `--timeout`, and no
// result depends on them.
#![allow(clippy::disallowed_methods)]

pub mod anoma;
pub mod app;
pub mod arb;
pub mod atomicals;
pub mod checkpoint;
pub mod cli;
pub mod codes;
pub mod commands;
pub mod context;
pub mod current;
pub mod dev;
pub mod error;
pub mod files;
pub mod index;
pub mod locate;
pub mod log;
pub mod lsp;
pub mod output;
pub mod point;
pub mod recorded;
pub mod registry;
pub mod script;
pub mod session;
pub mod vectors;
