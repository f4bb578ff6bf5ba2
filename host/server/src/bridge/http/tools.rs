//! Which tools want arguments repeated in headers, as their lists said.
//!
//! It owns what is remembered of a list. It never asks for one.

use std::collections::HashMap;

use fusebox_protocol::header_params::HeaderParams;
use http::HeaderName;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Tools with such arguments that are remembered.
const TOOLS_MAX: usize = 10_000;

/// What lists of tools said.
#[derive(Default)]
pub(super) struct Tools(Mutex<HashMap<String, HeaderParams>>);

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    result: List<'a>,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    tools: Vec<Tool<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tool<'a> {
    name: String,
    #[serde(borrow)]
    input_schema: &'a RawValue,
}

impl Tools {
    /// Reads an answer to `tools/list`. Anything else says nothing.
    pub(super) fn learn(&self, answer: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Response<'_>>(answer) else {
            return;
        };
        let mut known = self.0.lock();
        for tool in answer.result.tools {
            // A tool whose annotations are wrong gets no headers: its host decides.
            let wanted = HeaderParams::from_schema(tool.input_schema.get()).unwrap_or_default();
            if wanted.is_empty() {
                known.remove(&tool.name);
            } else if known.len() < TOOLS_MAX || known.contains_key(&tool.name) {
                known.insert(tool.name, wanted);
            }
        }
    }

    /// The headers of a call.
    pub(super) fn headers(&self, tool: &str, arguments: &str) -> Vec<(HeaderName, String)> {
        let known = self.0.lock();
        known
            .get(tool)
            .map(|wanted| wanted.headers(arguments))
            .unwrap_or_default()
    }
}
