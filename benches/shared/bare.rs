//! The same components with nothing but wasmtime around them: what the host is
//! measured against. No limits, no fuel, no epoch.
//!
//! It owns a bare engine, instances and calls. It is part of the benchmarks and
//! of the program `engine`, not of the library: only they may name wasmtime.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, HasSelf, Instance, InstancePre, Linker, ResourceTable, ResourceType,
};
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

/// What a store holds.
#[derive(Default)]
pub struct Nothing {
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

/// Where a plugin makes spans of its own, which what is measured doesn't.
const TRACE: &str = "fusebox:plugin/trace@0.1.0";

fn link_spans(linker: &mut Linker<Nothing>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let imported = component.component_type();
    let mut imports = imported.imports(&engine);
    let Some((_, item)) = imports.find(|(name, _)| *name == TRACE) else {
        return Ok(());
    };
    let ComponentItem::ComponentInstance(trace) = item.ty else {
        return Ok(());
    };
    let mut linked = linker.instance(TRACE)?;
    for (name, item) in trace.exports(&engine) {
        match item.ty {
            ComponentItem::Resource(_) => {
                linked.resource(name, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
            }
            ComponentItem::ComponentFunc(_) => linked.func_new(name, |_, _, _, _| {
                Err(wasmtime::Error::msg("what is measured makes no spans"))
            })?,
            _ => {}
        }
    }
    Ok(())
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

/// A component in an engine with wasmtime's own settings.
pub struct Bare {
    engine: Engine,
    pre: InstancePre<Nothing>,
    indices: GuestIndices,
}

impl Bare {
    /// Compiles and links a component; `pooled`: with the pooling allocator as
    /// it comes.
    pub fn new(bytes: &[u8], pooled: bool) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        if pooled {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(
                PoolingAllocationConfig::new(),
            ));
        }
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        request::add_to_linker::<_, HasSelf<Nothing>>(&mut linker, |x| x)?;
        notifications::add_to_linker::<_, HasSelf<Nothing>>(&mut linker, |x| x)?;
        let component = Component::from_binary(&engine, bytes)?;
        link_spans(&mut linker, &component)?;
        let pre = linker.instantiate_pre(&component)?;
        let indices = GuestIndices::new(&pre)?;
        Ok(Self {
            engine,
            pre,
            indices,
        })
    }

    /// An instance.
    pub async fn instance(&self) -> wasmtime::Result<(Store<Nothing>, Instance)> {
        let mut store = Store::new(&self.engine, Nothing::default());
        let instance = self.pre.instantiate_async(&mut store).await?;
        Ok((store, instance))
    }

    /// Calls a tool and checks its text.
    pub async fn call(
        &self,
        (store, instance): &mut (Store<Nothing>, Instance),
        tool: &str,
        arguments: &str,
        answer: &str,
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
            .call_call_tool(&mut *store, tool, arguments, &context)
            .await?;
        let Ok(types::ToolOutcome::Complete(result)) = outcome else {
            panic!("{outcome:?}");
        };
        let [types::Content::Text(text)] = &result.content[..] else {
            panic!("{result:?}");
        };
        assert_eq!(text.text, answer);
        Ok(())
    }
}
