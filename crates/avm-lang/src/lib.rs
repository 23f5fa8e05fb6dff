//! The surface language: what people write, checked and reduced to a small core form that back
//! ends compile. It knows no machine: the forms that do something are a [`dialect`], given by the
//! back end as data.
//!
//! Read in this order: [`core`], what a back end gets; [`dialect`], what a back end gives;
//! [`lexer`], text to tokens; [`reader`], tokens to [`syntax`]; `expand`, names and derived forms;
//! `lower`, functions and loops; `check`, what is refused; [`compile()`], all of it;
//! [`diagnostic`], what is said about a text that is wrong; [`names`], for editors;
//! [`format`](mod@format), a text in its canonical layout.

#![no_std]

extern crate alloc;

mod check;
pub mod compile;
pub mod core;
pub mod diagnostic;
pub mod dialect;
mod expand;
pub mod format;
mod hir;
pub mod lexer;
mod lower;
pub mod names;
pub mod reader;
mod rules;
pub mod span;
pub mod syntax;

pub use compile::{Compiled, ModuleText, Modules, check_dialect, compile};
