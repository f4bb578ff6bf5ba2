//! Tools that tell subscribers about a change.

use fusebox_sdk::prelude::*;

/// Says that the list of tools has changed.
#[tool]
pub(crate) fn test_trigger_tool_change(context: &Context) -> &'static str {
    context.tools_changed();
    "Tool list change triggered"
}

/// Says that the list of prompts has changed.
#[tool]
pub(crate) fn test_trigger_prompt_change(context: &Context) -> &'static str {
    context.prompts_changed();
    "Prompt list change triggered"
}

/// Says that the list of resources has changed.
#[tool]
pub(crate) fn test_trigger_resource_change(context: &Context) -> &'static str {
    context.resources_changed();
    "Resource list change triggered"
}

/// Says that a resource has changed.
#[tool]
pub(crate) fn test_trigger_resource_update(
    /// which
    #[arg(default = "test://watched-resource".to_owned())]
    uri: String,
    context: &Context,
) -> &'static str {
    context.resource_updated(&uri);
    "Resource update triggered"
}
