//! What the MCP conformance suite asks of a server: its fixture, one module for
//! each kind. Names, texts and waits are the suite's, not ours. It has no use
//! but that.

mod completions;
mod content;
mod elicitation;
mod media;
mod prompts;
mod reports;
mod resources;
mod rounds;
mod sampling;
mod schemas;
mod tasks;
mod triggers;

fusebox_sdk::plugin! {
    tools: [
        // The suite calls the first one without arguments.
        content::test_simple_text,
        content::test_image_content,
        content::test_audio_content,
        content::test_embedded_resource,
        content::test_multiple_content_types,
        reports::test_tool_with_logging,
        reports::test_error_handling,
        reports::test_tool_with_progress,
        sampling::test_sampling,
        elicitation::test_elicitation,
        elicitation::test_elicitation_sep1034_defaults,
        elicitation::test_elicitation_sep1330_enums,
        elicitation::test_elicitation_url,
        schemas::json_schema_2020_12_tool,
        schemas::test_custom_header,
        triggers::test_trigger_tool_change,
        triggers::test_trigger_prompt_change,
        triggers::test_trigger_resource_change,
        triggers::test_trigger_resource_update,
        sampling::test_missing_capability,
        elicitation::test_streaming_elicitation,
        reports::test_logging_tool,
        reports::test_reconnection,
        rounds::test_input_required_result_elicitation,
        rounds::test_input_required_result_sampling,
        rounds::test_input_required_result_list_roots,
        rounds::test_input_required_result_request_state,
        rounds::test_input_required_result_multiple_inputs,
        rounds::test_input_required_result_multi_round,
        rounds::test_input_required_result_tampered_state,
        rounds::test_input_required_result_capabilities,
        tasks::greet,
        tasks::slow_compute,
        tasks::failing_job,
        tasks::protocol_error_job,
        tasks::confirm_delete,
        tasks::multi_input,
        tasks::test_tool_with_task,
    ],
    resources: [
        resources::static_text,
        resources::static_binary,
        resources::watched,
        resources::asking,
        resources::dynamic,
    ],
    prompts: [
        prompts::test_simple_prompt,
        prompts::test_prompt_with_arguments,
        prompts::test_prompt_with_embedded_resource,
        prompts::test_prompt_with_image,
        prompts::test_input_required_result_prompt,
    ],
    completions: [
        completions::arg1,
        completions::arg2,
        completions::id,
    ],
}
