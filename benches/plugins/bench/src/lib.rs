//! The plugin that is measured where `hello` does too little: one tool that
//! dirties memory, and a small shop.
#![forbid(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use fusebox_sdk::prelude::*;

const PAGE_BYTES: usize = 4096;
const PAGES: usize = 64;

/// Zeros, until a call has been here.
static PAGES_OF_MEMORY: Mutex<[u8; PAGES * PAGE_BYTES]> = Mutex::new([0; PAGES * PAGE_BYTES]);

/// Writes to 64 pages of memory, and says whether all were clean before.
#[tool]
fn dirty() -> &'static str {
    let mut memory = PAGES_OF_MEMORY
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let clean = memory.iter().step_by(PAGE_BYTES).all(|byte| *byte == 0);
    for byte in memory.iter_mut().step_by(PAGE_BYTES) {
        *byte = 0xA5;
    }
    if clean { "clean" } else { "dirty" }
}

/// Looks for products.
#[tool(read_only)]
fn search_products(query: String) -> String {
    fusebox_bench_shop::search_products(&query)
}

/// What a user has in the cart.
#[tool(read_only)]
fn get_user_cart(user: String) -> String {
    fusebox_bench_shop::get_user_cart(&user)
}

/// Buys what is in the cart.
#[tool]
fn checkout(user: String) -> String {
    fusebox_bench_shop::checkout(&user)
}

fusebox_sdk::plugin! { tools: [dirty, search_products, get_user_cart, checkout] }
