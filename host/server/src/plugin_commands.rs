//! The author's commands that take more than a line: a new project, its component,
//! its cases.
//!
//! It owns what they print and their exit codes. What they do is the library's.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use fusebox::author::{self, BuildReport, Cases};
use fusebox_toolchain::Language;

use crate::cli::{self, Build, Dev, New, Pull, Push, Test};
use crate::{print, runtime, start_author_log, start_dev_log};

pub(crate) fn new(arguments: &New) -> anyhow::Result<ExitCode> {
    let mut languages = Language::ALL.into_iter();
    let language = languages.find(|language| language.name() == arguments.lang);
    let language = language.context("a language is one of those that the command line takes")?;
    let report = author::scaffold(&arguments.name, language, &arguments.into)?;
    print(&report, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn build(arguments: &Build) -> anyhow::Result<ExitCode> {
    let report = built(&arguments.folder, arguments.out.as_deref())?;
    print(&report, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Serves until it is told to end; all that it says goes to standard error, where
/// the compiler writes too.
pub(crate) fn dev(arguments: Dev) -> anyhow::Result<ExitCode> {
    let Dev {
        folder,
        config,
        listen,
    } = arguments;
    let config = cli::load(config)?;
    start_dev_log();
    let runtime = runtime()?;
    let shown = folder.display().to_string();
    let ended = runtime.block_on(author::dev(config, folder, listen));
    // What can't be ended, such as rustup, is not waited for.
    runtime.shutdown_background();
    ended.with_context(|| format!("failed to serve {shown}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A folder is built first: what is tested is what its sources say.
pub(crate) fn test(arguments: &Test) -> anyhow::Result<ExitCode> {
    let Test { path, cases, .. } = arguments;
    let is_project = path.is_dir();
    let beside = match is_project {
        true => path.join("cases.toml"),
        false => "cases.toml".into(),
    };
    // A mistake in it is told before a build that may take a minute.
    let cases = Cases::read(cases.as_deref().unwrap_or(&beside))?;
    let file = match is_project {
        true => component(built(path, None)?)?,
        false => path.clone(),
    };
    start_author_log();
    let config = cli::load(arguments.config.clone())?;
    let report = runtime()?.block_on(async {
        let loaded = author::load(&config, &file).await?;
        anyhow::Ok(loaded.test(&cases).await)
    })?;
    print(&report, arguments.json)?;
    Ok(match report.is_success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

pub(crate) fn pull(arguments: &Pull) -> anyhow::Result<ExitCode> {
    start_author_log();
    let config = cli::load(arguments.config.clone())?;
    let Pull {
        url,
        digest,
        output,
        ..
    } = arguments;
    let pulling = author::pull(&config, url, digest.clone(), output.as_deref());
    let report = runtime()?.block_on(pulling)?;
    print(&report, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn push(arguments: &Push) -> anyhow::Result<ExitCode> {
    start_author_log();
    let config = cli::load(arguments.config.clone())?;
    let pushing = author::push(&config, &arguments.file, &arguments.url);
    let report = runtime()?.block_on(pushing)?;
    print(&report, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

fn built(folder: &Path, out: Option<&Path>) -> anyhow::Result<BuildReport> {
    // Standard output is for the report.
    let mut say = |line: &str| {
        let _ = writeln!(std::io::stderr(), "fusebox: {line}");
    };
    author::build(folder, out, &mut say)
        .with_context(|| format!("failed to build {}", folder.display()))
}

/// The only one of a project.
fn component(report: BuildReport) -> anyhow::Result<PathBuf> {
    let paths: Vec<PathBuf> = report.components.into_iter().map(|one| one.path).collect();
    match <[PathBuf; 1]>::try_from(paths) {
        Ok([path]) => Ok(path),
        Err(paths) => {
            let paths: Vec<String> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            bail!(
                "say which one to test, with `--cases`: {}",
                paths.join(", ")
            )
        }
    }
}
