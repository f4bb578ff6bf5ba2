//! The contract's types that authors meet, by the names they have here.
//!
//! What they consist of is in `wit/`; the short ways to make them are beside what they
//! are made for.

use crate::bindings::host::fusebox::plugin::types;

/// Hints for a client: for whom something is, and how much it matters.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{Annotations, Role, TextContent};
///
/// /// Says what only the user should read.
/// #[tool]
/// fn aside(words: String) -> Content {
///     Content::Text(TextContent {
///         text: words,
///         annotations: Some(Annotations {
///             audience: vec![Role::User],
///             priority: Some(0.2),
///             last_modified: None,
///         }),
///         meta: None,
///     })
/// }
///
/// let Content::Text(text) = aside("by the way".into()) else { panic!("it is text") };
/// assert_eq!(text.annotations.map(|hints| hints.audience), Some(vec![Role::User]));
/// ```
pub use types::Annotations;

/// What a completion proposes.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Only the first of many, which nobody has counted.
/// #[completion(prompt = "review", argument = "commit")]
/// fn commits(value: &str) -> Completion {
///     Completion {
///         values: vec![format!("{value}0a1b2c")],
///         total: None,
///         has_more: true,
///     }
/// }
///
/// assert_eq!(commits("f").values, ["f0a1b2c"]);
/// ```
pub use types::Completion;

/// One piece of what a tool answers, or of what a prompt says.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// A pixel, and what it is.
/// #[tool]
/// fn pixel() -> Vec<Content> {
///     let white = b"P5 1 1 255\n\xff";
///     vec![
///         Content::text("a white pixel"),
///         Content::image(white, "image/x-portable-graymap"),
///     ]
/// }
///
/// assert!(matches!(&pixel()[..], [Content::Text(_), Content::Image(_)]));
/// ```
pub use types::Content;

/// A resource within a result, with hints that [`Content::embedded_text`] leaves out.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{EmbeddedResource, ResourceContents};
///
/// let rules = Content::EmbeddedResource(EmbeddedResource {
///     contents: ResourceContents::text("house://rules", "No smoking"),
///     annotations: None,
///     meta: Some(r#"{"example.org/floor": 2}"#.to_owned()),
/// });
///
/// assert!(matches!(rules, Content::EmbeddedResource(it) if it.contents.uri == "house://rules"));
/// ```
pub use types::EmbeddedResource;

/// A question as it leaves a handler; a test finds it in
/// [`HandlerError::questions`](crate::HandlerError::questions).
///
/// ```
/// use fusebox_sdk::InputRequest;
/// use fusebox_sdk::prelude::*;
///
/// /// How many folders the client works in.
/// #[tool]
/// fn folders(ctx: &Context) -> Result<usize, HandlerError> {
///     Ok(ctx.list_roots("folders")?.len())
/// }
///
/// let asks = folders(&Context::for_test()).unwrap_err();
/// assert!(matches!(asks.questions(), [(key, InputRequest::ListRoots)] if key == "folders"));
/// ```
pub use types::InputRequest;

/// How much a message of the log matters.
///
/// ```
/// use fusebox_sdk::LogLevel;
///
/// fn level_of(status: u16) -> LogLevel {
///     match status {
///         500.. => LogLevel::Error,
///         400.. => LogLevel::Warning,
///         _ => LogLevel::Debug,
///     }
/// }
///
/// assert_eq!(level_of(404), LogLevel::Warning);
/// ```
pub use types::LogLevel;

/// A picture or a sound, with hints that [`Content::image`] leaves out.
///
/// ```
/// use fusebox_sdk::MediaContent;
/// use fusebox_sdk::prelude::*;
///
/// let knock = Content::Audio(MediaContent {
///     data: b"RIFF".to_vec(),
///     mime_type: "audio/wav".to_owned(),
///     annotations: None,
///     meta: None,
/// });
///
/// assert!(matches!(knock, Content::Audio(sound) if sound.data == b"RIFF"));
/// ```
pub use types::MediaContent;

/// One message of a prompt: who says it, and what.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Begins a quiz.
/// #[prompt]
/// fn quiz(topic: String) -> Vec<PromptMessage> {
///     vec![
///         PromptMessage::user(format!("Ask me something about {topic}.")),
///         PromptMessage::assistant("Here is the first question:"),
///     ]
/// }
///
/// assert_eq!(quiz("tea".into()).len(), 2);
/// ```
pub use types::PromptMessage;

