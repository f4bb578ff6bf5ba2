//! What is kept beyond a call.

use fusebox_sdk::prelude::*;

/// Keeps a value.
#[tool]
pub(crate) fn keep(key: String, value: String, ctx: &Context) -> Result<(), HandlerError> {
    ctx.store()?.set(&key, value)
}

/// A value that was kept.
#[tool]
pub(crate) fn kept(key: String, ctx: &Context) -> Result<String, HandlerError> {
    let value = ctx.store()?.get(&key)?;
    Ok(value.map_or("nothing".to_owned(), |value| {
        String::from_utf8_lossy(&value).into_owned()
    }))
}

/// All keys.
#[tool]
pub(crate) fn kept_keys(ctx: &Context) -> Result<Vec<String>, HandlerError> {
    ctx.store()?.keys()
}

/// Forgets a value.
#[tool]
pub(crate) fn forget(key: String, ctx: &Context) -> Result<(), HandlerError> {
    ctx.store()?.delete(&key)
}

/// Counts up.
#[tool]
pub(crate) fn count(key: String, ctx: &Context) -> Result<u64, HandlerError> {
    ctx.store()?.increment(&key, 1)
}
