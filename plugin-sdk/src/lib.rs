//! Write MCP servers for the Fusebox host in Rust: a tool, a resource, a prompt
//! is a function with typed arguments and doc comments.
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
//! and the schema of the result follow from the types. See [`macro@tool`],
//! [`macro@resource`], [`macro@prompt`] and [`macro@completion`] for what can be
//! set, [`Context`] for what a handler can do while it runs ([`Context::elicit`]
//! asks the user), and [`IntoToolResult`], [`IntoContents`],
//! [`IntoPromptResult`] and [`IntoCompletion`] for what it can return.
//!
//! A handler may be `async`, to have several requests on their way at once: see
//! [`http::Builder::send_async`], [`join!`], [`try_join!`], and [`block_on`] for tests.
//!
//! What a plugin does beyond computing has to be granted by the operator, in
//! `[plugins.NAME.grants]` of the host's configuration: [`Context::config`],
//! [`Context::secret`], [`Context::http`] and [`Context::store`]. What it needs can be
//! written into it: `asks` in [`plugin!`]. [`Context::span`] shows a part of its work in
//! the operator's traces, and needs no grant.
//!
//! A type of your own as an argument derives `serde::Deserialize` and
//! `schemars::JsonSchema`, one as a result `serde::Serialize` and
//! `schemars::JsonSchema`; both crates must be among your dependencies then.

// Forbidden but for the allocator, which can't be without.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(all(feature = "allocator", target_arch = "wasm32", target_os = "unknown"))]
mod allocator;
mod arguments;
mod ask;
mod asks;
#[allow(missing_docs, clippy::all, unused_qualifications, reason = "generated")]
mod bindings;
mod completion;
mod content;
mod context;
mod convert;
mod error;
mod executor;
mod export;
mod fits;
pub mod http;
mod join;
mod plugin;
mod prompt;
mod resource;
mod room;
mod schema;
mod settings;
mod span;
#[cfg(not(target_arch = "wasm32"))]
mod stand_in;
mod store;
mod template;
mod text;

pub use ask::{
    Capability, Elicited, Entry, Form, ListRoots, Question, Questions, Root, Round, Sampled,
    Sampling, Visit,
};
pub use bindings::host::fusebox::plugin::types::{
    Annotations, CallResult as ToolResult, Completion, Content, EmbeddedResource, InputRequest,
    LogLevel, MediaContent, PromptMessage, PromptResult, Resource as ResourceLink, ResourceBody,
    ResourceContents, Role, TextContent,
};
pub use completion::{IntoCompletion, Known};
pub use context::Context;
pub use convert::IntoToolResult;
pub use error::HandlerError;
pub use executor::block_on;
pub use fusebox_sdk_macros::{completion, prompt, resource, tool};
pub use join::{join_all, try_join_all};
pub use prompt::IntoPromptResult;
pub use resource::{IntoContents, Requested};
pub use settings::Secret;
pub use span::{Span, SpanValue};
pub use store::Store;
pub use {schemars, serde, serde_json};

/// What a plugin's file needs.
pub mod prelude {
    pub use crate::{
        Capability, Completion, Content, Context, Elicited, Form, HandlerError, Known, ListRoots,
        PromptMessage, PromptResult, ResourceContents, Sampling, ToolResult, Visit,
    };
    pub use crate::{completion, prompt, resource, tool};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}

/// What the macros' code refers to. Not for use by hand, and not stable.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::{Argument, split};
    pub use crate::asks::{assert_short, bytes_of};
    pub use crate::bindings::completion_provider::exports::fusebox::plugin::completions::Guest as CompletionsGuest;
    pub use crate::bindings::host::fusebox::plugin::types::{
        CacheHint, CallContext, ClientCapabilities, CompletionReference, Failure, InputRequired,
        Prompt as PromptEntry, PromptOutcome, Resource as ResourceEntry, ResourceOutcome,
        ResourceTemplate, TaskSupport, Tool as ToolEntry, ToolOutcome,
    };
    pub use crate::bindings::prompt_provider::exports::fusebox::plugin::prompts::Guest as PromptsGuest;
    pub use crate::bindings::resource_provider::exports::fusebox::plugin::resources::Guest as ResourcesGuest;
    pub use crate::bindings::tool_provider::exports::fusebox::plugin::tools::Guest as ToolsGuest;
    pub use crate::convert::{Convert, Infallible, Returned};
    pub use crate::export::{
        Address, Completer, CompleterDefinition, Hints, Input, Prompt, PromptDefinition, Reference,
        Resource, ResourceDefinition, Tool, ToolDefinition, assert_distinct, call_tool, complete,
        get_prompt, list_prompts, list_resource_templates, list_resources, list_tools,
        read_resource,
    };
    pub use crate::fits::{ArgumentValue, DefaultValue, IntoHandlerError, TextValue, WholeValue};
    pub use crate::join::{Join, TryJoin};
    pub use crate::room::PageStart;
    pub use crate::template::Part;
    pub use crate::text::TextArgument;
    pub use fusebox_sdk_macros::definitions;
    pub use serde_json;

    pub mod bindings {
        pub use crate::bindings::{
            completion_provider, host, prompt_provider, resource_provider, tool_provider,
        };
    }
}
