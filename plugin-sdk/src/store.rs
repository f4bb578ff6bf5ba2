//! What a plugin keeps beyond a call.
//!
//! It owns the words for it. The host keeps the values, each plugin's for itself,
//! and writes them down before it says that they are kept.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::capabilities::wasi::keyvalue::{atomics, store};
use crate::context::IN_HOST;
use crate::{Context, HandlerError};

/// Values that this plugin keeps: for all of its callers ([`Context::store`]), for
/// one session ([`Context::session_store`]) or for one caller
/// ([`Context::caller_store`]).
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Remembers something.
/// #[tool]
/// fn remember(name: String, what: String, ctx: &Context) -> Result<(), HandlerError> {
///     ctx.store()?.set(&name, what)
/// }
///
/// let ctx = Context::for_test();
/// remember("tea".into(), "green".into(), &ctx)?;
/// // What a handler keeps, the next call with this context finds.
/// assert_eq!(ctx.store()?.get("tea")?, Some(b"green".to_vec()));
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Debug)]
pub struct Store {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Host(store::Bucket),
    #[cfg(not(target_arch = "wasm32"))]
    Test(crate::stand_in::Values),
}

impl Context {
    /// What this plugin keeps beyond a call, if the operator lets it keep
    /// something: `[plugins.NAME.grants.keyvalue]`.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Counts its calls.
    /// #[tool]
    /// fn count(ctx: &Context) -> Result<u64, HandlerError> {
    ///     ctx.store()?.increment("calls", 1)
    /// }
    ///
    /// let ctx = Context::for_test();
    /// count(&ctx)?;
    /// assert_eq!(count(&ctx)?, 2);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it may keep nothing.
    pub fn store(&self) -> Result<Store, HandlerError> {
        self.open("default")
    }

    /// What this plugin keeps for the session of this call, until the session ends,
    /// if the operator lets it: `[plugins.NAME.grants.keyvalue_session]`. It is in
    /// memory: whatever must outlive the host belongs into another store.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Puts something into the basket.
    /// #[tool]
    /// fn add(item: String, ctx: &Context) -> Result<Vec<String>, HandlerError> {
    ///     let basket = ctx.session_store()?;
    ///     let mut items: Vec<String> = basket.get_json("items")?.unwrap_or_default();
    ///     items.push(item);
    ///     basket.set_json("items", &items)?;
    ///     Ok(items)
    /// }
    ///
    /// let ctx = Context::for_test();
    /// add("tea".into(), &ctx)?;
    /// assert_eq!(add("milk".into(), &ctx)?, ["tea", "milk"]);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it may keep nothing for sessions, or there is no session: clients of
    /// 2026-07-28 and later have none.
    pub fn session_store(&self) -> Result<Store, HandlerError> {
        self.open("session")
    }

    /// What this plugin keeps for whoever calls, in all of their sessions, if the
    /// operator lets it: `[plugins.NAME.grants.keyvalue_caller]`. Callers that
    /// nobody authenticates share one store.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Remembers how somebody likes to be called.
    /// #[tool]
    /// fn call_me(name: String, ctx: &Context) -> Result<(), HandlerError> {
    ///     ctx.caller_store()?.set("name", name)
    /// }
    ///
    /// let ctx = Context::for_test();
    /// call_me("Ada".into(), &ctx)?;
    /// assert_eq!(ctx.caller_store()?.get("name")?, Some(b"Ada".to_vec()));
    /// assert!(ctx.store()?.keys()?.is_empty());
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it may keep nothing for callers.
    pub fn caller_store(&self) -> Result<Store, HandlerError> {
        self.open("caller")
    }

    fn open(&self, name: &'static str) -> Result<Store, HandlerError> {
        if !IN_HOST {
            #[cfg(not(target_arch = "wasm32"))]
            return Ok(Store {
                place: Place::Test(self.inner.stand_in.store(name)),
            });
        }
        let place = Place::Host(store::open(name).map_err(told)?);
        Ok(Store { place })
    }
}

/// Calls the host, or its stand-in.
macro_rules! at {
    ($store:expr, $bucket:ident => $host:expr, $values:ident => $test:expr) => {
        match &$store.place {
            Place::Host($bucket) => $host.map_err(told),
            #[cfg(not(target_arch = "wasm32"))]
            Place::Test(values) => {
                #[allow(unused_mut)]
                let mut $values = values.borrow_mut();
                Ok($test)
            }
        }
    };
}

