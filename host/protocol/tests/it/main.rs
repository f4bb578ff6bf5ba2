//! What the protocol crate promises, checked from outside through its public
//! names: one module for each of its parts.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod catalogue;
mod envelope;
mod era;
mod errors;
mod frames;
mod header_params;
mod json;
mod mutation;
mod offers;
mod params;
mod reply;
mod sse;
mod version;
