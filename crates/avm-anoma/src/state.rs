//! The state: one authenticated map, with fast structures before it that write back what changed
//! when a hash is asked for, and read what is missing when it is touched.

pub mod bytes;
pub mod code;
pub mod execution;
pub mod frames;
pub mod keys;
pub mod objects;
pub mod queue;
pub mod records;
pub mod save;
pub mod stack;
pub mod store;
pub mod undo;
pub mod world;
