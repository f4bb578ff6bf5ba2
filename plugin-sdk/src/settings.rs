//! What the operator wrote for a plugin, and its secrets.
//!
//! It owns how they are asked for. It keeps none.

use std::fmt;

use crate::bindings::capabilities::wasi::config::store;
use crate::context::IN_HOST;
use crate::{Context, HandlerError};

/// A value that must not be seen: it has no `Display`, and its `Debug` says
/// nothing. The host takes it out of errors, faults and log messages; what a
/// handler returns as its result is the handler's own business.
///
/// ```
/// use fusebox_sdk::http::Response;
/// use fusebox_sdk::prelude::*;
///
/// /// Whose key it is.
/// #[tool]
/// fn owner(ctx: &Context) -> Result<String, HandlerError> {
///     let token = ctx.secret("token")?;
///     ctx.log_debug(&format!("asks with {token:?}"));
///     let request = ctx.http().get("https://api.example.org/me");
///     request.header("authorization", token.expose()).send()?.success()?.text()
/// }
///
/// let ctx = Context::for_test().with_secret("token", "hunter22").with_http(|request| {
///     assert_eq!(request.headers[0].1, "hunter22");
///     Ok(Response::new(200, "Ada"))
/// });
/// assert_eq!(owner(&ctx)?, "Ada");
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value, for the one place that needs it.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let ctx = Context::for_test().with_secret("token", "hunter22");
    /// assert_eq!(ctx.secret("token")?.expose(), "hunter22");
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Context {
    /// A value that the operator wrote for this plugin in
    /// `[plugins.NAME.grants.config]`; none if this key is not there.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Greets somebody.
    /// #[tool]
    /// fn greet(name: String, ctx: &Context) -> Result<String, HandlerError> {
    ///     let greeting = ctx.config("greeting")?.unwrap_or("Hello".to_owned());
    ///     Ok(format!("{greeting}, {name}!"))
    /// }
    ///
    /// let ctx = Context::for_test().with_config("greeting", "Good day");
    /// assert_eq!(greet("Ada".to_owned(), &ctx)?, "Good day, Ada!");
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the plugin was granted no configuration at all.
    pub fn config(&self, key: &str) -> Result<Option<String>, HandlerError> {
        if !IN_HOST {
            #[cfg(not(target_arch = "wasm32"))]
            return Ok(self.inner.stand_in.config.get(key).cloned());
        }
        store::get(key).map_err(|error| match error {
            store::Error::Upstream(text) | store::Error::Io(text) => HandlerError::new(text),
        })
    }

    /// A secret that the operator gave this plugin in
    /// `[plugins.NAME.grants.secrets]`.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// let ctx = Context::for_test().with_secret("token", "hunter22");
    /// assert_eq!(ctx.secret("token")?.expose(), "hunter22");
    /// assert_eq!(format!("{:?}", ctx.secret("token")?), "***");
    /// assert!(ctx.secret("other").is_err());
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it was not given one of this name.
    pub fn secret(&self, key: &str) -> Result<Secret, HandlerError> {
        match self.config(key)? {
            Some(value) => Ok(Secret(value)),
            None => Err(HandlerError::new(format!(
                "not granted: this plugin has no secret `{key}`; add it to its `grants.secrets`"
            ))),
        }
    }
}
