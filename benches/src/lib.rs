//! Measuring Fusebox: the load generator, and what it and the comparisons with
//! other servers share. The microbenchmarks are in `benches/`.
//!
//! It owns how things are measured. It never serves.

#![forbid(unsafe_code)]

pub mod compare;
pub mod load;
pub mod process;
