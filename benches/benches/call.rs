//! What one call costs: in the engine (warm and fresh), as a whole message in
//! process, and in bare wasmtime with the same bytes, so that the host's own
//! share is seen. Every reply is read and checked.
//!
//! It owns no server: `cargo bench -p fusebox-benches` is the whole command,
//! after `cargo xtask plugins`.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use criterion::{Criterion, criterion_group, criterion_main};
use fusebox::config::Config;
use fusebox::host::Host;
use fusebox::loader::Loader;
use fusebox::router::{self, Routed};
use fusebox_engine::contract::types::{CallContext, ClientCapabilities, Content, ToolOutcome};
use fusebox_engine::{
    Answer, Completed, Discard, Engine, EngineConfig, Habit, Invocation, Isolation, Limits, Plugin,
};
use fusebox_protocol::Message;
use fusebox_protocol::envelope::{self, Incoming};
use tokio::runtime::Runtime;

const ARGUMENTS: &str = r#"{"name":"Ada"}"#;
const ANSWER: &str = "Hello, Ada!";

const MESSAGE: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"hello","arguments":{"name":"Ada"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

fn plugins_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    target.join("plugins")
}

fn hello() -> Vec<u8> {
    let path = plugins_dir().join("hello.wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo xtask plugins` first",
            path.display()
        )
    })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn context() -> CallContext {
    CallContext {
        caller: None,
        deadline_ms: 30_000,
        client: ClientCapabilities::empty(),
        input_responses: None,
        request_state: None,
    }
}

fn check(completed: Completed) {
    let Ok(Answer::Tool(Ok(ToolOutcome::Complete(result)))) = completed.answer else {
        panic!("{completed:?}");
    };
    let [Content::Text(text)] = &result.content[..] else {
        panic!("{result:?}");
    };
    assert_eq!(text.text, ANSWER);
}

async fn call(plugin: &Plugin) {
    let invocation = Invocation::CallTool {
        name: ByteString::from_static("hello"),
        arguments: ByteString::from_static(ARGUMENTS),
        context: context(),
    };
    check(
        plugin
            .call(invocation, Arc::new(Discard), None, &Habit::default())
            .await,
    );
}

fn engine(c: &mut Criterion) {
    let runtime = runtime();
    let engine = Engine::new(&EngineConfig::default()).expect("an engine");
    let bytes = hello();
    let load =
        |isolation| Plugin::load(&engine, &bytes, Limits::default(), isolation).expect("hello");
    let fresh = load(Isolation::Call);
    let warm = load(Isolation::Pooled {
        max_calls_per_instance: u32::MAX,
        idle_max: 8,
    });
    c.bench_function("engine, fresh instance", |b| {
        b.iter(|| runtime.block_on(call(&fresh)));
    });
    c.bench_function("engine, warm instance", |b| {
        b.iter(|| runtime.block_on(call(&warm)));
    });
}