/// What a prompt gives, if it is more than messages.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Explains something.
/// #[prompt]
/// fn explain(what: String) -> PromptResult {
///     let messages = vec![PromptMessage::user(format!("Explain {what}."))];
///     PromptResult::new(messages).description(format!("Explains {what}"))
/// }
///
/// assert_eq!(explain("tides".into()).description.as_deref(), Some("Explains tides"));
/// ```
pub use types::PromptResult;

/// A pointer to a resource, with what [`Content::link`] leaves out.
///
/// ```
/// use fusebox_sdk::ResourceLink;
/// use fusebox_sdk::prelude::*;
///
/// /// Where the rules are.
/// #[tool]
/// fn rules() -> Content {
///     Content::ResourceLink(ResourceLink {
///         uri: "house://rules".to_owned(),
///         name: "rules".to_owned(),
///         title: Some("House rules".to_owned()),
///         description: None,
///         mime_type: Some("text/markdown".to_owned()),
///         size: Some(120),
///         annotations: None,
///         icons: None,
///         meta: None,
///     })
/// }
///
/// assert!(matches!(rules(), Content::ResourceLink(link) if link.size == Some(120)));
/// ```
pub use types::Resource as ResourceLink;

/// What is in a resource: text or bytes. A resource whose kind is known only when it is
/// read returns this.
///
/// ```
/// use fusebox_sdk::ResourceBody;
/// use fusebox_sdk::prelude::*;
///
/// /// A note, whatever was put there.
/// #[resource(uri_template = "notes://{name}")]
/// fn note(name: String, ctx: &Context) -> Result<Option<ResourceBody>, HandlerError> {
///     let value = ctx.store()?.get(&name)?;
///     Ok(value.map(|bytes| match String::from_utf8(bytes) {
///         Ok(text) => ResourceBody::Text(text),
///         Err(other) => ResourceBody::Blob(other.into_bytes()),
///     }))
/// }
///
/// let ctx = Context::for_test();
/// ctx.store()?.set("today", "sunny")?;
/// let today = note("today".into(), &ctx)?;
/// assert!(matches!(today, Some(ResourceBody::Text(text)) if text == "sunny"));
/// # Ok::<(), HandlerError>(())
/// ```
pub use types::ResourceBody;

/// What is at one address. A resource that has several parts returns several of these.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Two rooms.
/// #[resource(uri = "house://rooms")]
/// fn rooms() -> Vec<ResourceContents> {
///     vec![
///         ResourceContents::text("house://rooms/1", "the kitchen"),
///         ResourceContents::text("house://rooms/2", "the attic"),
///     ]
/// }
///
/// assert_eq!(rooms()[1].uri, "house://rooms/2");
/// ```
pub use types::ResourceContents;

/// Who says something, and whom a piece of content is for.
///
/// ```
/// use fusebox_sdk::Role;
/// use fusebox_sdk::prelude::*;
///
/// assert_eq!(PromptMessage::user("Hello!").role, Role::User);
/// assert_eq!(PromptMessage::assistant("Hello!").role, Role::Assistant);
/// ```
pub use types::Role;

/// Text, with hints that [`Content::text`] leaves out.
///
/// ```
/// use fusebox_sdk::TextContent;
/// use fusebox_sdk::prelude::*;
///
/// let sunny = Content::Text(TextContent {
///     text: "sunny".to_owned(),
///     annotations: None,
///     meta: Some(r#"{"example.org/station": 7}"#.to_owned()),
/// });
///
/// assert!(matches!(sunny, Content::Text(text) if text.text == "sunny"));
/// ```
pub use types::TextContent;

/// What a tool answers, put together by hand.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Divides, with the remainder.
/// #[tool]
/// fn divide(a: u32, b: u32) -> Result<ToolResult, HandlerError> {
///     let Some(quotient) = a.checked_div(b) else {
///         return Ok(ToolResult::new().text("nothing divides by zero").error());
///     };
///     let parts = [("quotient", quotient), ("remainder", a % b)];
///     ToolResult::new()
///         .text(format!("{quotient}, remainder {}", a % b))
///         .structured(&std::collections::BTreeMap::from(parts))
/// }
///
/// let result = divide(7, 2)?;
/// assert_eq!(result.structured.as_deref(), Some(r#"{"quotient":3,"remainder":1}"#));
/// assert!(divide(1, 0)?.is_error);
/// # Ok::<(), HandlerError>(())
/// ```
pub use types::CallResult as ToolResult;
