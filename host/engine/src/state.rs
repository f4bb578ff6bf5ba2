//! What a store holds: the guard that enforces memory limits, the call that is
//! being served, and the host functions a plugin may call.
//!
//! It owns everything a plugin can reach. It never decides what a client sees:
//! it hands events to the call's sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::call::{Change, RequestEvent, RequestSink};
use crate::contract::types::LogLevel;
use crate::contract::{quick, sliced, types};
use crate::fault::{DeadlinePassed, GivenUp, LogVolumeSpent, Seen};
use crate::grants::{Grants, Variable};
use crate::keyvalue::Owner;
use crate::limits::Limits;
use crate::outbound::HttpState;
use crate::redact::Redactor;
use crate::sockets::{NetworkState, Sockets, judge};
use crate::spans::{Ending, Spans};

/// What each log message counts beside its text: nobody writes a line for less.
const LOG_MESSAGE_BYTES: usize = 64;

/// Things of the host, such as pollables, that a plugin may hold at once. Each
/// takes memory which no limit of the guest's own memory sees.
const RESOURCES_MAX: usize = 1024;

/// The data of a store.
pub(crate) struct State {
    pub(crate) guard: Guard,
    pub(crate) call: Option<Current>,
    wasi: Option<Box<WasiCtx>>,
    pub(crate) http: Option<Box<HttpState>>,
    pub(crate) network: Option<Box<NetworkState>>,
    pub(crate) resources: ResourceTable,
    /// none: its plugin has nothing that was granted, and asks for nothing
    pub(crate) reach: Option<Arc<Reach>>,
}

/// What a plugin may do beside computing, and what must not leave the host.
pub(crate) struct Reach {
    pub(crate) grants: Arc<Grants>,
    pub(crate) redactor: Redactor,
    /// the log has been told that sockets are not granted
    pub(crate) sockets_told: AtomicBool,
}

impl Reach {
    pub(crate) fn new(grants: Grants, redactor: Redactor) -> Self {
        Self {
            grants: Arc::new(grants),
            redactor,
            sockets_told: AtomicBool::new(false),
        }
    }
}

/// The call that is being served.
pub(crate) struct Current {
    pub(crate) sink: Arc<dyn RequestSink>,
    deadline: Instant,
    /// raised when the call has used up its first slice; none: it runs in one go,
    /// and is given up then
    long: Option<Arc<AtomicBool>>,
    log_left_bytes: usize,
    panicked: bool,
    /// as far as it is authenticated
    caller: Option<String>,
    pub(crate) spans: Spans,
}

impl Current {
    /// A call that yields after its first slice, and raises `long`.
    pub(crate) fn in_slices(
        sink: Arc<dyn RequestSink>,
        caller: Option<String>,
        deadline: Instant,
        long: Arc<AtomicBool>,
        limits: &Limits,
    ) -> Self {
        Self {
            sink,
            deadline,
            long: Some(long),
            log_left_bytes: limits.log_max_bytes,
            panicked: false,
            caller,
            spans: Spans::default(),
        }
    }

    /// A call that can't yield.
    pub(crate) fn in_one_go(
        sink: Arc<dyn RequestSink>,
        deadline: Instant,
        limits: &Limits,
    ) -> Self {
        Self {
            sink,
            deadline,
            long: None,
            log_left_bytes: limits.log_max_bytes,
            panicked: false,
            // What may be kept for a caller is never reached in one go.
            caller: None,
            spans: Spans::held(),
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        self.spans.abandon(&*self.sink);
    }
}

impl State {
    pub(crate) fn new(limits: &Limits, reach: Option<Arc<Reach>>) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(RESOURCES_MAX);
        Self {
            guard: Guard::new(limits),
            call: None,
            wasi: None,
            http: None,
            network: None,
            resources,
            reach,
        }
    }

    /// Takes over one call.
    pub(crate) fn begin(&mut self, call: Current) {
        self.guard.memory.denied = false;
        self.guard.table.denied = false;
        self.call = Some(call);
    }

    /// The call has ended, and is not run again.
    pub(crate) fn settle(&mut self, ending: Ending) {
        if let Some(call) = &mut self.call {
            call.spans.settle(&*call.sink, ending);
        }
    }

