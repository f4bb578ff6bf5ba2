//! The host's side of `wit/`: the one place that runs the binding generator.
//!
//! It owns the generated types and their names; it never holds behaviour.

// Generated code has no documentation of its own; the WIT file has it.
#![allow(missing_docs, unreachable_pub)]

/// Bindings whose calls may yield and wait.
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plugin",
        imports: {
            "fusebox:plugin/request.log": async | trappable,
            "fusebox:plugin/request.progress": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
    });
}

/// The same contract and the same types, for calls that run in one go.
mod generated_sync {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plugin",
        imports: { default: trappable },
        with: {
            "fusebox:plugin/types": super::generated::fusebox::plugin::types,
            "wasi:io": wasmtime_wasi::p2::bindings::sync::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
    });
}

/// Exports and imports for calls that may yield and wait.
pub(crate) mod sliced {
    pub(crate) use super::generated::exports::fusebox::plugin::{
        completions, prompts, resources, tools,
    };
    pub(crate) use super::generated::fusebox::plugin::{notifications, request};
}

/// Exports and imports for calls that run in one go.
pub(crate) mod quick {
    pub(crate) use super::generated_sync::exports::fusebox::plugin::{
        completions, prompts, resources, tools,
    };
    pub(crate) use super::generated_sync::fusebox::plugin::{notifications, request};
}

/// Every value that crosses the boundary, named as in `wit/plugin.wit`.
pub use generated::fusebox::plugin::types;

/// The version of the contract that this host serves.
pub const VERSION: &str = "0.1.0";

/// The package that a plugin's exports belong to, without its version.
pub const PACKAGE: &str = "fusebox:plugin";
