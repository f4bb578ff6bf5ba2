//! Short ways to make the pieces of a result. The types themselves come from
//! the contract; whatever these functions leave out is a public field.

use serde::Serialize;

use crate::error::HandlerError;
use crate::{
    Content, EmbeddedResource, MediaContent, ResourceBody, ResourceContents, ResourceLink,
    TextContent, ToolResult,
};

impl Content {
    /// Characters.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextContent {
            text: text.into(),
            annotations: None,
            meta: None,
        })
    }

    /// A picture: its raw bytes (the host encodes them) and its media type,
    /// such as `image/png`.
    pub fn image(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Image(media(data.into(), mime_type.into()))
    }

    /// A sound: its raw bytes (the host encodes them) and its media type, such
    /// as `audio/wav`.
    pub fn audio(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Audio(media(data.into(), mime_type.into()))
    }

    /// A resource of characters, put into the result itself.
    pub fn embedded_text(
        uri: impl Into<String>,
        mime_type: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        embedded(
            uri.into(),
            mime_type.into(),
            ResourceBody::Text(text.into()),
        )
    }

    /// A resource of bytes, put into the result itself.
    pub fn embedded_blob(
        uri: impl Into<String>,
        mime_type: impl Into<String>,
        data: impl Into<Vec<u8>>,
    ) -> Self {
        embedded(
            uri.into(),
            mime_type.into(),
            ResourceBody::Blob(data.into()),
        )
    }

    /// A pointer to a resource that the client may read.
    pub fn link(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self::ResourceLink(ResourceLink {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            annotations: None,
            icons: None,
            meta: None,
        })
    }
}

fn media(data: Vec<u8>, mime_type: String) -> MediaContent {
    MediaContent {
        data,
        mime_type,
        annotations: None,
        meta: None,
    }
}

fn embedded(uri: String, mime_type: String, body: ResourceBody) -> Content {
    Content::EmbeddedResource(EmbeddedResource {
        contents: ResourceContents {
            uri,
            mime_type: Some(mime_type),
            body,
            meta: None,
        },
        annotations: None,
        meta: None,
    })
}

/// A result put together by hand, for a tool that answers with more than one
/// value.
impl ToolResult {
    /// An empty result.
    pub fn new() -> Self {
        Self {
            content: Vec::new(),
            structured: None,
            is_error: false,
            meta: None,
        }
    }

    /// Adds a piece of content.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content.push(content);
        self
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.content(Content::text(text))
    }

    /// Sets the structured content, which should be an object: clients of MCP
    /// up to 2025-11-25 take nothing else.
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn structured<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, HandlerError> {
        let json = to_json(value)?;
        Ok(self.structured_raw(json))
    }

    /// Sets the structured content to text that is JSON already. The host
    /// checks it, and takes anything else for a fault of the plugin.
    #[must_use]
    pub fn structured_raw(mut self, json: impl Into<String>) -> Self {
        self.structured = Some(json.into());
        self
    }

    /// Marks the result as the report of a failure.
    #[must_use]
    pub fn error(mut self) -> Self {
        self.is_error = true;
        self
    }

    /// Sets MCP's `_meta`, an object.
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn meta<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, HandlerError> {
        self.meta = Some(to_json(value)?);
        Ok(self)
    }
}

impl Default for ToolResult {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, HandlerError> {
    serde_json::to_string(value).map_err(|error| {
        HandlerError::new(format_args!("failed to write the result as JSON: {error}"))
    })
}
