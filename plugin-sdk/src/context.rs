//! What a handler may know and do besides its arguments. On any other target
//! than WebAssembly there is no host: what is sent goes nowhere and what is
//! asked has a plain answer, so that a handler can be tested as a function.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::ask::{Capability, Memory, client_with, has};
use crate::bindings::host::fusebox::plugin::request;
use crate::bindings::host::fusebox::plugin::types::{CallContext, ClientCapabilities};
use crate::bindings::host::wasi::clocks::monotonic_clock;
use crate::executor::Event;
#[cfg(not(target_arch = "wasm32"))]
use crate::stand_in::StandIn;

/// The request that is being served. A handler that wants it takes a
/// `&Context`.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Says who called, and what they said.
/// #[tool]
/// fn echo(words: String, ctx: &Context) -> String {
///     let caller = ctx.caller().unwrap_or("somebody");
///     ctx.log_debug(&format!("{caller} said something"));
///     format!("{caller}: {words}")
/// }
///
/// // A test makes its own context, and calls the function.
/// assert_eq!(echo("hi".into(), &Context::for_test()), "somebody: hi");
/// ```
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

    /// Whether nobody waits for the answer any more. The host ends such a call
    /// by itself; ask only if there is something to put in order.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Writes a report in many steps.
    /// #[tool]
    /// fn report(steps: u32, ctx: &Context) -> Result<String, HandlerError> {
    ///     for step in 0..steps {
    ///         if ctx.is_cancelled() {
    ///             ctx.store()?.delete("draft")?;
    ///             return Err("nobody waits any more".into());
    ///         }
    ///         ctx.store()?.set("draft", format!("step {step}"))?;
    ///     }
    ///     Ok("written".to_owned())
    /// }
    ///
    /// assert_eq!(report(3, &Context::for_test())?, "written");
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn is_cancelled(&self) -> bool {
        IN_HOST && request::is_cancelled()
    }

    /// Says that the work will take a while, so that the client need not hold a
    /// connection open for it. A client that can come back for the answer is
    /// sent away until then; for any other this does nothing. Nothing that the
    /// handler says afterwards is lost.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use std::time::Duration;
    ///
    /// /// Bakes bread.
    /// #[tool]
    /// fn bake(ctx: &Context) -> &'static str {
    ///     ctx.close_stream();
    ///     ctx.sleep(Duration::from_secs(60));
    ///     "It is done."
    /// }
    ///
    /// // A test waits for nothing.
    /// assert_eq!(bake(&Context::for_test()), "It is done.");
    /// ```
    pub fn close_stream(&self) {
        if IN_HOST {
            request::close_stream();
        }
    }

    /// How long the whole call may take, from its start. A completion isn't told,
    /// and has zero here.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use std::time::Duration;
    ///
    /// /// For how long another server may be waited for: some time is left for the rest.
    /// fn patience(ctx: &Context) -> Duration {
    ///     ctx.deadline().saturating_sub(Duration::from_secs(1))
    /// }
    ///
    /// assert_eq!(patience(&Context::for_test()), Duration::from_secs(59));
    /// ```
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.inner.call.deadline_ms.into())
    }

    /// The authenticated caller; none on a listener without authentication, and
    /// none in a completion, which isn't told.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Opens the door to whoever is known.
    /// #[tool]
    /// fn open(ctx: &Context) -> Result<String, HandlerError> {
    ///     match ctx.caller() {
    ///         Some(caller) => Ok(format!("Come in, {caller}!")),
    ///         None => Err("only known callers may come in".into()),
    ///     }
    /// }
    ///
    /// assert_eq!(open(&Context::for_test().with_caller("ada"))?, "Come in, ada!");
    /// assert!(open(&Context::for_test()).is_err());
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn caller(&self) -> Option<&str> {
        self.inner.call.caller.as_deref()
    }

    /// Whether the client says that it can do something. Asking for what it
    /// can't fails.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// A name for a ship: one of the model's, if it can be asked.
    /// #[tool]
    /// fn name(ctx: &Context) -> Result<String, HandlerError> {
    ///     match ctx.client_can(Capability::Sample) {
    ///         true => ctx.sample("name", "Invent a name for a ship.", 20),
    ///         false => Ok("Argo".to_owned()),
    ///     }
    /// }
    ///
    /// assert_eq!(name(&Context::for_test())?, "Argo");
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn client_can(&self, capability: Capability) -> bool {
        has(self.inner.call.client, capability)
    }

    /// Waits. The time counts against the deadline.
    ///
    /// ```
    /// use fusebox_sdk::http::Response;
    /// use fusebox_sdk::prelude::*;
    /// use std::time::Duration;
    ///
    /// /// Waits for the end of a job.
    /// #[tool]
    /// fn wait(ctx: &Context) -> Result<String, HandlerError> {
    ///     for _ in 0..5 {
    ///         let response = ctx.http().get("https://api.example.org/job").send()?;
    ///         if response.status == 200 {
    ///             return response.text();
    ///         }
    ///         ctx.sleep(Duration::from_secs(1));
    ///     }
    ///     Err("the job takes too long".into())
    /// }
    ///
    /// // In a test no time passes.
    /// let ctx = Context::for_test().with_http(|_| Ok(Response::new(202, "")));
    /// assert_eq!(wait(&ctx).unwrap_err().message(), "the job takes too long");
    /// ```
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
}

/// For tests of a handler, which is a function like any other.
impl Context {
    /// A context for a test: no caller, a minute of time, a client that can do
    /// nothing.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Doubles.
    /// #[tool]
    /// fn double(number: i64, ctx: &Context) -> i64 {
    ///     ctx.progress(1.0, 1.0);
    ///     number * 2
    /// }
    ///
    /// assert_eq!(double(4, &Context::for_test()), 8);
    /// ```
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
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let ctx = Context::for_test().with_caller("ada");
    /// assert_eq!(ctx.caller(), Some("ada"));
    /// ```
    #[must_use]
    pub fn with_caller(self, caller: &str) -> Self {
        self.with(|call| call.caller = Some(caller.to_owned()))
    }

    /// With a client that can do these, and nothing else.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let ctx = Context::for_test().with_client(&[Capability::Form]);
    /// assert!(ctx.client_can(Capability::Form));
    /// assert!(!ctx.client_can(Capability::Sample));
    /// ```
    #[must_use]
    pub fn with_client(self, capabilities: &[Capability]) -> Self {
        self.with(|call| call.client = client_with(capabilities))
    }

    /// With the answers to the questions of the round before this, by key, as
    /// a client sends them: `{"action": "accept", "content": {...}}` for a
    /// form.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use fusebox_sdk::serde_json::json;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Size {
    ///     metres: f64,
    /// }
    ///
    /// /// The area of a square.
    /// #[tool]
    /// fn area(ctx: &Context) -> Result<f64, HandlerError> {
    ///     let size: Size = ctx.elicit("size", "How long is a side?")?;
    ///     Ok(size.metres * size.metres)
    /// }
    ///
    /// let size = json!({"action": "accept", "content": {"metres": 3.0}});
    /// let ctx = Context::for_test().with_answers(&json!({"size": size}));
    /// assert_eq!(area(&ctx)?, 9.0);
    /// # Ok::<(), HandlerError>(())
    /// ```
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
