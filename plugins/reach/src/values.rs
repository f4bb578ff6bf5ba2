//! What is kept beyond a call: for everybody, for a session, or for a caller.

use fusebox_sdk::Store;
use fusebox_sdk::prelude::*;

/// For whom something is kept; nobody in particular unless it is said.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Whose {
    #[default]
    Everybody,
    Session,
    Caller,
}

fn store(whose: Option<Whose>, ctx: &Context) -> Result<Store, HandlerError> {
    match whose.unwrap_or_default() {
        Whose::Everybody => ctx.store(),
        Whose::Session => ctx.session_store(),
        Whose::Caller => ctx.caller_store(),
    }
}

/// Keeps a value.
#[tool]
pub(crate) fn keep(
    key: String,
    value: String,
    whose: Option<Whose>,
    ctx: &Context,
) -> Result<(), HandlerError> {
    store(whose, ctx)?.set(&key, value)
}

/// A value that was kept.
#[tool]
pub(crate) fn kept(
    key: String,
    whose: Option<Whose>,
    ctx: &Context,
) -> Result<String, HandlerError> {
    let value = store(whose, ctx)?.get(&key)?;
    Ok(value.map_or("nothing".to_owned(), |value| {
        String::from_utf8_lossy(&value).into_owned()
    }))
}

/// All keys.
#[tool]
pub(crate) fn kept_keys(whose: Option<Whose>, ctx: &Context) -> Result<Vec<String>, HandlerError> {
    store(whose, ctx)?.keys()
}

/// Forgets a value.
#[tool]
pub(crate) fn forget(key: String, whose: Option<Whose>, ctx: &Context) -> Result<(), HandlerError> {
    store(whose, ctx)?.delete(&key)
}

/// Counts up.
#[tool]
pub(crate) fn count(key: String, whose: Option<Whose>, ctx: &Context) -> Result<u64, HandlerError> {
    store(whose, ctx)?.increment(&key, 1)
}
