//! Tools that show the user a form, with every kind of field that MCP has.

use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json;
use serde::de::DeserializeOwned;

#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Person {
    /// User's response
    username: String,
    /// User's email address
    email: String,
}

/// Requests user input from client.
#[tool]
pub(crate) fn test_elicitation(
    /// The message to show
    message: String,
    context: &Context,
) -> Result<String, HandlerError> {
    Ok(format!(
        "User response: {}",
        asked::<Person>(context, &message)?
    ))
}

#[derive(Deserialize, Serialize, JsonSchema, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Status {
    #[default]
    Active,
    Inactive,
    Pending,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Defaults {
    /// User's name
    name: String,
    /// User's age
    age: i64,
    /// User's score
    score: f64,
    /// User's status
    status: Status,
    /// Whether user is verified
    verified: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            name: "John Doe".into(),
            age: 30,
            score: 95.5,
            status: Status::Active,
            verified: true,
        }
    }
}

/// Tests elicitation with default values (SEP-1034).
#[tool]
pub(crate) fn test_elicitation_sep1034_defaults(context: &Context) -> Result<String, HandlerError> {
    let message = "Please provide values (all have defaults)";
    Ok(format!(
        "Elicitation completed: {}",
        asked::<Defaults>(context, message)?
    ))
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Untitled {
    Option1,
    Option2,
    Option3,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Titled {
    /// First Option
    Value1,
    /// Second Option
    Value2,
    /// Third Option
    Value3,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Choice {
    /// First Choice
    Value1,
    /// Second Choice
    Value2,
    /// Third Choice
    Value3,
}

/// Nothing here must be given.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Enums {
    #[serde(skip_serializing_if = "Option::is_none")]
    untitled_single: Option<Untitled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    titled_single: Option<Titled>,
    #[schemars(extend(
        "enum" = ["opt1", "opt2", "opt3"],
        "enumNames" = ["Option One", "Option Two", "Option Three"]
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_enum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untitled_multi: Option<Vec<Untitled>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    titled_multi: Option<Vec<Choice>>,
}

/// Tests enum schema improvements (SEP-1330).
#[tool]
pub(crate) fn test_elicitation_sep1330_enums(context: &Context) -> Result<String, HandlerError> {
    let message = "Test enum schema improvements";
    Ok(format!(
        "Elicitation completed: {}",
        asked::<Enums>(context, message)?
    ))
}

/// Sends the user to an address.
#[tool]
pub(crate) fn test_elicitation_url(context: &Context) -> Result<String, HandlerError> {
    let visit = Visit::new("Please sign in", "https://example.com/sign-in");
    let answer = context.ask("sign_in", visit)?;
    Ok(format!("Elicitation completed: action={}", answer.action()))
}

#[derive(Deserialize, JsonSchema)]
struct Value {
    value: String,
}

/// Returns an input_required result containing an elicitation request.
#[tool]
pub(crate) fn test_streaming_elicitation(context: &Context) -> Result<String, HandlerError> {
    let value: Value = context.elicit("streaming_elicitation", "Provide a value")?;
    Ok(format!("Value received: {}", value.value))
}

/// What became of a form, in the suite's words.
fn asked<T>(context: &Context, message: &str) -> Result<String, HandlerError>
where
    T: DeserializeOwned + Serialize + JsonSchema,
{
    let answer = context.ask("form", Form::<T>::new(message))?;
    let action = answer.action();
    let content = match answer.ok() {
        Some(content) => serde_json::to_string(&content)?,
        None => "null".to_owned(),
    };
    Ok(format!("action={action}, content={content}"))
}
