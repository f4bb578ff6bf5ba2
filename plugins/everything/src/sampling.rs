//! Tools that ask the client's model.

use fusebox_sdk::prelude::*;

/// Requests LLM sampling from client.
#[tool]
pub(crate) fn test_sampling(
    /// The prompt to send
    prompt: String,
    context: &Context,
) -> Result<String, HandlerError> {
    let text = context.sample("sampling", &prompt, 100)?;
    Ok(format!("LLM response: {text}"))
}

/// Requires the sampling client capability.
// The question is never answered: a client without the capability isn't asked,
// and one that has it needn't be.
#[tool]
pub(crate) fn test_missing_capability(context: &Context) -> Result<&'static str, HandlerError> {
    if !context.client_can(Capability::Sample) {
        context.sample("capability", "Hello", 1)?;
    }
    Ok("Required capability declared")
}
