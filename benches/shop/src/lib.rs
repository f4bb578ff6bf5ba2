//! A shop whose backends are made up: the same work for the plugin and for the
//! native server that it is compared with.
//!
//! It owns what three tools answer. It knows nothing of MCP, and reads no clock.

#![forbid(unsafe_code)]

use serde::Serialize;

const KINDS: [&str; 8] = [
    "lamp", "chair", "table", "shelf", "mirror", "carpet", "clock", "vase",
];
const COLOURS: [&str; 5] = ["red", "blue", "green", "white", "black"];
const PRODUCTS: u32 = 200;
const FOUND_MAX: usize = 10;

/// What can be bought.
#[derive(Debug, Clone, Serialize)]
pub struct Product {
    id: u32,
    name: String,
    price_cents: u32,
    in_stock: u32,
}

fn product(id: u32) -> Product {
    let kind = KINDS[(id as usize * 7) % KINDS.len()];
    let colour = COLOURS[(id as usize * 3) % COLOURS.len()];
    Product {
        id,
        name: format!("{colour} {kind} {id}"),
        price_cents: 500 + id * 37 % 9_500,
        in_stock: id * 13 % 50,
    }
}

#[derive(Serialize)]
struct Found<'a> {
    query: &'a str,
    total: usize,
    products: Vec<Product>,
}

/// Looks through all products.
pub fn search_products(query: &str) -> String {
    // What is asked for may have a number at its end that nothing is named after.
    let wanted = query
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .trim();
    let mut products: Vec<_> = (0..PRODUCTS)
        .map(product)
        .filter(|product| product.name.contains(wanted))
        .collect();
    let total = products.len();
    products.sort_by_key(|product| (product.price_cents, product.id));
    products.truncate(FOUND_MAX);
    json(&Found {
        query,
        total,
        products,
    })
}

#[derive(Serialize)]
struct Cart<'a> {
    user: &'a str,
    lines: Vec<Line>,
    total_cents: u32,
}

#[derive(Serialize)]
struct Line {
    product: Product,
    count: u32,
}

fn lines(user: &str) -> Vec<Line> {
    let seed = user.len() as u32;
    (1..=5)
        .map(|line| Line {
            product: product((seed * 11 + line * 17) % PRODUCTS),
            count: 1 + line % 3,
        })
        .collect()
}

fn total(lines: &[Line]) -> u32 {
    lines
        .iter()
        .map(|line| line.product.price_cents * line.count)
        .sum()
}

/// What a user has in the cart.
pub fn get_user_cart(user: &str) -> String {
    let lines = lines(user);
    json(&Cart {
        user,
        total_cents: total(&lines),
        lines,
    })
}

#[derive(Serialize)]
struct Receipt<'a> {
    user: &'a str,
    order: String,
    items: u32,
    net_cents: u32,
    tax_cents: u32,
}

/// Buys what is in the cart.
pub fn checkout(user: &str) -> String {
    let lines = lines(user);
    let net_cents = total(&lines);
    json(&Receipt {
        user,
        order: format!("order-{user}"),
        items: lines.iter().map(|line| line.count).sum(),
        net_cents,
        tax_cents: net_cents * 19 / 100,
    })
}

fn json<T: Serialize>(value: &T) -> String {
    // Texts and numbers: nothing that JSON can't hold.
    serde_json::to_string(value).unwrap_or_default()
}