    /// Lets go of the call, so that nothing of it stays in a warm instance.
    pub(crate) fn end(&mut self) {
        self.call = None;
        if let Some(http) = &mut self.http {
            http.forget_call();
        }
    }

    /// Where the events of the call go.
    pub(crate) fn sink(&self) -> Option<&Arc<dyn RequestSink>> {
        self.call.as_ref().map(|call| &call.sink)
    }

    /// What was seen of this call.
    pub(crate) fn seen(&self) -> Seen {
        Seen {
            panicked: self.call.as_ref().is_some_and(|call| call.panicked),
            memory_denied: self.guard.memory.denied,
            table_denied: self.guard.table.denied,
        }
    }

    /// What its plugin was granted.
    pub(crate) fn grants(&self) -> Arc<Grants> {
        match &self.reach {
            Some(reach) => reach.grants.clone(),
            None => Arc::new(Grants::nothing("plugins.NAME.grants")),
        }
    }

    /// Whose call is being served.
    pub(crate) fn owner(&self) -> Owner {
        self.call
            .as_ref()
            .map_or_else(Owner::default, |call| Owner {
                caller: call.caller.clone(),
                session: call.sink.session(),
            })
    }

    fn emit(&self, mut event: RequestEvent) -> Option<(Arc<dyn RequestSink>, RequestEvent)> {
        if let Some(reach) = &self.reach {
            reach.redactor.event(&mut event);
        }
        self.call.as_ref().map(|call| (call.sink.clone(), event))
    }
}

/// What the epoch callback does at each tick a call outlives: ends it if its
/// time is over, else marks it long and lets others run, or gives it up.
pub(crate) fn on_epoch(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    if let Some(call) = &store.data_mut().call {
        if Instant::now() >= call.deadline {
            return Err(DeadlinePassed.into());
        }
        match &call.long {
            Some(long) => long.store(true, Ordering::Relaxed),
            None => return Err(GivenUp.into()),
        }
    }
    Ok(UpdateDeadline::Yield(1))
}

/// Counts memory and table growth of all memories and tables of a store.
pub(crate) struct Guard {
    memory: Allowance,
    table: Allowance,
}

/// How much of something an instance has and may have.
struct Allowance {
    used: usize,
    max: usize,
    /// a growth was refused in this call
    denied: bool,
}

impl Allowance {
    fn new(max: usize) -> Self {
        Self {
            used: 0,
            max,
            denied: false,
        }
    }

    /// Takes the growth of one of several, or refuses it.
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        if total > self.max {
            self.denied = true;
            return false;
        }
        self.used = total;
        true
    }
}

impl Guard {
    fn new(limits: &Limits) -> Self {
        Self {
            memory: Allowance::new(limits.memory_max_bytes),
            table: Allowance::new(limits.table_elements_max),
        }
    }

    /// Bytes of linear memory that the instance holds. Memory never shrinks, so
    /// this is also the peak.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.used
    }
}

impl ResourceLimiter for Guard {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.table.grow(current, desired))
    }
}

impl types::Host for State {}

impl sliced::request::Host for State {
    async fn log(
        &mut self,
        level: LogLevel,
        data: String,
        logger: Option<String>,
    ) -> wasmtime::Result<()> {
        let bytes = LOG_MESSAGE_BYTES + data.len() + logger.as_ref().map_or(0, String::len);
        if let Some(call) = &mut self.call {
            call.log_left_bytes = call
                .log_left_bytes
                .checked_sub(bytes)
                .ok_or(LogVolumeSpent)?;
        }
        let event = RequestEvent::Log {
            level,
            data,
            logger,
        };
        if let Some((sink, event)) = self.emit(event) {
            sink.emit(event).await;
        }
        Ok(())
    }

    async fn progress(
        &mut self,
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
    ) -> wasmtime::Result<()> {
        let event = RequestEvent::Progress {
            progress,
            total,
            message,
        };
        if let Some((sink, event)) = self.emit(event) {
            sink.emit(event).await;
        }
        Ok(())
    }

    fn is_cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.cancelled())
    }

    fn close_stream(&mut self) -> wasmtime::Result<()> {
        if let Some(call) = &self.call {
            call.sink.close_stream();
        }
        Ok(())
    }

    fn report_panic(&mut self, message: String) -> wasmtime::Result<()> {
        self.panicked(message);
        Ok(())
    }
}

