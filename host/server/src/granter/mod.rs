//! From what the operator's configuration grants a plugin to what the engine is
//! given for it.
//!
//! It owns what all plugins share for that: the store of their values and the
//! certificates that are trusted. It never grants what the configuration doesn't.

mod address;
mod client;
mod keyvalue;
mod names;
mod response;
pub(crate) mod secrets;
mod sockets;

use std::path::PathBuf;
use std::sync::Arc;

use fusebox_engine as engine;
use rustls::ClientConfig;
use tokio::sync::OnceCell;

use crate::config::{self, PluginSettings, Source, Variable};
use client::HttpClient;
pub(crate) use client::{system_trust, trust};
use keyvalue::{Keeper, PluginStores};
use sockets::PluginNetwork;

/// Why a plugin can't be given what the configuration grants it.
#[derive(Debug, thiserror::Error)]
#[error("`{key}`: {reason}")]
pub struct GrantError {
    /// the whole key
    key: String,
    /// what is wrong with what it names
    reason: String,
}

/// What all plugins share.
#[derive(Debug)]
pub struct Granter {
    keeper: Arc<Keeper>,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Granter {
    /// Touches no file yet.
    pub fn new(settings: &config::KeyValue) -> Self {
        let file = settings.file(|name| std::env::var_os(name));
        Self {
            keeper: Arc::new(Keeper::new(file)),
            tls: OnceCell::new(),
        }
    }

    /// From now on another host uses the same files: they are open for as long as it
    /// takes to read or change a value, and no longer.
    pub(crate) fn share(&self) {
        self.keeper.share();
    }

    /// No other host uses the same files any more.
    pub(crate) fn keep(&self) {
        self.keeper.keep();
    }

    /// What this plugin is granted: its secrets are resolved and its folders are
    /// there. The requests that it may send run where this is called, and names are looked up
    /// there.
    ///
    /// # Errors
    /// If a secret can't be had, or there is no such folder.
    pub async fn grant(&self, settings: &PluginSettings) -> Result<engine::Grants, GrantError> {
        let table = settings.grants_table();
        let given = &settings.grants;
        let mut grants = engine::Grants::nothing(table.as_str());
        grants.config.clone_from(&given.config);
        for (name, source) in &given.secrets {
            let secret = resolve(&format!("{table}.secrets.{name}"), source).await?;
            grants.secrets.insert(name.clone(), secret);
        }
        for (name, value) in &given.env {
            let value = match value {
                Variable::Plain(text) => engine::Variable::Plain(text.clone()),
                Variable::Secret(source) => {
                    let key = format!("{table}.env.{name}");
                    engine::Variable::Secret(resolve(&key, source).await?)
                }
            };
            grants.env.insert(name.clone(), value);
        }
        for (guest, folder) in &given.files {
            let key = format!("{table}.files.{guest}");
            let host = folder_at(&key, &folder.path).await?;
            grants.folders.push(engine::Folder {
                host,
                guest: guest.clone(),
                write: folder.write,
            });
        }
        if let Some(http) = &given.http {
            let tls = self.tls.get_or_init(trusted).await.clone();
            let table = format!("{table}.http");
            grants.http = Some(Arc::new(HttpClient::new(table, http.clone(), tls)));
        }
        if let Some(sockets) = &given.sockets {
            let table = format!("{table}.sockets");
            grants.network = Some(Arc::new(PluginNetwork::new(table, sockets.clone())));
        }
        let keeper = self.keeper.clone();
        let stores = PluginStores::new(keeper, &settings.name, &table, given);
        grants.keyvalue = stores.map(|stores| Arc::new(stores) as Arc<dyn engine::Stores>);
        Ok(grants)
    }
}

async fn resolve(key: &str, source: &Source) -> Result<engine::Secret, GrantError> {
    let resolved = secrets::resolve(source).await;
    resolved.map_err(|reason| GrantError {
        key: key.to_owned(),
        reason,
    })
}

/// A folder that is there, by its whole path: the host may be told to go
/// elsewhere, and its plugins are not.
async fn folder_at(key: &str, path: &std::path::Path) -> Result<PathBuf, GrantError> {
    let found = match tokio::fs::canonicalize(path).await {
        Ok(found) if found.is_dir() => return Ok(found),
        Ok(_) => "it is no folder".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(GrantError {
        key: key.to_owned(),
        reason: format!("{}: {found}", path.display()),
    })
}

/// The client's side of TLS, which trusts whom the system trusts. Reading its
/// certificates takes a while.
async fn trusted() -> Arc<ClientConfig> {
    let read = tokio::task::spawn_blocking(system_trust).await;
    Arc::new(read.unwrap_or_else(|_| trust(Vec::new())))
}
