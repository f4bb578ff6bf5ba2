//! What a handler says while it runs: messages for the log, and how far the work is.
//!
//! It keeps nothing of it. On any other target than WebAssembly nobody hears it.

use std::fmt::Display;

use serde::Serialize;

use crate::bindings::host::fusebox::plugin::request;
use crate::context::IN_HOST;
use crate::{Context, LogLevel};

/// `message` of each of these is any value that can be written as JSON. It goes to the
/// client, if it wants this level, and to the host's log.
impl Context {
    /// Detail for developers. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # use fusebox_sdk::serde_json::json;
    /// /// Counts words.
    /// #[tool]
    /// fn words(text: String, ctx: &Context) -> usize {
    ///     ctx.log_debug(&json!({"bytes": text.len()}));
    ///     text.split_whitespace().count()
    /// }
    /// # assert_eq!(words("a b".into(), &Context::for_test()), 2);
    /// ```
    pub fn log_debug<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Debug, message);
    }

    /// A normal event. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// /// Forgets all notes.
    /// #[tool]
    /// fn forget(ctx: &Context) -> Result<(), HandlerError> {
    ///     ctx.store()?.delete("notes")?;
    ///     ctx.log_info("the notes are gone");
    ///     Ok(())
    /// }
    /// # let ctx = Context::for_test();
    /// # ctx.store()?.set("notes", "tea")?;
    /// # forget(&ctx)?;
    /// # assert!(!ctx.store()?.exists("notes")?);
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn log_info<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Info, message);
    }

    /// Normal but significant. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// /// The language to answer in.
    /// fn language(ctx: &Context) -> Result<String, HandlerError> {
    ///     let language = ctx.config("language")?;
    ///     Ok(language.unwrap_or_else(|| {
    ///         ctx.log_notice("no `language` is configured, so it is English");
    ///         "en".to_owned()
    ///     }))
    /// }
    /// # assert_eq!(language(&Context::for_test())?, "en");
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn log_notice<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Notice, message);
    }

    /// Not an error yet. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// /// The numbers of a list; what is none is left out.
    /// fn numbers(list: &str, ctx: &Context) -> Vec<f64> {
    ///     let parse = |text: &str| match text.trim().parse() {
    ///         Ok(number) => Some(number),
    ///         Err(_) => {
    ///             ctx.log_warning(&format!("`{text}` is no number"));
    ///             None
    ///         }
    ///     };
    ///     list.split(',').filter_map(parse).collect()
    /// }
    /// # assert_eq!(numbers("1, x, 3", &Context::for_test()), [1.0, 3.0]);
    /// ```
    pub fn log_warning<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Warning, message);
    }

    /// An operation failed. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// /// The news, or none if the server has a bad day.
    /// fn news(ctx: &Context) -> Option<String> {
    ///     match ctx.http().get("https://news.example.org").send() {
    ///         Ok(response) => response.text().ok(),
    ///         Err(error) => {
    ///             ctx.log_error(&format!("no news: {error}"));
    ///             None
    ///         }
    ///     }
    /// }
    /// # assert_eq!(news(&Context::for_test()), None);
    /// ```
    pub fn log_error<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Error, message);
    }

    /// A part failed. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// /// The table of prices, which nothing here works without.
    /// fn prices(ctx: &Context) -> Result<Vec<u32>, HandlerError> {
    ///     let prices = ctx.store()?.get_json("prices");
    ///     prices
    ///         .inspect_err(|error| ctx.log_critical(error.message()))?
    ///         .ok_or_else(|| "there are no prices yet".into())
    /// }
    /// # assert!(prices(&Context::for_test()).is_err());
    /// ```
    pub fn log_critical<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Critical, message);
    }

    /// Somebody must act at once. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// /// Passes a temperature on, in degrees.
    /// fn checked(degrees: f64, ctx: &Context) -> f64 {
    ///     if degrees > 90.0 {
    ///         ctx.log_alert(&format!("the kettle has {degrees} degrees: turn it off"));
    ///     }
    ///     degrees
    /// }
    /// # assert_eq!(checked(95.0, &Context::for_test()), 95.0);
    /// ```
    pub fn log_alert<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Alert, message);
    }

    /// Nothing works. See [`Context::log`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// /// The key that every request needs.
    /// fn key(ctx: &Context) -> Result<fusebox_sdk::Secret, HandlerError> {
    ///     let key = ctx.secret("key");
    ///     key.inspect_err(|error| ctx.log_emergency(error.message()))
    /// }
    /// # assert!(key(&Context::for_test()).is_err());
    /// ```
    pub fn log_emergency<T: Serialize + ?Sized>(&self, message: &T) {
        self.log(LogLevel::Emergency, message);
    }

    /// Sends a log message: any value that can be written as JSON. It goes to the client,
    /// if it wants this level, and to the host's log.
    ///
    /// ```
    /// use fusebox_sdk::LogLevel;
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Reads a page.
    /// #[tool]
    /// fn page(number: u32, ctx: &Context) -> String {
    ///     let level = match number {
    ///         0..100 => LogLevel::Debug,
    ///         _ => LogLevel::Warning,
    ///     };
    ///     ctx.log(level, &format!("page {number} is read"));
    ///     format!("This is page {number}.")
    /// }
    ///
    /// assert_eq!(page(7, &Context::for_test()), "This is page 7.");
    /// ```
    pub fn log<T: Serialize + ?Sized>(&self, level: LogLevel, message: &T) {
        self.log_as(level, None, message);
    }

    /// Sends a log message in the name of a part of the plugin.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # use fusebox_sdk::{LogLevel, serde_json::json};
    /// /// Looks into the cache, and says in its name whether it helped.
    /// fn cached(key: &str, ctx: &Context) -> Result<Option<Vec<u8>>, HandlerError> {
    ///     let value = ctx.store()?.get(key)?;
    ///     let hit = json!({"hit": value.is_some()});
    ///     ctx.log_as(LogLevel::Debug, Some("cache"), &hit);
    ///     Ok(value)
    /// }
    /// # assert_eq!(cached("a", &Context::for_test())?, None);
    /// # Ok::<(), HandlerError>(())
    /// ```
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
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Adds up, slowly.
    /// #[tool]
    /// fn sum(numbers: Vec<f64>, ctx: &Context) -> f64 {
    ///     let total = numbers.len() as f64;
    ///     let mut sum = 0.0;
    ///     for (done, number) in numbers.iter().enumerate() {
    ///         ctx.progress(done as f64, total);
    ///         sum += number;
    ///     }
    ///     sum
    /// }
    ///
    /// assert_eq!(sum(vec![1.0, 2.0], &Context::for_test()), 3.0);
    /// ```
    pub fn progress(&self, done: f64, total: impl Into<Option<f64>>) {
        if IN_HOST {
            request::progress(done, total.into(), None);
        }
    }

    /// Tells the client how far the work is, and what is being done.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Reads all pages; nobody knows how many there are.
    /// #[tool]
    /// fn read(pages: Vec<String>, ctx: &Context) -> usize {
    ///     let mut letters = 0;
    ///     for (done, page) in pages.iter().enumerate() {
    ///         ctx.progress_message(done as f64, None, format!("page {}", done + 1));
    ///         letters += page.chars().count();
    ///     }
    ///     letters
    /// }
    ///
    /// assert_eq!(read(vec!["one".into(), "two".into()], &Context::for_test()), 6);
    /// ```
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
}
