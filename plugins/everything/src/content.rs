//! Tools that answer with each kind of content.

use fusebox_sdk::prelude::*;

use crate::media::{AUDIO, IMAGE};

/// Returns text.
// The first tool: the suite calls it without arguments.
#[tool]
pub(crate) fn test_simple_text() -> &'static str {
    "This is a simple text response for testing."
}

/// Returns an image.
#[tool]
pub(crate) fn test_image_content() -> Content {
    Content::image(IMAGE, "image/png")
}

/// Returns a sound.
#[tool]
pub(crate) fn test_audio_content() -> Content {
    Content::audio(AUDIO, "audio/wav")
}

/// Returns a resource within the result.
#[tool]
pub(crate) fn test_embedded_resource() -> Content {
    Content::embedded_text(
        "test://embedded-resource",
        "text/plain",
        "This is an embedded resource content.",
    )
}

/// Returns text, an image and a resource.
#[tool]
pub(crate) fn test_multiple_content_types() -> Vec<Content> {
    vec![
        Content::text("Multiple content types test:"),
        Content::image(IMAGE, "image/png"),
        Content::embedded_text(
            "test://mixed-content-resource",
            "application/json",
            r#"{"test":"data","value":123}"#,
        ),
    ]
}
