//! The attribute macros of `fusebox-sdk`. They only read tokens and write
//! tables: whatever can be a function is one, in `fusebox-sdk`, from where
//! plugins use these macros and where each is documented.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod completion;
mod list;
mod options;
mod parameters;
mod prompt;
mod resource;
mod template;
#[cfg(test)]
mod tests;
mod tokens;
mod tool;

use proc_macro::TokenStream;

/// Makes a tool of a function. The function itself stays as it is.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Repeats a word.
/// #[tool(title = "Repeat", read_only, cache(ttl_ms = 60_000, shared))]
/// fn repeat(
///     /// what to say
///     word: String,
///     /// how often
///     #[arg(default = 2)]
///     times: usize,
/// ) -> String {
///     word.repeat(times)
/// }
///
/// fusebox_sdk::plugin! { tools: [repeat] }
///
/// assert_eq!(repeat("ha".into(), 3), "hahaha");
/// ```
///
/// The function may be `async`, to await several requests at once; see
/// `fusebox_sdk::block_on` for tests of it. The same holds for resources, prompts and
/// completions.
///
/// Doc comments describe the tool, which has to have one, and, on parameters, its
/// arguments. A parameter of type `Option<T>` may be left out, and so may one with a
/// default; a parameter of type `&Context` is no argument. The schemas of
/// arguments and result follow from the types, which derive
/// `schemars::JsonSchema` if they are your own.
///
/// Of the tool, in parentheses:
/// - `name = "..."`, if it is not to be called like the function;
/// - `title = "..."`, a name for people;
/// - `description = "..."`, in place of the doc comment;
/// - `read_only`, `destructive`, `idempotent`, `open_world`, each alone or with
///   `= false`: hints for the client;
/// - `icons = I`: MCP's icons, a JSON array, as text or as a constant with it;
/// - `meta = r#"{...}"#`: MCP's `_meta`, a JSON object;
/// - `cache(ttl_ms = 60_000, shared)`: the result follows from the arguments
///   and may be kept that long; without `shared`, for the same caller only;
/// - `task = "optional"` or `"required"`: the call may, or must, be answered as
///   a long-running task;
/// - `ask_before_task`: what the tool asks, it asks before its task begins, in
///   answer to the call itself; otherwise the task asks while it runs;
/// - `input_schema = S`, a constant with a JSON Schema: the function then takes
///   one value, which the whole object of the arguments is read into;
/// - `output_schema = S`, a constant, in place of what the type says.
///
/// Of a parameter, with `#[arg(...)]`:
/// - `name = "..."`, if it is not to be called like the parameter;
/// - `default` or `default = expression`: what it is if it isn't given;
/// - `header = "X"`: a header `Mcp-Param-X` carries it too.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    tool::expand(options.into(), item.into()).into()
}

/// Makes a resource, or a family of resources, of a function. The function
/// itself stays as it is.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// The house rules.
/// #[resource(uri = "house://rules", mime_type = "text/markdown")]
/// fn rules() -> &'static str {
///     "# No smoking"
/// }
///
/// /// Who sleeps in a room.
/// #[resource(uri_template = "house://{floor}/{room}", mime_type = "text/plain")]
/// fn guest(floor: u8, room: String) -> Option<String> {
///     (floor < 3).then(|| format!("{room} on floor {floor} is free"))
/// }
///
/// fusebox_sdk::plugin! { resources: [rules, guest] }
///
/// assert_eq!(guest(9, "a".into()), None);
/// ```
///
/// One of the two stands in parentheses:
/// - `uri = "scheme:..."`: one resource;
/// - `uri_template = "scheme://{id}/..."`: a family, by RFC 6570. Each variable
///   is a parameter of the same name, of a type that `FromStr` reads: `{id}`
///   takes a piece without `/`, `?` and `#`, `{+path}` takes any text. Both are
///   percent-decoded and never empty. Other operators are refused when the
///   plugin is compiled.
///
/// Besides: `name`, `title`, `description`, `icons`, `meta` and
/// `cache(ttl_ms = ..., shared)` as for a tool; `mime_type = "..."`; `size =
/// bytes` (of one resource); `audience(user, assistant)`, `priority = 0.5` and
/// `last_modified = "2026-07-28T12:00:00Z"`: hints for the client.
///
/// A parameter of type `&Context` is no variable. What the function may return
/// is listed at `IntoContents`.
#[proc_macro_attribute]
pub fn resource(options: TokenStream, item: TokenStream) -> TokenStream {
    resource::expand(options.into(), item.into()).into()
}

/// Makes a prompt of a function. The function itself stays as it is.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Reviews a piece of code.
/// #[prompt]
/// fn review(
///     /// the code
///     code: String,
///     /// the language it is written in
///     language: Option<String>,
/// ) -> Vec<PromptMessage> {
///     let language = language.unwrap_or_else(|| "a language".into());
///     vec![
///         PromptMessage::user(format!("Review this. It is written in {language}.")),
///         PromptMessage::user(code),
///     ]
/// }
///
/// fusebox_sdk::plugin! { prompts: [review] }
///
/// assert_eq!(review("fn f() {}".into(), None).len(), 2);
/// ```
///
/// Each parameter is an argument, of a type that `FromStr` reads, since a
/// prompt's arguments are text: `Option<T>` may be left out, and so may one with
/// `#[arg(default)]`. A parameter of type `&Context` is no argument. Doc
/// comments describe the prompt and its arguments. What the function may return
/// is listed at `IntoPromptResult`.
///
/// In parentheses: `name`, `title`, `description`, `icons` and `meta` as for a
/// tool. Of a parameter, with `#[arg(...)]`: `name`, `title` and `default`.
#[proc_macro_attribute]
pub fn prompt(options: TokenStream, item: TokenStream) -> TokenStream {
    prompt::expand(options.into(), item.into()).into()
}

/// Makes a function propose values for one argument. The function itself stays
/// as it is.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Plans a journey.
/// #[prompt]
/// fn journey(country: String, city: String) -> String {
///     format!("Plan a journey to {city}, {country}.")
/// }
///
/// #[completion(prompt = "journey", argument = "city")]
/// fn cities(value: &str, known: &Known) -> Vec<&'static str> {
///     let cities: &[_] = match known.get("country") {
///         Some("Italy") => &["Milan", "Rome"],
///         _ => &["Berlin", "Paris"],
///     };
///     let cities = cities.iter().copied();
///     cities.filter(|city| city.starts_with(value)).collect()
/// }
///
/// fusebox_sdk::plugin! { prompts: [journey], completions: [cities] }
///
/// let known = Known::new([("country".into(), "Italy".into())]);
/// assert_eq!(cities("R", &known), ["Rome"]);
/// ```
///
/// In parentheses stands what is completed: `prompt = "name"` or `resource =
/// "scheme://{id}/..."` (the text of a template), and `argument = "name"`.
///
/// The function takes what is typed so far, as `&str` or `String`, and, if it
/// wants them, the arguments that were chosen before, as `&Known`, and a `&Context`,
/// which knows nothing of the caller here. What it may return is listed at
/// `IntoCompletion`.
#[proc_macro_attribute]
pub fn completion(options: TokenStream, item: TokenStream) -> TokenStream {
    completion::expand(options.into(), item.into()).into()
}

/// What `plugin!` makes of one of its lists. Not for use by hand.
#[doc(hidden)]
#[proc_macro]
pub fn definitions(list: TokenStream) -> TokenStream {
    list::expand(list.into()).into()
}
