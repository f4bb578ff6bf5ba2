//! The macro that makes a plugin of handlers: an implementation and an export
//! for each kind that is there.

/// Makes a plugin of the functions with `#[tool]`, `#[resource]`, `#[prompt]`
/// and `#[completion]`. Each kind may be left out: a plugin exports what it
/// lists, and no more.
///
/// ```
/// # use fusebox_sdk::prelude::*;
/// # /** Adds. */ #[tool] fn add(a: f64, b: f64) -> f64 { a + b }
/// # #[resource(uri = "notes://today")] fn today() -> &'static str { "sunny" }
/// # #[prompt] fn review(code: String) -> String { code }
/// # #[completion(prompt = "review", argument = "code")]
/// # fn codes(value: &str) -> Vec<&'static str> { vec![] }
/// fusebox_sdk::plugin! {
///     tools: [add],
///     resources: [today],
///     prompts: [review],
///     completions: [codes],
/// }
///
/// // Each of them is still a function.
/// assert_eq!(add(1.0, 2.0), 3.0);
/// ```
///
/// A plugin whose lists stay as they are as long as it is loaded may say how long
/// clients can keep them without asking again: `lists: cache(ttl_ms = 3_600_000)`,
/// and with `shared` behind it, that they are the same for every caller. Clients
/// are told the shortest time of all items that a list of the host has; items of
/// plugins that say nothing count with the host's own `lists.cache_ttl_ms`.
///
/// ```
/// # use fusebox_sdk::prelude::*;
/// # /** Adds. */ #[tool] fn add(a: f64, b: f64) -> f64 { a + b }
/// fusebox_sdk::plugin! {
///     lists: cache(ttl_ms = 3_600_000, shared),
///     tools: [add],
/// }
/// ```
///
/// What a plugin needs from its operator may be written into it: `asks:` and a text
/// of TOML, before everything else. The operator sees it (`fusebox plugin check`, the
/// host's log, `/health`) with the lines that would grant it; nothing is granted by
/// itself. The tables are `limits`, whose keys are those of the host's configuration;
/// `http`, `keyvalue`, `keyvalue_session` and `keyvalue_caller`, as in
/// `[plugins.NAME.grants]`; and `config`, `secrets`, `env` and `files`, where each name
/// stands with what it is for.
///
/// ```
/// # use fusebox_sdk::prelude::*;
/// # /** Forecasts. */ #[tool] fn forecast(town: String) -> String { town }
/// fusebox_sdk::plugin! {
///     asks: r#"
///         [limits]
///         memory_max_bytes = 268_435_456
///         [http]
///         allow = ["GET https://api.example.org"]
///         [secrets]
///         token = "the key of api.example.org"
///     "#,
///     tools: [forecast],
/// }
/// ```
#[macro_export]
macro_rules! plugin {
    (asks: $asks:expr, $($kinds:tt)+) => {
        const _: () = {
            const ASKS: &str = $asks;
            const _: () = $crate::__private::assert_short(ASKS);

            // A section of the module, which stays in what is made of it.
            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = "fusebox:asks")]
            pub static SECTION: [u8; ASKS.len()] = $crate::__private::bytes_of(ASKS);
        };
        $crate::plugin! { $($kinds)+ }
    };
    (lists: cache(ttl_ms = $ttl_ms:literal, shared), $($kinds:tt)+) => {
        $crate::__plugin! {
            Some($crate::__private::CacheHint { ttl_ms: $ttl_ms, shared: true }), $($kinds)+
        }
    };
    (lists: cache(ttl_ms = $ttl_ms:literal), $($kinds:tt)+) => {
        $crate::__plugin! {
            Some($crate::__private::CacheHint { ttl_ms: $ttl_ms, shared: false }), $($kinds)+
        }
    };
    (lists: $($other:tt)*) => {
        compile_error!("say how long lists may be kept: `lists: cache(ttl_ms = 60_000)` or `lists: cache(ttl_ms = 60_000, shared)`, and then what there is: `tools: [...]`");
    };
    ($($kinds:tt)*) => {
        $crate::__plugin! { None, $($kinds)* }
    };
}

/// `plugin!`, with what it says of its lists.
#[doc(hidden)]
#[macro_export]
macro_rules! __plugin {
    ($lists:expr, $($kind:ident: [$($handlers:tt)+]),+ $(,)?) => {
        const __FUSEBOX_LISTS: Option<$crate::__private::CacheHint> = $lists;
        // The first of the plugin's variables; see there.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[used]
            static START: $crate::__private::PageStart = $crate::__private::PageStart::here();
        };
        $($crate::__export! { $kind: [$($handlers)+] })+
    };
    ($lists:expr, $($other:tt)*) => {
        compile_error!("a plugin lists its functions by kind: `tools: [add, subtract], resources: [today]`; each list has at least one, and `asks: ...` and then `lists: ...` stand before all of them");
    };
}

