//! Benchmarks of Fusebox; the code is in `benches/`.
//!
//! This library is empty on purpose: a package needs one target that always
//! builds, and nothing here is for others to use.

#![forbid(unsafe_code)]