/// The same component and the same call, with nothing but wasmtime around it.
mod bare {
    use super::{ANSWER, ARGUMENTS};
    use wasmtime::component::{Component, HasSelf, InstancePre, Linker, ResourceTable};
    use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tool-provider",
        exports: { default: async },
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
    });

    use self::fusebox::plugin::{notifications, request, types};
    use exports::fusebox::plugin::tools::GuestIndices;

    #[derive(Default)]
    pub(super) struct Nothing {
        wasi: WasiCtx,
        table: ResourceTable,
    }

    impl WasiView for Nothing {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView {
                ctx: &mut self.wasi,
                table: &mut self.table,
            }
        }
    }

    impl types::Host for Nothing {}

    impl request::Host for Nothing {
        fn log(&mut self, _: types::LogLevel, _: String, _: Option<String>) {}
        fn progress(&mut self, _: f64, _: Option<f64>, _: Option<String>) {}
        fn is_cancelled(&mut self) -> bool {
            false
        }
        fn close_stream(&mut self) {}
        fn report_panic(&mut self, _: String) {}
    }

    impl notifications::Host for Nothing {
        fn tools_changed(&mut self) {}
        fn prompts_changed(&mut self) {}
        fn resources_changed(&mut self) {}
        fn resource_updated(&mut self, _: String) {}
    }

    pub(super) struct Bare {
        engine: Engine,
        pre: InstancePre<Nothing>,
        indices: GuestIndices,
    }

    impl Bare {
        pub(super) fn new(bytes: &[u8]) -> wasmtime::Result<Self> {
            let mut config = Config::new();
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(
                PoolingAllocationConfig::new(),
            ));
            let engine = Engine::new(&config)?;
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            request::add_to_linker::<_, HasSelf<Nothing>>(&mut linker, |x| x)?;
            notifications::add_to_linker::<_, HasSelf<Nothing>>(&mut linker, |x| x)?;
            let pre = linker.instantiate_pre(&Component::from_binary(&engine, bytes)?)?;
            let indices = GuestIndices::new(&pre)?;
            Ok(Self {
                engine,
                pre,
                indices,
            })
        }

        pub(super) async fn fresh(&self) -> wasmtime::Result<Store<Nothing>> {
            let mut store = Store::new(&self.engine, Nothing::default());
            let instance = self.pre.instantiate_async(&mut store).await?;
            self.call(&mut store, &instance).await?;
            Ok(store)
        }

        pub(super) async fn warm(
            &self,
        ) -> wasmtime::Result<(Store<Nothing>, wasmtime::component::Instance)> {
            let mut store = Store::new(&self.engine, Nothing::default());
            let instance = self.pre.instantiate_async(&mut store).await?;
            Ok((store, instance))
        }

        pub(super) async fn call(
            &self,
            store: &mut Store<Nothing>,
            instance: &wasmtime::component::Instance,
        ) -> wasmtime::Result<()> {
            let guest = self.indices.load(&mut *store, instance)?;
            let context = types::CallContext {
                caller: None,
                deadline_ms: 30_000,
                client: types::ClientCapabilities::empty(),
                input_responses: None,
                request_state: None,
            };
            let outcome = guest
                .call_call_tool(&mut *store, "hello", ARGUMENTS, &context)
                .await?;
            let Ok(types::ToolOutcome::Complete(result)) = outcome else {
                panic!("{outcome:?}");
            };
            let [types::Content::Text(text)] = &result.content[..] else {
                panic!("{result:?}");
            };
            assert_eq!(text.text, ANSWER);
            Ok(())
        }
    }
}

fn wasmtime_alone(c: &mut Criterion) {
    let runtime = runtime();
    let bare = bare::Bare::new(&hello()).expect("hello");
    c.bench_function("bare wasmtime, fresh instance", |b| {
        b.iter(|| runtime.block_on(bare.fresh()).expect("an answer"));
    });
    let (mut store, instance) = runtime.block_on(bare.warm()).expect("an instance");
    c.bench_function("bare wasmtime, warm instance", |b| {
        b.iter(|| {
            runtime
                .block_on(bare.call(&mut store, &instance))
                .expect("an answer");
        });
    });
}

async fn message(host: &Arc<Host>, frame: &Bytes) -> Vec<u8> {
    let Ok(Incoming::Single(Message::Request(request))) = envelope::parse(frame, 1) else {
        panic!("not a request");
    };
    match router::modern(host, frame, &request, None, &None) {
        Routed::Call(call) => call.run(None).await.body,
        Routed::Ready(reply) => reply.body,
        Routed::Listen(_) | Routed::Later(_) => panic!("not a call"),
    }
}

fn in_process(c: &mut Criterion) {
    let runtime = runtime();
    for (name, isolation) in [("fresh", "call"), ("warm", "pooled")] {
        let toml = format!("[engine]\ncache = false\n[limits]\nisolation = \"{isolation}\"\n");
        let config = Config::from_toml("bench", &toml)
            .expect("settings")
            .with_plugins_dir(plugins_dir());
        let host = Host::new(config).expect("a host");
        runtime.block_on(Loader::new(host.clone()).load_all());
        let frame = Bytes::from_static(MESSAGE.as_bytes());
        c.bench_function(&format!("whole message, {name} instance"), |b| {
            b.iter(|| {
                let body = runtime.block_on(message(&host, &frame));
                let text = std::str::from_utf8(&body).expect("UTF-8");
                assert!(text.contains(ANSWER) && text.contains("\"id\":7"), "{text}");
            });
        });
    }
}

criterion_group!(benches, wasmtime_alone, engine, in_process);
criterion_main!(benches);
