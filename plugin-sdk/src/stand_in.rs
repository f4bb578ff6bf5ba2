//! What stands in for the host where there is none, so that a handler can be
//! tested as a function.
//!
//! It owns what a test put there. On WebAssembly it doesn't exist.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::Context;
use crate::http::{HttpError, Request, Response};

/// Values that a handler keeps in a test.
pub(crate) type Values = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

type Answers = Rc<dyn Fn(&Request) -> Result<Response, HttpError>>;

/// What a test put in the place of the host.
#[derive(Clone, Default)]
pub(crate) struct StandIn {
    /// configuration and secrets
    pub(crate) config: BTreeMap<String, String>,
    /// what is kept, by the names of the stores
    stores: Rc<RefCell<BTreeMap<&'static str, Values>>>,
    /// who answers requests
    http: Option<Answers>,
}

impl StandIn {
    /// The values of a store; at first there are none.
    pub(crate) fn store(&self, name: &'static str) -> Values {
        self.stores.borrow_mut().entry(name).or_default().clone()
    }

    /// What stands for the network answers.
    pub(crate) fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        match &self.http {
            Some(answer) => answer(request),
            None => Err(HttpError::Denied(
                "not granted: there is no host here; see `Context::with_http`".to_owned(),
            )),
        }
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn").finish_non_exhaustive()
    }
}

/// For tests of a handler.
impl Context {
    /// With this value in its configuration.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let ctx = Context::for_test().with_config("greeting", "Good day");
    /// assert_eq!(ctx.config("greeting")?.as_deref(), Some("Good day"));
    /// assert_eq!(ctx.config("farewell")?, None);
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn with_config(self, key: &str, value: &str) -> Self {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.with_stand_in(|stand_in| {
            stand_in.config.insert(key, value);
        })
    }

    /// With this secret.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let ctx = Context::for_test().with_secret("token", "hunter22");
    /// assert_eq!(ctx.secret("token")?.expose(), "hunter22");
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn with_secret(self, key: &str, value: &str) -> Self {
        self.with_config(key, value)
    }

    /// With `answer` in the place of the network.
    ///
    /// ```
    /// use fusebox_sdk::http::{HttpError, Response};
    /// use fusebox_sdk::prelude::*;
    ///
    /// let ctx = Context::for_test().with_http(|request| match request.url.as_str() {
    ///     "https://example.org/" => Ok(Response::new(200, "hello")),
    ///     _ => Err(HttpError::Failed("no such name".to_owned())),
    /// });
    ///
    /// let there = ctx.http().get("https://example.org/").send()?;
    /// assert_eq!(there.text()?, "hello");
    /// assert!(ctx.http().get("https://example.com/").send().is_err());
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn with_http(
        self,
        answer: impl Fn(&Request) -> Result<Response, HttpError> + 'static,
    ) -> Self {
        self.with_stand_in(|stand_in| stand_in.http = Some(Rc::new(answer)))
    }

    fn with_stand_in(self, change: impl FnOnce(&mut StandIn)) -> Self {
        let mut stand_in = self.inner.stand_in.clone();
        change(&mut stand_in);
        let call = self.inner.call.clone();
        let memory = RefCell::default();
        Self {
            inner: Rc::new(crate::context::Inner {
                call,
                memory,
                stand_in,
            }),
        }
    }
}
