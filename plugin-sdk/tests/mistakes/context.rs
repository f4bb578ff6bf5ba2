//! A context that is taken as it isn't given.

use fusebox_sdk::prelude::*;

/// Says something.
#[tool]
fn changed(ctx: &mut Context) {
    ctx.log_info("changed");
}

/// Says something.
#[tool]
fn given(#[arg(default)] ctx: &Context) {
    ctx.log_info("given");
}

/// Says something.
#[tool]
fn perhaps(ctx: Option<Context>) {
    let _ = ctx;
}

fusebox_sdk::plugin! { tools: [changed, given, perhaps] }

fn main() {}
