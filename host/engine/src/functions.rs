//! Functions that were compiled before: a component that differs from another one in
//! some of its functions is compiled in a fraction of the time.
//!
//! It owns what a store of them has to promise, and asks for functions in wasmtime's
//! name. It keeps nothing itself.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

/// Where compiled functions are kept. Cranelift asks with the SHA-256 of all that a
/// function is compiled from (its instructions as they were translated, the processor,
/// the compiler's settings and version), and takes what it is given for the code of that
/// function, without a look at it: **nobody but this process may ever write to a store**.
/// What a store lacks is compiled.
pub trait FunctionStore: Debug + Send + Sync {
    /// What was kept under this very key, unchanged.
    fn get(&self, key: &[u8; 32]) -> Option<Arc<[u8]>>;

    /// Keeps a function, or doesn't: it may drop any, at any time.
    fn keep(&self, key: &[u8; 32], code: Arc<[u8]>);
}

/// A store as wasmtime knows them.
#[derive(Debug)]
pub(crate) struct Kept(pub(crate) Arc<dyn FunctionStore>);

impl wasmtime::CacheStore for Kept {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let found = self.0.get(key.try_into().ok()?)?;
        // The store may drop it while it is read.
        Some(Cow::Owned(found.to_vec()))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let Ok(key) = key.try_into() else {
            return false;
        };
        self.0.keep(key, value.into());
        true
    }
}