impl sliced::notifications::Host for State {
    fn tools_changed(&mut self) -> wasmtime::Result<()> {
        self.changed(Change::Tools)
    }

    fn prompts_changed(&mut self) -> wasmtime::Result<()> {
        self.changed(Change::Prompts)
    }

    fn resources_changed(&mut self) -> wasmtime::Result<()> {
        self.changed(Change::Resources)
    }

    fn resource_updated(&mut self, uri: String) -> wasmtime::Result<()> {
        self.changed(Change::Resource(uri))
    }
}

/// In one go, a call does nothing that may wait, nor what somebody would see
/// twice when it is run again: it is given up before that.
impl quick::request::Host for State {
    fn log(&mut self, _: LogLevel, _: String, _: Option<String>) -> wasmtime::Result<()> {
        Err(GivenUp.into())
    }

    fn progress(&mut self, _: f64, _: Option<f64>, _: Option<String>) -> wasmtime::Result<()> {
        Err(GivenUp.into())
    }

    fn is_cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.cancelled())
    }

    fn close_stream(&mut self) -> wasmtime::Result<()> {
        Err(GivenUp.into())
    }

    /// The call ends with this panic, unless its slice ends before that; then the
    /// log has the words twice.
    fn report_panic(&mut self, message: String) -> wasmtime::Result<()> {
        self.panicked(message);
        Ok(())
    }
}

impl quick::notifications::Host for State {
    fn tools_changed(&mut self) -> wasmtime::Result<()> {
        Err(GivenUp.into())
    }

    fn prompts_changed(&mut self) -> wasmtime::Result<()> {
        Err(GivenUp.into())
    }

    fn resources_changed(&mut self) -> wasmtime::Result<()> {
        Err(GivenUp.into())
    }

    fn resource_updated(&mut self, _: String) -> wasmtime::Result<()> {
        Err(GivenUp.into())
    }
}

impl State {
    fn changed(&mut self, change: Change) -> wasmtime::Result<()> {
        if let Some(call) = &self.call {
            call.sink.changed(change);
        }
        Ok(())
    }

    fn cancelled(&self) -> bool {
        self.call
            .as_ref()
            .is_some_and(|call| call.sink.is_cancelled())
    }

    fn panicked(&mut self, mut message: String) {
        if let Some(reach) = &self.reach {
            reach.redactor.text(&mut message);
        }
        if let Some(call) = &mut self.call {
            call.panicked = true;
            call.sink.panicked(&message);
        }
    }
}

impl WasiView for State {
    /// A world with what was granted: nothing to read on the standard input, and
    /// writes that go nowhere. Made only if the plugin asks for it.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.is_none() {
            let sockets = self.network().map(|network| network.sockets());
            let grants = self.reach.as_deref().map(|reach| &*reach.grants);
            self.wasi = Some(Box::new(world(grants, sockets)));
        }
        WasiCtxView {
            ctx: self.wasi.get_or_insert_with(|| Box::new(world(None, None))),
            table: &mut self.resources,
        }
    }
}

fn world(grants: Option<&Grants>, sockets: Option<Arc<dyn Sockets>>) -> WasiCtx {
    let mut world = WasiCtxBuilder::new();
    world
        .allow_tcp(sockets.is_some())
        .allow_udp(sockets.is_some());
    if let Some(sockets) = sockets {
        world.socket_addr_check(move |address, reason| judge(&*sockets, address, reason));
    }
    let Some(grants) = grants else {
        return world.build();
    };
    for (name, value) in &grants.env {
        match value {
            Variable::Plain(value) => world.env(name, value),
            Variable::Secret(secret) => world.env(name, secret.reveal()),
        };
    }
    for folder in &grants.folders {
        let permissions = match folder.write {
            true => FsPerms::ReadWrite,
            false => FsPerms::ReadOnly,
        };
        // It was there when the plugin was loaded.
        if let Err(error) = world.preopened_dir(&folder.host, &folder.guest, permissions) {
            tracing::warn!(
                folder = %folder.host.display(),
                error = format!("{error:#}"),
                "a folder that is granted can't be opened"
            );
        }
    }
    world.build()
}
