//! What an author asks for without a host that serves: a new project, its
//! component, and of one file whether it is a good plugin, and what a tool of it
//! answers.
//!
//! It owns the loading of that one file, under the limits that a host would give
//! it. It never serves, and never prints: the command line does.

mod build;
mod call;
mod cases;
mod check;
mod dev;
mod exchange;
mod inspect;
mod near;
mod needs;
mod scaffold;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use build::{BuildReport, Component, build};
pub use call::{CallReport, Outcome};
pub use cases::{CaseReport, Cases, CasesError, Difference, TestReport};
pub use check::CheckReport;
pub use dev::{DevError, FILTER, Lines, dev};
pub use exchange::{PullReport, PushReport, pull, push};
use fusebox_engine::{Engine, EngineError, SessionStores};
pub use inspect::InspectReport;
pub use scaffold::{NewReport, ScaffoldError, scaffold};

use crate::asks::Beside;
use crate::config::Config;
use crate::folder;
use crate::granter::Granter;
use crate::host::engine_config;
use crate::plugin_entry::{EntryError, LoadedPlugin, PluginFile};
use crate::signatures::{self, Signatures, Verdict};

/// Why a file, or a tool of it, can't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// The engine didn't start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file's name or bytes can't be taken.
    #[error("{file}: {reason}")]
    File {
        /// which
        file: String,
        /// why
        reason: String,
    },
    /// It breaks the contract, or can't be compiled.
    #[error("{file}: {error}")]
    Entry {
        /// which
        file: String,
        /// why
        error: EntryError,
    },
    /// It has no such tool.
    #[error("there is no tool `{name}` in it; it has {}", told(known))]
    NoTool {
        /// what was asked for
        name: String,
        /// what there is
        known: Vec<String>,
    },
    /// The arguments are no JSON object.
    #[error("the arguments must be a JSON object, such as '{{\"name\":\"Ada\"}}': {reason}")]
    Arguments {
        /// what they are
        reason: String,
    },
}

fn told(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// One file, loaded.
pub struct Loaded {
    file: String,
    bytes: usize,
    /// capabilities that the file says it asks for, if it does say
    asks: Option<Vec<String>>,
    plugin: LoadedPlugin,
    took: Duration,
    verdict: Verdict,
    /// all calls of it are one session
    session: Arc<SessionStores>,
}

/// Loads a file as a host with these settings would, if it is signed as they want
/// it.
///
/// # Errors
/// Why that host would not serve it.
pub async fn load_signed(config: &Config, file: &Path) -> Result<Loaded, AuthorError> {
    let unfit = |reason: String| AuthorError::File {
        file: file.display().to_string(),
        reason,
    };
    let keys = Signatures::new(&config.signatures);
    let verdict = match keys.is_asked() {
        false => Verdict::NotAsked,
        true => {
            let read = folder::read(file, config.reload.file_max_bytes);
            let (bytes, _) = read.map_err(unfit)?;
            let judged = signatures::read_beside(file)
                .and_then(|(texts, missing)| keys.judge(&bytes, &texts, &missing));
            judged.map_err(|error| unfit(error.to_string()))?
        }
    };
    let loaded = load(config, file).await?;
    Ok(Loaded { verdict, ..loaded })
}

/// Loads a file as a host with these settings would, whoever made it.
///
/// # Errors
/// Why that host would not serve it.
pub async fn load(config: &Config, file: &Path) -> Result<Loaded, AuthorError> {
    let shown = file.display().to_string();
    let unfit = |reason: String| AuthorError::File {
        file: shown.clone(),
        reason,
    };
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let name = stem.ok_or_else(|| unfit("it has no name in UTF-8".to_owned()))?;
    folder::check_name(name).map_err(unfit)?;
    let read = folder::read(file, config.reload.file_max_bytes);
    let (bytes, sha256) = read.map_err(unfit)?;
    let (size, asks) = (bytes.len(), fusebox_toolchain::asks(&bytes));
    let engine = Engine::new(&engine_config(config))?;
    let slots = config.engine.max_instances as usize;
    let (settings, breaker) = (config.plugin(name), config.circuit_breaker);
    let granter = Granter::new(&config.keyvalue);
    let began = Instant::now();
    let file = PluginFile {
        bytes,
        sha256,
        beside: Beside::of(file),
    };
    let loaded = LoadedPlugin::load(&engine, &granter, settings, breaker, file, slots).await;
    let took = began.elapsed();
    match loaded {
        Ok(plugin) => Ok(Loaded {
            file: shown,
            bytes: size,
            asks,
            plugin,
            took,
            verdict: Verdict::NotAsked,
            session: Arc::default(),
        }),
        Err(error) => Err(AuthorError::Entry { file: shown, error }),
    }
}
