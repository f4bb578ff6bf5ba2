//! `wasi:config` for plugins: what the operator wrote for them, and their secrets.
//!
//! It owns which of it is listed: a secret is given to whoever knows its key, and
//! never shown among others. It never resolves one.

use crate::contract::capabilities::config;
use crate::state::State;

impl config::Host for State {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, config::Error>> {
        let grants = self.grants();
        if let Some(value) = grants.config.get(&key) {
            return Ok(Ok(Some(value.clone())));
        }
        if let Some(secret) = grants.secrets.get(&key) {
            return Ok(Ok(Some(secret.reveal().to_owned())));
        }
        if grants.config.is_empty() && grants.secrets.is_empty() {
            let table = &grants.table;
            let denied = format!(
                "not granted: this plugin has no configuration; `{key}` in [{table}.config] or [{table}.secrets] would give it one"
            );
            return Ok(Err(config::Error::Upstream(denied)));
        }
        Ok(Ok(None))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, config::Error>> {
        let grants = self.grants();
        let pairs = grants.config.iter();
        Ok(Ok(pairs
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()))
    }
}