impl Store {
    /// The value of a key.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let store = Context::for_test().store()?;
    /// store.set("tea", "green")?;
    /// assert_eq!(store.get("tea")?, Some(b"green".to_vec()));
    /// assert_eq!(store.get("milk")?, None);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the host can't say.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, HandlerError> {
        at!(self, bucket => bucket.get(key), values => values.get(key).cloned())
    }

    /// The value of a key that was set by [`Store::set_json`].
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let store = Context::for_test().store()?;
    /// store.set_json("sizes", &[36, 42])?;
    /// let sizes: Option<Vec<u32>> = store.get_json("sizes")?;
    /// assert_eq!(sizes, Some(vec![36, 42]));
    /// assert!(store.get_json::<String>("sizes").is_err());
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the host can't say, or the value is something else.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, HandlerError> {
        let value = self.get(key)?;
        Ok(value
            .map(|value| serde_json::from_slice(&value))
            .transpose()?)
    }

    /// Keeps a value.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let store = Context::for_test().store()?;
    /// store.set("tea", "green")?;
    /// store.set("tea", [1, 2, 3])?;
    /// assert_eq!(store.get("tea")?, Some(vec![1, 2, 3]));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If that would pass a quota, or the host can't keep it.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), HandlerError> {
        let value = value.as_ref();
        at!(self, bucket => bucket.set(key, value), values => {
            values.insert(key.to_owned(), value.to_owned());
        })
    }

    /// Keeps a value as JSON.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// #[derive(Serialize, Deserialize, PartialEq, Debug)]
    /// struct Place {
    ///     x: i32,
    ///     y: i32,
    /// }
    ///
    /// let store = Context::for_test().store()?;
    /// store.set_json("here", &Place { x: 1, y: 2 })?;
    /// assert_eq!(store.get("here")?, Some(br#"{"x":1,"y":2}"#.to_vec()));
    /// assert_eq!(store.get_json("here")?, Some(Place { x: 1, y: 2 }));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::set`], and if it has no JSON.
    pub fn set_json<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<(), HandlerError> {
        self.set(key, serde_json::to_vec(value)?)
    }

    /// Forgets a key, if it is there.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let store = Context::for_test().store()?;
    /// store.set("tea", "green")?;
    /// store.delete("tea")?;
    /// store.delete("tea")?;
    /// assert!(!store.exists("tea")?);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the host can't.
    pub fn delete(&self, key: &str) -> Result<(), HandlerError> {
        at!(self, bucket => bucket.delete(key), values => {
            values.remove(key);
        })
    }

    /// Whether a key has a value.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let store = Context::for_test().store()?;
    /// store.set("tea", "")?;
    /// assert!(store.exists("tea")? && !store.exists("milk")?);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the host can't say.
    pub fn exists(&self, key: &str) -> Result<bool, HandlerError> {
        at!(self, bucket => bucket.exists(key), values => values.contains_key(key))
    }

    /// Adds to a whole number, which is 0 if the key is new, and gives the sum.
    /// Nobody else changes it meanwhile.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let store = Context::for_test().store()?;
    /// assert_eq!(store.increment("calls", 1)?, 1);
    /// assert_eq!(store.increment("calls", 4)?, 5);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the value is no number, and as [`Store::set`].
    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, HandlerError> {
        at!(self, bucket => atomics::increment(bucket, key, delta), values => {
            let value = values.get(key).map(|value| String::from_utf8_lossy(value).parse::<u64>());
            let sum = value.transpose()?.unwrap_or(0) + delta;
            values.insert(key.to_owned(), sum.to_string().into_bytes());
            sum
        })
    }

    /// All keys.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let store = Context::for_test().store()?;
    /// store.set("tea", "green")?;
    /// store.set("milk", "none")?;
    /// assert_eq!(store.keys()?, ["milk", "tea"]);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the host can't say.
    pub fn keys(&self) -> Result<Vec<String>, HandlerError> {
        at!(self, bucket => all_keys(bucket), values => values.keys().cloned().collect())
    }
}

fn all_keys(bucket: &store::Bucket) -> Result<Vec<String>, store::Error> {
    let mut keys = Vec::new();
    let mut cursor = None;
    loop {
        let page = bucket.list_keys(cursor)?;
        keys.extend(page.keys);
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(keys);
        }
    }
}

fn told(error: store::Error) -> HandlerError {
    HandlerError::new(match error {
        store::Error::NoSuchStore => "there is no such store".to_owned(),
        store::Error::AccessDenied => "not granted: the store".to_owned(),
        store::Error::Other(text) => text,
    })
}
