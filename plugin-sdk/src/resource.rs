//! From what a resource's function returns to what the contract wants: text and
//! bytes become the contents of the address that was asked for.

use std::borrow::Cow;

use crate::content::to_json;
use crate::error::HandlerError;
use crate::fits::IntoHandlerError;
use crate::{ResourceBody, ResourceContents};

/// What was asked for.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{IntoContents, Requested};
///
/// let requested = Requested { uri: "notes://today", mime_type: Some("text/plain") };
/// let contents = "sunny".into_contents(&requested)?;
/// assert_eq!(contents[0].uri, "notes://today");
/// assert_eq!(contents[0].mime_type.as_deref(), Some("text/plain"));
/// # Ok::<(), HandlerError>(())
/// ```
pub struct Requested<'a> {
    /// the address
    pub uri: &'a str,
    /// the media type that is listed for it
    pub mime_type: Option<&'a str>,
}

/// What a resource may return, alone, in a `Result`, or in an `Option` (where
/// `None` says that nothing is there): text, bytes, [`ResourceContents`], or
/// several of the latter.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{IntoContents, Requested};
///
/// /// What a station measured, which is read as lines of text.
/// struct Measured(Vec<f64>);
///
/// impl IntoContents for Measured {
///     fn into_contents(self, at: &Requested<'_>) -> Result<Vec<ResourceContents>, HandlerError> {
///         let lines = self.0.iter().map(|degrees| format!("{degrees}\n"));
///         lines.collect::<String>().into_contents(at)
///     }
/// }
///
/// /// The temperatures of a station, if there is such a one.
/// #[resource(uri_template = "weather://{station}", mime_type = "text/csv")]
/// fn temperatures(station: u32) -> Option<Measured> {
///     (station == 7).then(|| Measured(vec![-3.5, 1.0]))
/// }
///
/// let at = Requested { uri: "weather://8", mime_type: None };
/// let error = temperatures(8).into_contents(&at).unwrap_err();
/// assert_eq!(error.message(), "nothing is at `weather://8`");
/// ```
#[diagnostic::on_unimplemented(
    message = "a resource can't return `{Self}`",
    label = "it is neither text nor bytes",
    note = "return text, `Vec<u8>`, `ResourceContents`, `Vec<ResourceContents>`, or an `Option` or `Result` of these"
)]
pub trait IntoContents {
    /// Makes the contents.
    ///
    /// ```
    /// # use fusebox_sdk::{IntoContents, Requested, ResourceBody, prelude::*};
    /// let key = Requested { uri: "house://key", mime_type: None };
    /// let contents = vec![1, 2, 3].into_contents(&key)?;
    /// assert!(matches!(&contents[0].body, ResourceBody::Blob(bytes) if bytes.len() == 3));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// The handler's own.
    fn into_contents(
        self,
        requested: &Requested<'_>,
    ) -> Result<Vec<ResourceContents>, HandlerError>;
}

#[diagnostic::do_not_recommend]
impl IntoContents for Vec<ResourceContents> {
    fn into_contents(self, _: &Requested<'_>) -> Result<Self, HandlerError> {
        Ok(self)
    }
}

/// One value each, of which only the body is told.
macro_rules! bodies {
    ($($type:ty => |$value:ident| $body:expr;)*) => { $(
        #[diagnostic::do_not_recommend]
        impl IntoContents for $type {
            fn into_contents(
                self,
                requested: &Requested<'_>,
            ) -> Result<Vec<ResourceContents>, HandlerError> {
                let $value = self;
                Ok(vec![ResourceContents {
                    uri: requested.uri.into(),
                    mime_type: requested.mime_type.map(Into::into),
                    body: $body,
                    meta: None,
                }])
            }
        }
    )* };
}

bodies! {
    String => |text| ResourceBody::Text(text);
    &str => |text| ResourceBody::Text(text.into());
    Cow<'_, str> => |text| ResourceBody::Text(text.into_owned());
    Vec<u8> => |bytes| ResourceBody::Blob(bytes);
    &[u8] => |bytes| ResourceBody::Blob(bytes.into());
    ResourceBody => |body| body;
}

#[diagnostic::do_not_recommend]
impl IntoContents for ResourceContents {
    fn into_contents(self, _: &Requested<'_>) -> Result<Vec<ResourceContents>, HandlerError> {
        Ok(vec![self])
    }
}

impl<T: IntoContents> IntoContents for Option<T> {
    fn into_contents(
        self,
        requested: &Requested<'_>,
    ) -> Result<Vec<ResourceContents>, HandlerError> {
        match self {
            Some(value) => value.into_contents(requested),
            None => Err(HandlerError::not_found(format_args!(
                "nothing is at `{}`",
                requested.uri
            ))),
        }
    }
}

impl<T: IntoContents, E: IntoHandlerError> IntoContents for Result<T, E> {
    fn into_contents(
        self,
        requested: &Requested<'_>,
    ) -> Result<Vec<ResourceContents>, HandlerError> {
        self.map_err(E::into_handler_error)?
            .into_contents(requested)
    }
}

/// Contents put together by hand, for a resource that gives more than a body.
impl ResourceContents {
    /// Characters at an address.
    ///
    /// ```
    /// # use fusebox_sdk::{ResourceBody, prelude::*};
    /// let note = ResourceContents::text("notes://today", "sunny");
    /// assert!(matches!(note.body, ResourceBody::Text(text) if text == "sunny"));
    /// ```
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self::of(uri.into(), ResourceBody::Text(text.into()))
    }

    /// Bytes at an address; the host encodes them.
    ///
    /// ```
    /// # use fusebox_sdk::{ResourceBody, prelude::*};
    /// let key = ResourceContents::blob("house://key", [1, 2, 3]);
    /// assert!(matches!(key.body, ResourceBody::Blob(bytes) if bytes == [1, 2, 3]));
    /// ```
    pub fn blob(uri: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self::of(uri.into(), ResourceBody::Blob(data.into()))
    }

    fn of(uri: String, body: ResourceBody) -> Self {
        Self {
            uri,
            mime_type: None,
            body,
            meta: None,
        }
    }

    /// Sets the media type, such as `text/plain`.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let rules = ResourceContents::text("house://rules", "# No smoking").mime_type("text/markdown");
    /// assert_eq!(rules.mime_type.as_deref(), Some("text/markdown"));
    /// ```
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// Sets MCP's `_meta`, an object.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # use fusebox_sdk::serde_json::json;
    /// let note = ResourceContents::text("notes://today", "sunny").meta(&json!({"example.org/by": "ada"}))?;
    /// assert_eq!(note.meta.as_deref(), Some(r#"{"example.org/by":"ada"}"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn meta<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Result<Self, HandlerError> {
        self.meta = Some(to_json(value)?);
        Ok(self)
    }
}
