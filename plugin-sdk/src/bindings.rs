//! What `wit-bindgen` makes of the contract in `wit/`. The shared types and the
//! imports are generated once; each export has a world of its own, so that a
//! plugin exports what it has and nothing else.
//!
//! Nothing here is written by hand and nothing here is public by this path.

/// The shared types, and what the host offers.
pub mod host {
    wit_bindgen::generate!({
        path: "../wit",
        world: "imports",
        generate_all,
        generate_unused_types: true,
    });
}

/// What the operator has to grant. A plugin imports of it what it uses.
pub(crate) mod capabilities {
    wit_bindgen::generate!({
        path: "../wit",
        world: "capabilities",
        with: {
            "wasi:io/poll@0.2.12": crate::bindings::host::wasi::io::poll,
            "wasi:clocks/monotonic-clock@0.2.12": crate::bindings::host::wasi::clocks::monotonic_clock,
        },
        generate_all,
    });
}

/// Spans. A plugin that makes none imports nothing of it.
pub(crate) mod tracing {
    wit_bindgen::generate!({
        path: "../wit",
        world: "tracing",
        generate_all,
    });
}

/// The export `tools`.
pub mod tool_provider {
    wit_bindgen::generate!({
        path: "../wit",
        world: "tool-provider",
        with: {
            "fusebox:plugin/types@0.1.0": crate::bindings::host::fusebox::plugin::types,
            "fusebox:plugin/request@0.1.0": crate::bindings::host::fusebox::plugin::request,
            "fusebox:plugin/notifications@0.1.0": crate::bindings::host::fusebox::plugin::notifications,
            "wasi:io/poll@0.2.12": crate::bindings::host::wasi::io::poll,
            "wasi:clocks/monotonic-clock@0.2.12": crate::bindings::host::wasi::clocks::monotonic_clock,
        },
        pub_export_macro: true,
        export_macro_name: "export_tools",
        default_bindings_module: "fusebox_sdk::__private::bindings::tool_provider",
    });
}

/// The export `resources`.
pub mod resource_provider {
    wit_bindgen::generate!({
        path: "../wit",
        world: "resource-provider",
        with: {
            "fusebox:plugin/types@0.1.0": crate::bindings::host::fusebox::plugin::types,
            "fusebox:plugin/request@0.1.0": crate::bindings::host::fusebox::plugin::request,
            "fusebox:plugin/notifications@0.1.0": crate::bindings::host::fusebox::plugin::notifications,
            "wasi:io/poll@0.2.12": crate::bindings::host::wasi::io::poll,
            "wasi:clocks/monotonic-clock@0.2.12": crate::bindings::host::wasi::clocks::monotonic_clock,
        },
        pub_export_macro: true,
        export_macro_name: "export_resources",
        default_bindings_module: "fusebox_sdk::__private::bindings::resource_provider",
    });
}

/// The export `prompts`.
pub mod prompt_provider {
    wit_bindgen::generate!({
        path: "../wit",
        world: "prompt-provider",
        with: {
            "fusebox:plugin/types@0.1.0": crate::bindings::host::fusebox::plugin::types,
            "fusebox:plugin/request@0.1.0": crate::bindings::host::fusebox::plugin::request,
            "fusebox:plugin/notifications@0.1.0": crate::bindings::host::fusebox::plugin::notifications,
            "wasi:io/poll@0.2.12": crate::bindings::host::wasi::io::poll,
            "wasi:clocks/monotonic-clock@0.2.12": crate::bindings::host::wasi::clocks::monotonic_clock,
        },
        pub_export_macro: true,
        export_macro_name: "export_prompts",
        default_bindings_module: "fusebox_sdk::__private::bindings::prompt_provider",
    });
}

/// The export `completions`.
pub mod completion_provider {
    wit_bindgen::generate!({
        path: "../wit",
        world: "completion-provider",
        with: {
            "fusebox:plugin/types@0.1.0": crate::bindings::host::fusebox::plugin::types,
            "fusebox:plugin/request@0.1.0": crate::bindings::host::fusebox::plugin::request,
            "fusebox:plugin/notifications@0.1.0": crate::bindings::host::fusebox::plugin::notifications,
            "wasi:io/poll@0.2.12": crate::bindings::host::wasi::io::poll,
            "wasi:clocks/monotonic-clock@0.2.12": crate::bindings::host::wasi::clocks::monotonic_clock,
        },
        pub_export_macro: true,
        export_macro_name: "export_completions",
        default_bindings_module: "fusebox_sdk::__private::bindings::completion_provider",
    });
}
