//! Tools that need several rounds (SEP-2322): each kind of question alone, all
//! at once, and one after the other.

use fusebox_sdk::prelude::*;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Name {
    pub(crate) name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Color {
    color: String,
}

#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    ok: bool,
}

/// Requires an elicitation input via InputRequiredResult (SEP-2322).
#[tool]
pub(crate) fn test_input_required_result_elicitation(
    context: &Context,
) -> Result<String, HandlerError> {
    let name: Name = context.elicit("user_name", "What is your name?")?;
    Ok(format!("Hello, {}!", name.name))
}

/// Requires a sampling input via InputRequiredResult (SEP-2322).
#[tool]
pub(crate) fn test_input_required_result_sampling(
    context: &Context,
) -> Result<String, HandlerError> {
    let text = context.sample("capital_question", "What is the capital of France?", 100)?;
    Ok(format!("Sampling response: {text}"))
}

/// Requires a roots/list input via InputRequiredResult (SEP-2322).
#[tool]
pub(crate) fn test_input_required_result_list_roots(
    context: &Context,
) -> Result<String, HandlerError> {
    let roots = context.list_roots("client_roots")?;
    let roots: Vec<_> = roots.iter().map(|root| root.uri.as_str()).collect();
    Ok(format!("Client roots: [{}]", roots.join(", ")))
}

/// Round-trips integrity-protected requestState (SEP-2322).
#[tool]
pub(crate) fn test_input_required_result_request_state(
    context: &Context,
) -> Result<&'static str, HandlerError> {
    confirmed(context)
}

/// Rejects tampered requestState with a JSON-RPC error (SEP-2322).
// The host does: a state that was tampered with never gets here.
#[tool]
pub(crate) fn test_input_required_result_tampered_state(
    context: &Context,
) -> Result<&'static str, HandlerError> {
    confirmed(context)
}

/// Asks for a confirmation, and looks for the state it left.
fn confirmed(context: &Context) -> Result<&'static str, HandlerError> {
    let state: Option<String> = context.state()?;
    context.set_state("confirm")?;
    let answer: Elicited<Confirmation> = context.ask("confirm", Form::new("Please confirm"))?;
    match (answer.ok(), state.as_deref()) {
        (None | Some(Confirmation { ok: false }), _) => Err("Not confirmed".into()),
        (_, Some("confirm")) => Ok("Confirmed: state-ok"),
        _ => Err("The state was lost".into()),
    }
}

/// Requires elicitation + sampling + roots inputs in one round (SEP-2322).
#[tool]
pub(crate) fn test_input_required_result_multiple_inputs(
    context: &Context,
) -> Result<&'static str, HandlerError> {
    context.set_state(&json!({"stage": "gather"}))?;
    context.ask_all((
        ("user_name", Form::<Name>::new("What is your name?")),
        ("greeting", Sampling::new("Generate a greeting", 50)),
        ("client_roots", ListRoots),
    ))?;
    Ok("All inputs received")
}

/// Drives multiple input_required rounds with evolving requestState (SEP-2322).
#[tool]
pub(crate) fn test_input_required_result_multi_round(
    context: &Context,
) -> Result<&'static str, HandlerError> {
    context.set_state(&json!({"round": 1}))?;
    let name: Name = context.elicit("step1", "Step 1: What is your name?")?;
    context.set_state(&json!({"round": 2}))?;
    let color: Color = context.elicit("step2", "Step 2: What is your favorite color?")?;
    // The first answer came a round ago, and is here still.
    match name.name.is_empty() || color.color.is_empty() {
        false => Ok("Multi-round flow complete"),
        true => Err("An answer was empty".into()),
    }
}

/// Only requests inputs for declared client capabilities (SEP-2322).
#[tool]
pub(crate) fn test_input_required_result_capabilities(
    context: &Context,
) -> Result<&'static str, HandlerError> {
    let can = |capability| context.client_can(capability);
    let form = || ("user_name", Form::<Name>::new("What is your name?"));
    let sampling = || ("greeting", Sampling::new("Generate a greeting", 100));
    let asked = context.ask_all((
        can(Capability::Form).then(form),
        can(Capability::Sample).then(sampling),
        can(Capability::ListRoots).then_some(("client_roots", ListRoots)),
    ))?;
    match asked {
        (None, None, None) => Ok("Client declared no MRTR-capable capabilities"),
        _ => Ok("Capability-aware flow complete"),
    }
}
