//! What must hold whatever a chain has, on random chains whose blocks nobody checked.

#[path = "index/conservation.rs"]
mod conservation;
#[path = "index/differences.rs"]
mod differences;
#[path = "index/feed.rs"]
mod feed;
#[path = "index/forks.rs"]
mod forks;
#[path = "index/laws.rs"]
mod laws;
#[path = "index/states.rs"]
mod states;
