//! From what a resource's function returns to what the contract wants: text and
//! bytes become the contents of the address that was asked for.

use std::borrow::Cow;

use crate::content::to_json;
use crate::error::HandlerError;
use crate::fits::IntoHandlerError;
use crate::{ResourceBody, ResourceContents};

/// What was asked for.
pub struct Requested<'a> {
    /// the address
    pub uri: &'a str,
    /// the media type that is listed for it
    pub mime_type: Option<&'a str>,
}

/// What a resource may return, alone, in a `Result`, or in an `Option` (where
/// `None` says that nothing is there): text, bytes, [`ResourceContents`], or
/// several of the latter.
#[diagnostic::on_unimplemented(
    message = "a resource can't return `{Self}`",
    label = "it is neither text nor bytes",
    note = "return text, `Vec<u8>`, `ResourceContents`, `Vec<ResourceContents>`, or an `Option` or `Result` of these"
)]
pub trait IntoContents {
    /// Makes the contents.
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
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self::of(uri.into(), ResourceBody::Text(text.into()))
    }

    /// Bytes at an address; the host encodes them.
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
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// Sets MCP's `_meta`, an object.
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn meta<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Result<Self, HandlerError> {
        self.meta = Some(to_json(value)?);
        Ok(self)
    }
}
