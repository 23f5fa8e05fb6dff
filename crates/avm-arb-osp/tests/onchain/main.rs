//! Proofs and disputes against what the reference prover and the settlement contract made of them.
#![cfg(feature = "encode")]

mod disputes;
mod encode;
mod games;
mod referee;
mod refusals;
mod steps;
mod vectors;
