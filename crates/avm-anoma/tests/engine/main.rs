//! What must hold of the engine whatever runs on it. Spec: 3, 28.

mod atomic;
mod bed;
mod continuation;
mod isolation;
mod keys;
mod limits;
mod mail;
mod place;
mod random;
mod replay;
mod serial;
