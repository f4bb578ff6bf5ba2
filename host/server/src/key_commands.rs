//! `fusebox key`: keys are made, listed and revoked.
//!
//! It owns what these commands print. A key is printed once, alone on standard
//! output, so that a script can take it; all else goes to standard error.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use fusebox::auth::{Keys, KeysError};
use serde::Serialize;

/// Where keys are, unless something else is said.
const FILE: &str = "keys.toml";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, once: the file keeps only its digest. A host that runs
    /// takes it at once
    New(New),
    /// List the keys, without their secrets
    List {
        #[command(flatten)]
        file: KeysFile,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key. A host that runs lets nobody in by it from then on, and ends
    /// their streams
    Revoke {
        /// The key's name
        name: String,
        #[command(flatten)]
        file: KeysFile,
    },
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Whose key it is, such as ci or ada@example.com
    name: String,
    /// What it may see and call: a table [roles.NAME] of the configuration, or all
    #[arg(long, value_name = "ROLE", default_value = "all")]
    role: String,
    /// How long it holds, such as 90days; without it until it is revoked
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    #[command(flatten)]
    file: KeysFile,
}

#[derive(Debug, Args)]
pub(crate) struct KeysFile {
    /// The file of keys: `auth.keys_file` of the configuration
    #[arg(long, value_name = "FILE", default_value = FILE)]
    file: PathBuf,
}

pub(crate) fn run(command: KeyCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeyCommand::New(new) => make(&new)?,
        KeyCommand::List { file, json } => list(&read(&file.file)?, json)?,
        KeyCommand::Revoke { name, file } => {
            let mut keys = read(&file.file)?;
            keys.revoke(&name)?;
            write(&keys, &file.file)?;
            writeln!(std::io::stderr(), "{name}: revoked")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn make(new: &New) -> anyhow::Result<()> {
    let path = &new.file.file;
    let (mut keys, is_new) = match Keys::read(path) {
        Ok(keys) => (keys, false),
        Err(KeysError::Io(error)) if error.kind() == ErrorKind::NotFound => (Keys::default(), true),
        Err(error) => return Err(error).with_context(|| unusable(path)),
    };
    let now = SystemTime::now();
    let expires = new.expires.map(|time| {
        now.checked_add(time)
            .context("--expires is further away than time goes")
    });
    let key = keys.make(&new.name, &new.role, now, expires.transpose()?)?;
    write(&keys, path)?;
    writeln!(std::io::stdout(), "{key}")?;
    let mut told = std::io::stderr();
    writeln!(
        told,
        "{}: role {}; this is the only time that the key is shown",
        new.name, new.role
    )?;
    if is_new {
        writeln!(
            told,
            "{} is new: say [auth] keys_file = {:?} in the configuration, and restart the host",
            path.display(),
            path.display().to_string()
        )?;
    }
    Ok(())
}

fn list(keys: &Keys, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Shown<'a> {
        name: &'a str,
        id: &'a str,
        role: &'a str,
        created: &'a str,
        expires: Option<&'a str>,
        expired: bool,
    }
    let now = SystemTime::now();
    let shown: Vec<Shown<'_>> = keys
        .with_ends()
        .map(|(entry, ends)| Shown {
            name: &entry.name,
            id: &entry.id,
            role: &entry.role,
            created: &entry.created,
            expires: entry.expires.as_deref(),
            expired: ends.is_some_and(|ends| ends <= now),
        })
        .collect();
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string(&shown)?)?;
        return Ok(());
    }
    for one in shown {
        let until = match (one.expires, one.expired) {
            (None, _) => "until revoked".to_owned(),
            (Some(expires), false) => format!("until {expires}"),
            (Some(expires), true) => format!("expired {expires}"),
        };
        writeln!(
            out,
            "{}  role {}  made {}  {until}",
            one.name, one.role, one.created
        )?;
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Keys> {
    match Keys::read(path) {
        Err(KeysError::Io(error)) if error.kind() == ErrorKind::NotFound => bail!(
            "there is no file {}: name it with --file, or make a first key with `fusebox key new NAME`",
            path.display()
        ),
        read => read.with_context(|| unusable(path)),
    }
}

fn write(keys: &Keys, path: &Path) -> anyhow::Result<()> {
    keys.write(path)
        .with_context(|| format!("failed to write {}", path.display()))
}

fn unusable(path: &Path) -> String {
    format!("the file of keys {} can't be used", path.display())
}
