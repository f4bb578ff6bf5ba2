//! The same calls through the engine, and whole messages through the host, in
//! one process: bytes in, bytes out.
//!
//! It owns no server. It names only what the engine and the host make public,
//! so that both may change inside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use fusebox::auth::Audience;
use fusebox::config::Config;
use fusebox::host::Host;
use fusebox::loader::Loader;
use fusebox::origin::Origin;
use fusebox::router::{self, Routed};
use fusebox_engine::contract::types::{CallContext, ClientCapabilities, Content, ToolOutcome};
use fusebox_engine::{Answer, Completed, Discard, Habit, Invocation, Plugin};
use fusebox_protocol::Message;
use fusebox_protocol::envelope::{self, Incoming};
use tokio::runtime::Runtime;

/// The arguments of `hello`.
pub const ARGUMENTS: &str = r#"{"name":"Ada"}"#;

/// And its answer.
pub const ANSWER: &str = "Hello, Ada!";

/// A whole call of `hello`.
pub const MESSAGE: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"hello","arguments":{"name":"Ada"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// Where `cargo xtask plugins` puts plugins.
pub fn plugins_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    target.join("plugins")
}

/// The bytes of a plugin.
pub fn plugin(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo xtask plugins` first",
            path.display()
        )
    })
}

/// One thread.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Calls a tool and checks its text.
pub async fn call(plugin: &Plugin, tool: &'static str, arguments: &'static str, answer: &str) {
    call_as(plugin, None, tool, arguments, answer).await;
}

/// The same for a caller that is known.
pub async fn call_as(
    plugin: &Plugin,
    caller: Option<String>,
    tool: &'static str,
    arguments: &'static str,
    answer: &str,
) {
    let invocation = Invocation::CallTool {
        name: ByteString::from_static(tool),
        arguments: ByteString::from_static(arguments),
        context: CallContext {
            caller,
            deadline_ms: 30_000,
            client: ClientCapabilities::empty(),
            input_responses: None,
            request_state: None,
        },
    };
    check(
        plugin
            .call(invocation, Arc::new(Discard), None, &Habit::default())
            .await,
        answer,
    );
}

fn check(completed: Completed, answer: &str) {
    let Ok(Answer::Tool(Ok(ToolOutcome::Complete(result)))) = completed.answer else {
        panic!("{completed:?}");
    };
    let [Content::Text(text)] = &result.content[..] else {
        panic!("{result:?}");
    };
    assert_eq!(text.text, answer);
}

/// A host with these settings and the plugins of a folder.
pub fn host(runtime: &Runtime, toml: &str, plugins: &Path) -> Arc<Host> {
    let mut config = Config::from_toml("bench", toml)
        .expect("settings")
        .with_plugins_dir(plugins.to_path_buf());
    // Nothing of a measurement stays behind.
    config.reload.keep_versions = 0;
    let host = Host::new(config, None).expect("a host");
    runtime.block_on(Loader::new(host.clone()).load_all());
    host
}

/// A message of a modern client, and its answer.
pub async fn message(host: &Arc<Host>, frame: &Bytes) -> Vec<u8> {
    let Ok(Incoming::Single(Message::Request(request))) = envelope::parse(frame, 1) else {
        panic!("not a request");
    };
    match router::modern(
        host,
        frame,
        &request,
        None,
        &Audience::default(),
        &Origin::default(),
    ) {
        Routed::Call(call) => call.run(None).await.body,
        Routed::Ready(reply) => reply.body,
        Routed::Listen(_) | Routed::Later(_) => panic!("not a call"),
    }
}
