//! The folders that a client works in: MCP's roots.

use serde::Deserialize;

use super::{Capability, Question};
use crate::bindings::host::fusebox::plugin::types::InputRequest;
use crate::error::HandlerError;

/// A folder or file that the client works in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Root {
    /// where it is: a `file://` address
    pub uri: String,
    /// a name for people
    pub name: Option<String>,
}

/// Asks for the client's roots. Answered by a list of [`Root`]s.
pub struct ListRoots;

impl Question for ListRoots {
    type Answer = Vec<Root>;

    const CAPABILITY: Capability = Capability::ListRoots;

    fn request(&self) -> Result<InputRequest, HandlerError> {
        Ok(InputRequest::ListRoots)
    }

    fn read(&self, _: &str, answer: &str) -> Result<Option<Vec<Root>>, HandlerError> {
        #[derive(Deserialize)]
        struct Answer {
            roots: Vec<Root>,
        }

        let answer: Option<Answer> = serde_json::from_str(answer).ok();
        Ok(answer.map(|answer| answer.roots))
    }
}
