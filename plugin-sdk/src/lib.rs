//! Write MCP tools for the Fusebox host in Rust: a tool is a function with
//! typed arguments and doc comments.
//!
//! ```
//! use fusebox_sdk::prelude::*;
//!
//! /// Adds two numbers.
//! #[tool]
//! fn add(
//!     /// the first one
//!     a: f64,
//!     /// the second one
//!     b: f64,
//! ) -> f64 {
//!     a + b
//! }
//!
//! fusebox_sdk::plugin! { tools: [add] }
//!
//! // It stays a function.
//! assert_eq!(add(1.0, 2.0), 3.0);
//! ```
//!
//! The schema of the arguments, their decoding, the message if they don't fit
//! and the schema of the result follow from the types. See [`macro@tool`] for
//! what can be set, [`Context`] for what a tool can do while it runs, and
//! [`IntoToolResult`] for what it can return.
//!
//! A type of your own as an argument derives `serde::Deserialize` and
//! `schemars::JsonSchema`, one as a result `serde::Serialize` and
//! `schemars::JsonSchema`; both crates must be among your dependencies then.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
#[allow(missing_docs, clippy::all, unused_qualifications, reason = "generated")]
mod bindings;
mod content;
mod context;
mod convert;
mod error;
mod export;
mod schema;

pub use bindings::host::fusebox::plugin::types::{
    Annotations, CallResult as ToolResult, Content, EmbeddedResource, LogLevel, MediaContent,
    Resource as ResourceLink, ResourceBody, ResourceContents, Role, TextContent,
};
pub use context::Context;
pub use convert::IntoToolResult;
pub use error::ToolError;
pub use fusebox_sdk_macros::tool;
pub use {schemars, serde, serde_json};

/// What a plugin's file needs.
pub mod prelude {
    pub use crate::{Content, Context, ToolError, ToolResult, tool};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}

/// Makes a plugin of the functions with `#[tool]`.
///
/// ```
/// # use fusebox_sdk::prelude::*;
/// # #[tool] fn add(a: f64, b: f64) -> f64 { a + b }
/// # #[tool] fn hello(name: String) -> String { name }
/// fusebox_sdk::plugin! { tools: [add, hello] }
/// ```
#[macro_export]
macro_rules! plugin {
    (tools: [$($tool:path),+ $(,)?] $(,)?) => {
        const _: () = {
            static TOOLS: &[$crate::__private::ToolDefinition] =
                &[$(<$tool as $crate::__private::Tool>::DEFINITION),+];
            const _: () =
                $crate::__private::assert_distinct(&[$(<$tool as $crate::__private::Tool>::DEFINITION),+]);

            #[allow(dead_code)]
            struct Plugin;

            impl $crate::__private::ToolsGuest for Plugin {
                fn list_tools() -> Result<Vec<$crate::__private::ToolEntry>, $crate::__private::Failure> {
                    $crate::__private::list_tools(TOOLS)
                }

                fn call_tool(
                    name: String,
                    arguments: String,
                    context: $crate::__private::CallContext,
                ) -> Result<$crate::__private::ToolOutcome, $crate::__private::Failure> {
                    $crate::__private::call_tool(TOOLS, &name, &arguments, context)
                }
            }

            // Names like these can't be exported from a library of another kind.
            #[cfg(target_arch = "wasm32")]
            $crate::__private::bindings::tool_provider::export_tools!(
                Plugin with_types_in $crate::__private::bindings::tool_provider
            );
        };
    };
}

/// What the macros' code refers to. Not for use by hand, and not stable.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::{Argument, default_to_json, optional, required, split, whole};
    pub use crate::bindings::host::fusebox::plugin::types::{
        CallContext, ClientCapabilities, Failure, Tool as ToolEntry, ToolOutcome,
    };
    pub use crate::bindings::tool_provider::exports::fusebox::plugin::tools::Guest as ToolsGuest;
    pub use crate::convert::{Convert, Infallible, Returned};
    pub use crate::export::{Input, Tool, ToolDefinition, assert_distinct, call_tool, list_tools};
    pub use schemars::SchemaGenerator;
    pub use serde_json;

    pub mod bindings {
        pub use crate::bindings::{host, tool_provider};
    }
}
