//! The rules of an index, over chains mined in process. Spec: sections 14 to 16.

#[path = "index/bed.rs"]
mod bed;
#[path = "index/blocks.rs"]
mod blocks;
#[path = "index/contracts.rs"]
mod contracts;
#[path = "index/mints.rs"]
mod mints;
#[path = "index/names.rs"]
mod names;
#[path = "index/tokens.rs"]
mod tokens;
