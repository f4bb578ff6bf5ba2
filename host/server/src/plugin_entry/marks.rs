//! What a kit writes into the `_meta` of an item for this host alone.
//!
//! It owns these members, and takes them out, so that no client sees them. It never
//! acts on one.

use fusebox_engine::contract::types::CacheHint;
use fusebox_protocol::RawJson;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A tool's handler asks before its call becomes a task.
const ASK_BEFORE_TASK: &str = "fusebox/askBeforeTask";

/// How long a list with this item may be kept.
const LIST_CACHE: &str = "fusebox/listCache";

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) ask_before_task: bool,
    pub(super) list_cache: Option<ListCache>,
}

/// How long clients may keep a list that has an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListCache {
    #[serde(rename = "ttlMs")]
    ttl_ms: u64,
    #[serde(default)]
    shared: bool,
}

impl From<ListCache> for CacheHint {
    fn from(ListCache { ttl_ms, shared }: ListCache) -> Self {
        Self { ttl_ms, shared }
    }
}

/// Takes the marks out of a `_meta`.
///
/// # Errors
/// If a mark has another value than it may have.
pub(super) fn take(meta: Option<RawJson>) -> Result<(Option<RawJson>, Marks), String> {
    let Some(text) = &meta else {
        return Ok((None, Marks::default()));
    };
    let mut members: Map<String, Value> =
        serde_json::from_str(text.as_str()).map_err(|error| format!("meta: {error}"))?;
    let (ask, cache) = (members.remove(ASK_BEFORE_TASK), members.remove(LIST_CACHE));
    if ask.is_none() && cache.is_none() {
        return Ok((meta, Marks::default()));
    }
    let list_cache = cache
        .map(serde_json::from_value)
        .transpose()
        .map_err(|error| {
            format!(
                "meta: `{LIST_CACHE}` is an object such as {{\"ttlMs\": 60000, \"shared\": true}}: {error}"
            )
        })?;
    let marks = Marks {
        ask_before_task: ask.is_some_and(|ask| ask == true),
        list_cache,
    };
    let rest = (!members.is_empty()).then(|| RawJson::of(&members));
    let rest = rest.transpose().map_err(|error| format!("meta: {error}"))?;
    Ok((rest, marks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(Option<String>, Marks), String> {
        let meta = RawJson::parse(text.to_owned()).unwrap();
        take(Some(meta)).map(|(rest, marks)| (rest.map(|rest| rest.as_str().to_owned()), marks))
    }

    #[test]
    fn marks_are_taken_out_and_the_rest_stays() {
        let none = Marks::default();
        assert_eq!(
            of(r#"{ "k":1}"#),
            Ok((Some(r#"{ "k":1}"#.to_owned()), none))
        );
        let asks = Marks {
            ask_before_task: true,
            ..none
        };
        assert_eq!(of(r#"{"fusebox/askBeforeTask":true}"#), Ok((None, asks)));
        let list_cache = Some(ListCache {
            ttl_ms: 7,
            shared: false,
        });
        let kept = Marks { list_cache, ..none };
        let text = r#"{"fusebox/listCache":{"ttlMs":7},"k":{"z":1,"a":2.50}}"#;
        assert_eq!(of(text).map(|(_, marks)| marks), Ok(kept));
        let error = of(r#"{"fusebox/listCache":5}"#).unwrap_err();
        assert!(
            error.starts_with("meta: `fusebox/listCache` is an object"),
            "{error}"
        );
    }
}
