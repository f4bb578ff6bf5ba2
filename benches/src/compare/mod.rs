//! The comparisons: which servers are measured against each other, with which
//! load, what follows, and what the book says about it.
//!
//! It owns the runs of `cargo xtask bench`. It never makes load itself: the
//! program `loadgen` does.

mod attacked;
pub mod book;
pub mod case;
pub mod cases;
mod in_process;
mod observed;
mod overload;
pub mod plot;
pub mod results;
pub mod runner;
mod served;
pub mod servers;
mod swap;
