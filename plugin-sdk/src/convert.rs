//! From what a tool's function returns to what the contract wants: text as it
//! is, content as it is, and every other value as structured content with the
//! same JSON as text beside it.
//!
//! The macro knows a return type only as tokens. [`Returned`] lets the compiler
//! choose: an inherent method (for `Result`, for text) wins over a trait's.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::content::to_json;
use crate::error::HandlerError;
use crate::fits::IntoHandlerError;
use crate::{Content, ToolResult, schema};

/// What a tool may return, alone or in a `Result`: besides text and `()`, every
/// `Serialize + JsonSchema` value, [`Content`], `Vec<Content>`, [`ToolResult`].
///
/// ```
/// use fusebox_sdk::IntoToolResult;
/// use fusebox_sdk::prelude::*;
///
/// /// Numbers that a model reads best as lines of text.
/// struct Table(Vec<[u32; 2]>);
///
/// impl IntoToolResult for Table {
///     fn into_tool_result(self) -> Result<ToolResult, HandlerError> {
///         let lines = self.0.iter().map(|[a, b]| format!("{a},{b}\n"));
///         Ok(ToolResult::new().text(lines.collect::<String>()))
///     }
///
///     fn output_schema() -> Option<String> {
///         None
///     }
/// }
///
/// /// Squares.
/// #[tool]
/// fn squares(up_to: u32) -> Table {
///     Table((1..=up_to).map(|n| [n, n * n]).collect())
/// }
///
/// let result = squares(2).into_tool_result()?;
/// assert!(matches!(&result.content[..], [Content::Text(text)] if text.text == "1,1\n2,4\n"));
/// # Ok::<(), HandlerError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a tool can't return `{Self}`",
    label = "it can't be written as JSON, or has no schema",
    note = "return text, `()`, `Content`, `Vec<Content>`, `ToolResult`, a type with `#[derive(Serialize, JsonSchema)]`, or a `Result` of these"
)]
pub trait IntoToolResult {
    /// Makes the result.
    ///
    /// ```
    /// # use fusebox_sdk::IntoToolResult;
    /// # use fusebox_sdk::prelude::*;
    /// // What is no object is put into one.
    /// let result = vec![1, 2].into_tool_result()?;
    /// assert_eq!(result.structured.as_deref(), Some(r#"{"result":[1,2]}"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    fn into_tool_result(self) -> Result<ToolResult, HandlerError>;

    /// JSON Schema of the structured content, if there is some.
    ///
    /// ```
    /// # use fusebox_sdk::IntoToolResult;
    /// # use fusebox_sdk::prelude::*;
    /// let schema = u8::output_schema();
    /// assert!(schema.is_some_and(|schema| schema.contains(r#""maximum":255"#)));
    /// assert_eq!(ToolResult::output_schema(), None);
    /// ```
    fn output_schema() -> Option<String>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema> IntoToolResult for T {
    fn into_tool_result(self) -> Result<ToolResult, HandlerError> {
        Ok(structured(to_json(&self)?))
    }

    fn output_schema() -> Option<String> {
        Some(schema::output(SchemaGenerator::subschema_for::<T>))
    }
}

#[diagnostic::do_not_recommend]
impl IntoToolResult for ToolResult {
    fn into_tool_result(self) -> Result<ToolResult, HandlerError> {
        Ok(self)
    }

    fn output_schema() -> Option<String> {
        None
    }
}

#[diagnostic::do_not_recommend]
impl IntoToolResult for Content {
    fn into_tool_result(self) -> Result<ToolResult, HandlerError> {
        Ok(ToolResult::new().content(self))
    }

    fn output_schema() -> Option<String> {
        None
    }
}

/// Structured content of a JSON text, with the same text beside it for clients
/// that know nothing else. A value that is not an object is wrapped, as MCP up
/// to 2025-11-25 demands; `schema::output` describes the same.
fn structured(json: String) -> ToolResult {
    let json = match json.starts_with('{') {
        true => json,
        false => format!("{{\"result\":{json}}}"),
    };
    ToolResult::new().text(json.clone()).structured_raw(json)
}

/// A return type, for the compiler to choose by.
pub struct Returned<T>(PhantomData<fn() -> T>);

impl<T> Returned<T> {
    /// Names the type.
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// A `Result`: its error is taken off.
impl<T, E> Returned<Result<T, E>> {
    /// The type of success.
    pub fn success(&self) -> Returned<T> {
        Returned::new()
    }

    /// The value, or the error.
    ///
    /// # Errors
    /// The tool's own.
    pub fn split(&self, returned: Result<T, E>) -> Result<T, HandlerError>
    where
        E: IntoHandlerError,
    {
        returned.map_err(E::into_handler_error)
    }
}

/// Any other type: it can't fail.
pub trait Infallible<T> {
    /// The type itself.
    fn success(&self) -> Returned<T>;

    /// The value itself.
    ///
    /// # Errors
    /// None.
    fn split(&self, returned: T) -> Result<T, HandlerError>;
}

impl<T> Infallible<T> for Returned<T> {
    fn success(&self) -> Self {
        Self::new()
    }

    fn split(&self, returned: T) -> Result<T, HandlerError> {
        Ok(returned)
    }
}

/// Types that `serde` knows, but that are no structured content.
macro_rules! plain {
    ($($type:ty => |$value:ident| $result:expr;)*) => { $(
        impl Returned<$type> {
            /// Makes the result.
            ///
            /// # Errors
            /// None.
            pub fn convert(&self, $value: $type) -> Result<ToolResult, HandlerError> {
                Ok($result)
            }

            /// There is no structured content.
            pub fn output_schema(&self) -> Option<String> {
                None
            }
        }
    )* };
}

plain! {
    String => |text| ToolResult::new().text(text);
    &str => |text| ToolResult::new().text(text);
    Cow<'_, str> => |text| ToolResult::new().text(text);
    () => |_nothing| ToolResult::new();
    Vec<Content> => |content| ToolResult { content, ..ToolResult::new() };
}

/// All other types.
pub trait Convert<T> {
    /// Makes the result.
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    fn convert(&self, value: T) -> Result<ToolResult, HandlerError>
    where
        T: IntoToolResult;

    /// JSON Schema of the structured content, if there is some.
    fn output_schema(&self) -> Option<String>
    where
        T: IntoToolResult;
}

impl<T> Convert<T> for Returned<T> {
    fn convert(&self, value: T) -> Result<ToolResult, HandlerError>
    where
        T: IntoToolResult,
    {
        value.into_tool_result()
    }

    fn output_schema(&self) -> Option<String>
    where
        T: IntoToolResult,
    {
        T::output_schema()
    }
}
