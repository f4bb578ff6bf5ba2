//! The guest that leaves a secret and looks for it: made into a component, loaded
//! and called.
//!
//! It owns the words that the guest understands. It never judges an answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytestring::ByteString;
use fusebox_engine::contract::types::{CallContext, ClientCapabilities, Content, ToolOutcome};
use fusebox_engine::{
    Answer, CallError, Change, Engine, FaultKind, Habit, Invocation, Isolation, Limits, LoadError,
    Plugin, RequestEvent, RequestSink, Stage, Usage,
};
use wit_component::StringEncoding;
use wit_parser::Resolve;

use crate::pressure::page_everything_out;

/// Nothing of it is left: memory, data, globals, table, its size.
pub(crate) const CLEAN: &str = "-----";

/// All of it is there.
pub(crate) const ALL: &str = "mdgts";

/// Pages that are written beyond what a used slot keeps (1 MiB), and fewer.
pub(crate) const MANY_PAGES: u32 = 96;
/// See [`MANY_PAGES`].
pub(crate) const FEW_PAGES: u32 = 6;

/// A plugin with the guest in it.
pub(crate) struct Guest {
    plugin: Plugin,
    runtime: tokio::runtime::Runtime,
    habit: Habit,
    sink: Arc<Sink>,
}

/// Counts what is logged, and puts memory under pressure meanwhile; and counts the
/// instances that were made for a call.
#[derive(Default)]
struct Sink {
    logged: AtomicUsize,
    made: AtomicUsize,
}

impl RequestSink for Sink {
    fn emit(&self, event: RequestEvent) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        assert!(matches!(event, RequestEvent::Log { .. }), "{event:?}");
        self.logged.fetch_add(1, Ordering::Relaxed);
        page_everything_out();
        Box::pin(std::future::ready(()))
    }
    fn changed(&self, change: Change) {
        panic!("{change:?}");
    }
    fn panicked(&self, message: &str) {
        panic!("{message}");
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    fn close_stream(&self) {
        panic!("the stream is to be closed");
    }
    fn stage(&self, stage: Stage) {
        if stage == Stage::Instantiate {
            self.made.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether the guest imports what may wait, so that none of its calls is tried
/// in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Imports {
    Contract,
    Pollables,
}

/// What the guest does while it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Nothing,
    /// it counts to a thousand
    Works,
    Logs,
    Traps,
}

impl Guest {
    /// Loads it; `secret` makes it a plugin of its own.
    pub(crate) fn load(
        engine: &Engine,
        isolation: Isolation,
        imports: Imports,
        secret: u64,
    ) -> Self {
        let bytes = component(imports, secret, Start::Nothing);
        Self::loaded(Plugin::load(engine, &bytes, Limits::default(), isolation))
    }

    /// Loads one that does this while it is made, with so many instances ready for
    /// each thread that calls.
    pub(crate) fn ready(engine: &Engine, imports: Imports, start: Start, ready: usize) -> Self {
        let limits = Limits {
            ready_instances: ready,
            ..Limits::default()
        };
        let bytes = component(imports, 0x5ec2_e7f0, start);
        Self::loaded(Plugin::load(engine, &bytes, limits, Isolation::Call))
    }

    fn loaded(plugin: Result<Plugin, LoadError>) -> Self {
        Self {
            plugin: plugin.expect("a plugin"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime"),
            habit: Habit::default(),
            sink: Arc::default(),
        }
    }

    /// What a call answers.
    pub(crate) fn call(&self, tool: &'static str, pages: u32) -> Result<String, CallError> {
        self.call_until(tool, pages, None)
    }

    /// The same, by this time.
    pub(crate) fn call_until(
        &self,
        tool: &'static str,
        pages: u32,
        not_after: Option<Instant>,
    ) -> Result<String, CallError> {
        self.used(tool, pages, not_after).0
    }

    /// What a call uses that must not fail.
    pub(crate) fn usage(&self, tool: &'static str, pages: u32) -> Usage {
        let (answer, usage) = self.used(tool, pages, None);
        answer.unwrap_or_else(|error| panic!("{tool}: {error:?}"));
        usage
    }

    fn used(
        &self,
        tool: &'static str,
        pages: u32,
        not_after: Option<Instant>,
    ) -> (Result<String, CallError>, Usage) {
        let invocation = Invocation::CallTool {
            name: ByteString::from_static(tool),
            arguments: pages.to_string().into(),
            context: CallContext {
                caller: None,
                deadline_ms: 30_000,
                client: ClientCapabilities::empty(),
                input_responses: None,
                request_state: None,
            },
        };
        let call = self
            .plugin
            .call(invocation, self.sink.clone(), not_after, &self.habit);
        let done = self.runtime.block_on(call);
        (done.answer.map(text_of), done.usage)
    }

    /// What a call answers that must not fail.
    #[track_caller]
    pub(crate) fn text(&self, tool: &'static str, pages: u32) -> String {
        self.call(tool, pages)
            .unwrap_or_else(|error| panic!("{tool}: {error:?}"))
    }

    /// A call that must trap.
    #[track_caller]
    pub(crate) fn traps(&self, tool: &'static str, pages: u32) {
        match self.call(tool, pages) {
            Err(CallError::Fault(fault)) if matches!(fault.kind, FaultKind::Trapped(_)) => {}
            other => panic!("{tool}: {other:?}"),
        }
    }

    /// Messages that were logged.
    pub(crate) fn logged(&self) -> usize {
        self.sink.logged.load(Ordering::Relaxed)
    }

    /// Instances that calls had to wait for while they were made.
    pub(crate) fn made(&self) -> usize {
        self.sink.made.load(Ordering::Relaxed)
    }
}

fn text_of(answer: Answer) -> String {
    let Answer::Tool(Ok(ToolOutcome::Complete(result))) = answer else {
        panic!("{answer:?}");
    };
    match &result.content[..] {
        [Content::Text(text)] => text.text.clone(),
        other => panic!("{other:?}"),
    }
}

/// The core module with the types of the contract in it, as a compiler makes it.
fn component(imports: Imports, secret: u64, start: Start) -> Vec<u8> {
    let mut text = include_str!("guest.wat").replace("SECRET", &format!("{secret:#x}"));
    if imports == Imports::Pollables {
        text = text.replace(";;POLL ", "");
    }
    let mark = match start {
        Start::Nothing => ";; nothing",
        Start::Works => ";;WORKS ",
        Start::Logs => ";;LOGS ",
        Start::Traps => ";;TRAPS ",
    };
    text = text.replace(mark, "");
    let mut module = wat::parse_str(&text).expect("a module");
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let (package, _) = resolve.push_dir(wit).expect("the contract");
    let world = resolve
        .select_world(&[package], Some("tool-provider"))
        .expect("its world");
    let encoding = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding, false)
        .expect("the types fit in");
    module
}
