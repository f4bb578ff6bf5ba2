//! What a handler may know and do besides its arguments. On any other target
//! than WebAssembly there is no host: what is sent goes nowhere and what is
//! asked has a plain answer, so that a handler can be tested as a function.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use crate::LogLevel;
use crate::ask::{Capability, Memory, client_with, has};
use crate::bindings::host::fusebox::plugin::types::{CallContext, ClientCapabilities};
use crate::bindings::host::fusebox::plugin::{notifications, request};
use crate::bindings::host::wasi::clocks::monotonic_clock;
use crate::executor::Event;
#[cfg(not(target_arch = "wasm32"))]
use crate::stand_in::StandIn;

/// The request that is being served. A handler that wants it takes a
/// `&Context`.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) inner: Rc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) call: CallContext,
    /// what the handler leaves to its next run
    pub(crate) memory: RefCell<Memory>,
    /// what stands in for the host
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) stand_in: StandIn,
}

/// One method for each level.
macro_rules! levels {
    ($($name:ident $level:ident $doc:literal;)*) => { $(
        #[doc = $doc]
        ///
        /// `message` is any value that can be written as JSON. It goes to the
        /// client, if it wants this level, and to the host's log.
        pub fn $name<T: Serialize + ?Sized>(&self, message: &T) {
            self.log(LogLevel::$level, message);
        }
    )* };
}

impl Context {
    pub(crate) fn new(call: CallContext) -> Self {
        let memory = RefCell::default();
        Self {
            inner: Rc::new(Inner {
                call,
                memory,
                #[cfg(not(target_arch = "wasm32"))]
                stand_in: StandIn::default(),
            }),
        }
    }

    /// What a completion has: the contract tells it nothing of who calls.
    pub(crate) fn of_completion() -> Self {
        Self::new(CallContext {
            caller: None,
            deadline_ms: 0,
            client: ClientCapabilities::empty(),
            input_responses: None,
            request_state: None,
        })
    }

    levels! {
        log_debug Debug "Detail for developers.";
        log_info Info "A normal event.";
        log_notice Notice "Normal but significant.";
        log_warning Warning "Not an error yet.";
        log_error Error "An operation failed.";
        log_critical Critical "A part failed.";
        log_alert Alert "Somebody must act at once.";
        log_emergency Emergency "Nothing works.";
    }

    /// Sends a log message; see [`Context::log_info`].
    pub fn log<T: Serialize + ?Sized>(&self, level: LogLevel, message: &T) {
        self.log_as(level, None, message);
    }

    /// Sends a log message in the name of a part of the plugin.
    pub fn log_as<T: Serialize + ?Sized>(
        &self,
        level: LogLevel,
        logger: Option<&str>,
        message: &T,
    ) {
        // A value that has no JSON is still worth a word.
        let json = serde_json::to_string(message)
            .unwrap_or_else(|error| serde_json::Value::from(error.to_string()).to_string());
        if IN_HOST {
            request::log(level, &json, logger);
        }
    }

    /// Tells the client how far the work is: `done` of `total`, in whatever
    /// unit. `done` must grow from one call to the next.
    pub fn progress(&self, done: f64, total: impl Into<Option<f64>>) {
        if IN_HOST {
            request::progress(done, total.into(), None);
        }
    }

    /// Tells the client how far the work is, and what is being done.
    pub fn progress_message(
        &self,
        done: f64,
        total: impl Into<Option<f64>>,
        message: impl Display,
    ) {
        if IN_HOST {
            request::progress(done, total.into(), Some(&message.to_string()));
        }
    }

    /// Whether nobody waits for the answer any more. The host ends such a call
    /// by itself; ask only if there is something to put in order.
    pub fn is_cancelled(&self) -> bool {
        IN_HOST && request::is_cancelled()
    }

    /// Says that the work will take a while, so that the client need not hold a
    /// connection open for it. A client that can come back for the answer is
    /// sent away until then; for any other this does nothing. Nothing that the
    /// handler says afterwards is lost.
    pub fn close_stream(&self) {
        if IN_HOST {
            request::close_stream();
        }
    }

