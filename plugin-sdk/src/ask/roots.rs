//! The folders that a client works in: MCP's roots.

use serde::Deserialize;

use super::{Capability, Question};
use crate::bindings::host::fusebox::plugin::types::InputRequest;
use crate::error::HandlerError;

/// A folder or file that the client works in.
///
/// ```
/// # use fusebox_sdk::Root;
/// /// The folder's path, if it is one of this machine.
/// fn path(root: &Root) -> Option<&str> {
///     root.uri.strip_prefix("file://")
/// }
///
/// let root = Root { uri: "file:///home/ada".to_owned(), name: Some("home".to_owned()) };
/// assert_eq!(path(&root), Some("/home/ada"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Root {
    /// where it is: a `file://` address
    pub uri: String,
    /// a name for people
    pub name: Option<String>,
}

/// Asks for the client's roots. Answered by a list of [`Root`]s.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
///
/// /// How many folders the client works in.
/// #[tool]
/// fn folders(ctx: &Context) -> Result<usize, HandlerError> {
///     Ok(ctx.ask("roots", ListRoots)?.len())
/// }
///
/// let roots = json!({"roots": {"roots": [{"uri": "file:///home/ada"}]}});
/// assert_eq!(folders(&Context::for_test().with_answers(&roots))?, 1);
/// # Ok::<(), HandlerError>(())
/// ```
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
