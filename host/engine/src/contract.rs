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

/// Spans, the same for both kinds of calls: none of it waits, and none of it is seen
/// before the call has ended.
mod generated_tracing {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "tracing",
        imports: { default: trappable },
        with: { "fusebox:plugin/trace.span": crate::spans::SpanHandle },
        additional_derives: [PartialEq],
    });
}

/// What has to be granted. Configuration is looked up in memory; what is kept may
/// have to be waited for. HTTP has bindings of its own, in `wasmtime-wasi-http`, and
/// so have sockets, in `wasmtime-wasi`, but for the lookup of names.
mod generated_capabilities {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "capabilities",
        imports: {
            "wasi:config/store.get": trappable,
            "wasi:config/store.get-all": trappable,
            default: async | trappable,
        },
        with: {
            "wasi:keyvalue/store.bucket": crate::keyvalue::OpenBucket,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:sockets/network": wasmtime_wasi::p2::bindings::sockets::network,
            "wasi:sockets/instance-network": wasmtime_wasi::p2::bindings::sockets::instance_network,
            "wasi:sockets/tcp": wasmtime_wasi::p2::bindings::sockets::tcp,
            "wasi:sockets/tcp-create-socket": wasmtime_wasi::p2::bindings::sockets::tcp_create_socket,
            "wasi:sockets/udp": wasmtime_wasi::p2::bindings::sockets::udp,
            "wasi:sockets/udp-create-socket": wasmtime_wasi::p2::bindings::sockets::udp_create_socket,
            "wasi:sockets/ip-name-lookup.resolve-address-stream": crate::sockets::Lookup,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
    });
}

/// Imports that have to be granted.
pub(crate) mod capabilities {
    pub(crate) use super::generated_capabilities::wasi::config::store as config;
    pub(crate) use super::generated_capabilities::wasi::keyvalue::{atomics, batch, store};
    pub(crate) use super::generated_capabilities::wasi::sockets::ip_name_lookup;
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

/// The import of spans.
pub(crate) use generated_tracing::fusebox::plugin::trace;

/// Every value that crosses the boundary, named as in `wit/plugin.wit`.
pub use generated::fusebox::plugin::types;

/// The value of an attribute of a span.
pub use generated_tracing::fusebox::plugin::trace::Value as SpanValue;

/// The version of the contract that this host serves.
pub const VERSION: &str = "0.1.0";

/// The package that a plugin's exports belong to, without its version.
pub const PACKAGE: &str = "fusebox:plugin";