    /// How long the whole call may take, from its start. A completion isn't told,
    /// and has zero here.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.inner.call.deadline_ms.into())
    }

    /// The authenticated caller; none on a listener without authentication, and
    /// none in a completion, which isn't told.
    pub fn caller(&self) -> Option<&str> {
        self.inner.call.caller.as_deref()
    }

    /// Whether the client says that it can do something. Asking for what it
    /// can't fails.
    pub fn client_can(&self, capability: Capability) -> bool {
        has(self.inner.call.client, capability)
    }

    /// Waits. The time counts against the deadline.
    pub fn sleep(&self, duration: Duration) {
        if IN_HOST {
            let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            monotonic_clock::subscribe_duration(duration_ns).block();
        }
    }

    /// Waits in an async handler, where what is awaited at the same time goes on. In
    /// a test no time passes.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use fusebox_sdk::{block_on, http, join};
    /// use std::time::Duration;
    ///
    /// /// Asks two servers, the second one a little later.
    /// async fn both(ctx: &Context) -> [Result<http::Response, http::HttpError>; 2] {
    ///     let later = async {
    ///         ctx.sleep_async(Duration::from_millis(200)).await;
    ///         ctx.http().get("https://b.example.org").send_async().await
    ///     };
    ///     join!(ctx.http().get("https://a.example.org").send_async(), later).into()
    /// }
    ///
    /// let ctx = Context::for_test().with_http(|_| Ok(http::Response::new(200, "")));
    /// assert!(block_on(both(&ctx)).iter().all(Result::is_ok));
    /// ```
    pub async fn sleep_async(&self, duration: Duration) {
        if !IN_HOST {
            #[cfg(not(target_arch = "wasm32"))]
            return crate::executor::yield_now().await;
        }
        let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Event::new(monotonic_clock::subscribe_duration(duration_ns)).await;
    }

    /// The list of tools is not what it was.
    pub fn tools_changed(&self) {
        if IN_HOST {
            notifications::tools_changed();
        }
    }

    /// The list of prompts is not what it was.
    pub fn prompts_changed(&self) {
        if IN_HOST {
            notifications::prompts_changed();
        }
    }

    /// The list of resources, or of their templates, is not what it was.
    pub fn resources_changed(&self) {
        if IN_HOST {
            notifications::resources_changed();
        }
    }

    /// The contents of a resource are not what they were.
    pub fn resource_updated(&self, uri: &str) {
        if IN_HOST {
            notifications::resource_updated(uri);
        }
    }
}

/// For tests of a handler, which is a function like any other.
impl Context {
    /// A context for a test: no caller, a minute of time, a client that can do
    /// nothing.
    pub fn for_test() -> Self {
        Self::new(CallContext {
            caller: None,
            deadline_ms: 60_000,
            client: ClientCapabilities::empty(),
            input_responses: None,
            request_state: None,
        })
    }

    /// With an authenticated caller.
    #[must_use]
    pub fn with_caller(self, caller: &str) -> Self {
        self.with(|call| call.caller = Some(caller.to_owned()))
    }

    /// With a client that can do these, and nothing else.
    #[must_use]
    pub fn with_client(self, capabilities: &[Capability]) -> Self {
        self.with(|call| call.client = client_with(capabilities))
    }

    /// With the answers to the questions of the round before this, by key, as
    /// a client sends them: `{"action": "accept", "content": {...}}` for a
    /// form.
    #[must_use]
    pub fn with_answers(self, answers: &serde_json::Value) -> Self {
        self.with(|call| call.input_responses = Some(answers.to_string()))
    }

    fn with(self, change: impl FnOnce(&mut CallContext)) -> Self {
        let mut call = self.inner.call.clone();
        change(&mut call);
        Self {
            inner: Rc::new(Inner {
                call,
                memory: RefCell::default(),
                #[cfg(not(target_arch = "wasm32"))]
                stand_in: self.inner.stand_in.clone(),
            }),
        }
    }
}

/// The imports can be called on WebAssembly only.
pub(crate) const IN_HOST: bool = cfg!(target_arch = "wasm32");
