//! The index of `avm-atomicals` goes where the kernel goes, and is there what it is from genesis on.

mod judge;
mod mutations;
mod play;
mod story;
mod vault;