/// One kind of `plugin!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (tools: $handlers:tt) => {
        #[allow(dead_code)]
        const __FUSEBOX_TOOLS: () = ();

        const _: () = {
            const DEFINITIONS: &[$crate::__private::ToolDefinition] =
        &$crate::__private::definitions!(Tool: $handlers);
            static TOOLS: &[$crate::__private::ToolDefinition] = DEFINITIONS;
            const _: () = $crate::__private::assert_distinct(
                ["two tools of this plugin are called `", "", "`"],
                &$crate::__identities!(DEFINITIONS),
            );

            #[allow(dead_code)]
            struct Plugin;

            impl $crate::__private::ToolsGuest for Plugin {
                fn list_tools()
                -> Result<Vec<$crate::__private::ToolEntry>, $crate::__private::Failure> {
                    $crate::__private::list_tools(TOOLS, __FUSEBOX_LISTS)
                }

                fn call_tool(
                    name: String,
                    arguments: String,
                    context: $crate::__private::CallContext,
                ) -> Result<$crate::__private::ToolOutcome, $crate::__private::Failure> {
                    $crate::__private::call_tool(TOOLS, &name, &arguments, context)
                }
            }

            // Names like these can't be exported from a library of another kind.
            #[cfg(target_arch = "wasm32")]
            $crate::__private::bindings::tool_provider::export_tools!(
                Plugin with_types_in $crate::__private::bindings::tool_provider
            );
        };
    };
    (resources: $handlers:tt) => {
        #[allow(dead_code)]
        const __FUSEBOX_RESOURCES: () = ();

        const _: () = {
            const DEFINITIONS: &[$crate::__private::ResourceDefinition] =
        &$crate::__private::definitions!(Resource: $handlers);
            static RESOURCES: &[$crate::__private::ResourceDefinition] = DEFINITIONS;
            const _: () = $crate::__private::assert_distinct(
                ["two resources of this plugin are at `", "", "`"],
                &$crate::__identities!(DEFINITIONS),
            );

            #[allow(dead_code)]
            struct Plugin;

            impl $crate::__private::ResourcesGuest for Plugin {
                fn list_resources()
                -> Result<Vec<$crate::__private::ResourceEntry>, $crate::__private::Failure>
                {
                    $crate::__private::list_resources(RESOURCES, __FUSEBOX_LISTS)
                }

                fn list_resource_templates()
                -> Result<Vec<$crate::__private::ResourceTemplate>, $crate::__private::Failure>
                {
                    $crate::__private::list_resource_templates(RESOURCES, __FUSEBOX_LISTS)
                }

                fn read_resource(
                    uri: String,
                    context: $crate::__private::CallContext,
                ) -> Result<$crate::__private::ResourceOutcome, $crate::__private::Failure>
                {
                    $crate::__private::read_resource(RESOURCES, &uri, context)
                }
            }

            #[cfg(target_arch = "wasm32")]
            $crate::__private::bindings::resource_provider::export_resources!(
                Plugin with_types_in $crate::__private::bindings::resource_provider
            );
        };
    };
    (prompts: $handlers:tt) => {
        #[allow(dead_code)]
        const __FUSEBOX_PROMPTS: () = ();

        const _: () = {
            const DEFINITIONS: &[$crate::__private::PromptDefinition] =
        &$crate::__private::definitions!(Prompt: $handlers);
            static PROMPTS: &[$crate::__private::PromptDefinition] = DEFINITIONS;
            const _: () = $crate::__private::assert_distinct(
                ["two prompts of this plugin are called `", "", "`"],
                &$crate::__identities!(DEFINITIONS),
            );

            #[allow(dead_code)]
            struct Plugin;

            impl $crate::__private::PromptsGuest for Plugin {
                fn list_prompts()
                -> Result<Vec<$crate::__private::PromptEntry>, $crate::__private::Failure> {
                    $crate::__private::list_prompts(PROMPTS, __FUSEBOX_LISTS)
                }

                fn get_prompt(
                    name: String,
                    arguments: Vec<(String, String)>,
                    context: $crate::__private::CallContext,
                ) -> Result<$crate::__private::PromptOutcome, $crate::__private::Failure> {
                    $crate::__private::get_prompt(PROMPTS, &name, &arguments, context)
                }
            }

            #[cfg(target_arch = "wasm32")]
            $crate::__private::bindings::prompt_provider::export_prompts!(
                Plugin with_types_in $crate::__private::bindings::prompt_provider
            );
        };
    };
    (completions: $handlers:tt) => {
        #[allow(dead_code)]
        const __FUSEBOX_COMPLETIONS: () = ();

        const _: () = {
            const DEFINITIONS: &[$crate::__private::CompleterDefinition] =
        &$crate::__private::definitions!(Completer: $handlers);
            static COMPLETIONS: &[$crate::__private::CompleterDefinition] = DEFINITIONS;
            const _: () = $crate::__private::assert_distinct(
                [
                    "two completions of this plugin are for `",
                    "`, argument `",
                    "`",
                ],
                &$crate::__identities!(DEFINITIONS),
            );

            #[allow(dead_code)]
            struct Plugin;

            impl $crate::__private::CompletionsGuest for Plugin {
                fn complete(
                    reference: $crate::__private::CompletionReference,
                    name: String,
                    value: String,
                    known: Vec<(String, String)>,
                ) -> Result<$crate::Completion, $crate::__private::Failure> {
                    $crate::__private::complete(COMPLETIONS, &reference, &name, &value, known)
                }
            }

            #[cfg(target_arch = "wasm32")]
            $crate::__private::bindings::completion_provider::export_completions!(
                Plugin with_types_in $crate::__private::bindings::completion_provider
            );
        };
    };
    ($kind:ident: $handlers:tt) => {
        compile_error!(concat!(
            "a plugin has tools, resources, prompts and completions, but no ",
            stringify!($kind)
        ));
    };
}

/// The names of all definitions, which a constant can gather by hand only.
#[doc(hidden)]
#[macro_export]
macro_rules! __identities {
    ($definitions:ident) => {{
        let mut names = [["", ""]; $definitions.len()];
        let mut i = 0;
        while i < names.len() {
            names[i] = $definitions[i].identity();
            i += 1;
        }
        names
    }};
}
