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
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let sunny = Content::text("sunny");
    /// assert!(matches!(sunny, Content::Text(text) if text.text == "sunny"));
    /// ```
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextContent {
            text: text.into(),
            annotations: None,
            meta: None,
        })
    }

    /// A picture: its raw bytes (the host encodes them) and its media type,
    /// such as `image/png`.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// A picture of one white pixel.
    /// #[tool]
    /// fn pixel() -> Content {
    ///     Content::image(b"P5 1 1 255\n\xff", "image/x-portable-graymap")
    /// }
    ///
    /// assert!(matches!(pixel(), Content::Image(image) if image.data.len() == 12));
    /// ```
    pub fn image(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Image(media(data.into(), mime_type.into()))
    }

    /// A sound: its raw bytes (the host encodes them) and its media type, such
    /// as `audio/wav`.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let silence = Content::audio(vec![0; 8000], "audio/basic");
    /// assert!(matches!(silence, Content::Audio(sound) if sound.mime_type == "audio/basic"));
    /// ```
    pub fn audio(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Audio(media(data.into(), mime_type.into()))
    }

    /// A resource of characters, put into the result itself.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let rules = Content::embedded_text("house://rules", "text/markdown", "# No smoking");
    /// assert!(matches!(
    ///     rules,
    ///     Content::EmbeddedResource(it) if it.contents.mime_type.as_deref() == Some("text/markdown")
    /// ));
    /// ```
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
    ///
    /// ```
    /// # use fusebox_sdk::ResourceBody;
    /// # use fusebox_sdk::prelude::*;
    /// let key = Content::embedded_blob("house://key", "application/octet-stream", [1, 2, 3]);
    /// assert!(matches!(
    ///     key,
    ///     Content::EmbeddedResource(it) if matches!(&it.contents.body, ResourceBody::Blob(bytes) if bytes.len() == 3)
    /// ));
    /// ```
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
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let rules = Content::link("house://rules", "rules");
    /// assert!(matches!(rules, Content::ResourceLink(link) if link.uri == "house://rules"));
    /// ```
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
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let result = ToolResult::new();
    /// assert!(result.content.is_empty() && !result.is_error);
    /// ```
    pub fn new() -> Self {
        Self {
            content: Vec::new(),
            structured: None,
            is_error: false,
            meta: None,
        }
    }

    /// Adds a piece of content.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let result = ToolResult::new()
    ///     .content(Content::text("The rules are here:"))
    ///     .content(Content::link("house://rules", "rules"));
    /// assert_eq!(result.content.len(), 2);
    /// ```
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content.push(content);
        self
    }

    /// Adds text.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let result = ToolResult::new().text("sunny");
    /// assert!(matches!(&result.content[..], [Content::Text(text)] if text.text == "sunny"));
    /// ```
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.content(Content::text(text))
    }

    /// Sets the structured content, which should be an object: clients of MCP
    /// up to 2025-11-25 take nothing else.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// #[derive(Serialize)]
    /// struct Weather {
    ///     degrees: f64,
    /// }
    ///
    /// let result = ToolResult::new()
    ///     .text("It is cold: -3.5 degrees.")
    ///     .structured(&Weather { degrees: -3.5 })?;
    /// assert_eq!(result.structured.as_deref(), Some(r#"{"degrees":-3.5}"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn structured<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, HandlerError> {
        let json = to_json(value)?;
        Ok(self.structured_raw(json))
    }

    /// Sets the structured content to text that is JSON already. The host
    /// checks it, and takes anything else for a fault of the plugin.
    ///
    /// ```
    /// # use fusebox_sdk::http::Response;
    /// # use fusebox_sdk::prelude::*;
    /// /// Passes on what a server says.
    /// #[tool]
    /// fn weather(ctx: &Context) -> Result<ToolResult, HandlerError> {
    ///     let json = ctx.http().get("https://api.example.org").send()?.success()?.text()?;
    ///     Ok(ToolResult::new().text(&json).structured_raw(json))
    /// }
    ///
    /// let ctx = Context::for_test().with_http(|_| Ok(Response::new(200, r#"{"degrees":-3.5}"#)));
    /// assert_eq!(weather(&ctx)?.structured.as_deref(), Some(r#"{"degrees":-3.5}"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn structured_raw(mut self, json: impl Into<String>) -> Self {
        self.structured = Some(json.into());
        self
    }

    /// Marks the result as the report of a failure.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let result = ToolResult::new().text("Two of five files are missing.").error();
    /// assert!(result.is_error);
    /// ```
    #[must_use]
    pub fn error(mut self) -> Self {
        self.is_error = true;
        self
    }

    /// Sets MCP's `_meta`, an object.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # use fusebox_sdk::serde_json::json;
    /// let result = ToolResult::new().text("sunny").meta(&json!({"example.org/station": 7}))?;
    /// assert_eq!(result.meta.as_deref(), Some(r#"{"example.org/station":7}"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
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
