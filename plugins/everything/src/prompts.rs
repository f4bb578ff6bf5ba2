//! Prompts: without and with arguments, with other content than text, and one
//! that asks.

use fusebox_sdk::prelude::*;

use crate::media::IMAGE;

/// A simple test prompt with no arguments
#[prompt]
pub(crate) fn test_simple_prompt() -> &'static str {
    "This is a simple prompt for testing."
}

/// A test prompt that accepts arguments
#[prompt]
pub(crate) fn test_prompt_with_arguments(
    /// First test argument
    arg1: String,
    /// Second test argument
    arg2: String,
) -> String {
    format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")
}

/// A test prompt that includes an embedded resource
#[prompt]
pub(crate) fn test_prompt_with_embedded_resource(
    /// URI of the resource to embed
    #[arg(name = "resourceUri")]
    resource_uri: String,
) -> Vec<PromptMessage> {
    vec![
        PromptMessage::user(Content::embedded_text(
            resource_uri,
            "text/plain",
            "Embedded resource content for testing.",
        )),
        PromptMessage::user("Please process the embedded resource above."),
    ]
}

/// A test prompt that includes an image
#[prompt]
pub(crate) fn test_prompt_with_image() -> Vec<PromptMessage> {
    vec![
        PromptMessage::user(Content::image(IMAGE, "image/png")),
        PromptMessage::user("Please analyze the image above."),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Elicited {
    context: String,
}

/// A prompt that requires elicitation input via InputRequiredResult (SEP-2322)
#[prompt]
pub(crate) fn test_input_required_result_prompt(
    context: &Context,
) -> Result<PromptResult, HandlerError> {
    let message = "What context should the prompt use?";
    let elicited: Elicited = context.elicit("user_context", message)?;
    let text = format!("Prompt with elicited context: {}", elicited.context);
    let messages = vec![PromptMessage::user(text)];
    Ok(PromptResult::new(messages).description("A prompt built from elicited context"))
}
