//! What a host says once it serves: what it offers, and one line to try it with.
//!
//! It owns these words. It never changes anything.

use std::sync::Arc;

use fusebox_protocol::reply::ListKind;

use crate::config::{Config, Scheme};
use crate::host::Host;
use crate::plugin_entry::Offers;
use crate::transport::listen::Bound;

pub(crate) fn address(listener: &Bound, config: &Config) -> String {
    match listener.scheme {
        Scheme::Http | Scheme::Https => {
            let scheme = listener.scheme.as_str();
            format!("{scheme}://{}{}", listener.addr, config.http.path)
        }
        Scheme::Tcp => format!("tcp://{}", listener.addr),
        Scheme::Quic => format!("quic://{}", listener.addr),
    }
}

/// Tells a newcomer what is served, and one line to try it with.
pub(super) fn welcome(host: &Host, bound: &[Bound]) {
    let catalogue = host.catalogue.load();
    if catalogue.tools().is_empty() {
        tracing::info!(
            dir = %host.config.plugins_dir.display(),
            "no tools yet: drop a .wasm file into the plugins folder"
        );
        return;
    }
    for (name, slot) in catalogue.slots() {
        if let Some(plugin) = &slot.serving {
            tracing::info!("{name}: {}", summary(&plugin.offers));
        }
    }
    let http = bound.iter().find(|one| one.scheme == Scheme::Http);
    for (name, view) in &host.config.views {
        let offered = catalogue.view(&Some(Arc::from(name.as_str())));
        let tools = offered.count(ListKind::Tools);
        let others = offered.count(ListKind::Resources) + offered.count(ListKind::Prompts);
        tracing::info!(path = view.path, tools, "view {name}");
        if tools + others == 0 {
            tracing::warn!("view {name} shows nothing: no plugin here fits its names");
        }
    }
    if let Some(http) = http {
        let url = address(http, &host.config);
        tracing::info!(
            "try it:\n{}",
            example(&url, catalogue.tool("hello").is_some())
        );
    }
}

/// Names of tools that are told of each plugin at the start.
const NAMES_TOLD_MAX: usize = 8;

fn summary(offers: &Offers) -> String {
    let shown = offers.tools.iter().take(NAMES_TOLD_MAX);
    let mut parts: Vec<String> = shown.map(|one| one.handler.name.clone()).collect();
    let rest = offers.tools.len() - parts.len();
    let counts = [
        (rest, "more tools"),
        (offers.resources.len(), "resources"),
        (offers.templates.len(), "resource templates"),
        (offers.prompts.len(), "prompts"),
    ];
    let counted = counts.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(counted.map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

/// A command that calls `hello` if it is there, and lists the tools if not.
fn example(url: &str, has_hello: bool) -> String {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let (method, name, params) = if has_hello {
        (
            "tools/call",
            " -H 'Mcp-Name: hello'",
            format!(r#"{{"name":"hello","arguments":{{"name":"Ada"}},{meta}}}"#),
        )
    } else {
        ("tools/list", "", format!("{{{meta}}}"))
    };
    format!(
        "  curl -s {url} -H 'Content-Type: application/json' -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: {method}'{name} -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}'"
    )
}
