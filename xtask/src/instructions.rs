//! `cargo xtask instructions`: what a message costs in instructions, beside what
//! it cost when somebody last said that this is how it is to be.
//!
//! It owns the counting and the recorded figures. What a message is, and that it
//! is answered rightly, is the business of the program that is counted,
//! `benches/examples/instructions.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::{self, find, say, search_path};
use crate::project::Project;
use crate::{apt, plugins};

/// What to do with the figures.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Record the figures instead of comparing them with those recorded.
    #[arg(long)]
    update: bool,
}

/// What is counted: the names that the program knows, and what they are.
const KINDS: [(&str, &str); 5] = [
    ("warm", "a call of `hello` in a warm instance"),
    ("fresh", "a call of `hello` in a fresh instance"),
    ("http", "the same as in a warm instance, by HTTP/1.1"),
    ("list", "`tools/list`"),
    ("misfit", "a call that is refused for its arguments"),
];

/// Messages of the two runs of each kind. What starting and ending cost is in
/// both, so the difference is what the messages cost.
const FEW: u32 = 500;
const MANY: u32 = 2_500;

/// More than this is a mistake, or has to be recorded as wanted.
const RISE_MAX_PERCENT: f64 = 5.0;

/// The plugin whose tool is called.
const PLUGIN: &str = "hello.wasm";

type Figures = BTreeMap<String, u64>;

/// How the figures compare with those recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// kinds that cost no more than they may
    pub(crate) good: u64,
    /// kinds that cost more
    pub(crate) risen: u64,
}

/// Counts, and compares or records.
///
/// # Errors
/// If something can't be built or counted, or a message costs more than it may.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let Some(valgrind) = valgrind()? else {
        return Ok(());
    };
    plugins::build(project)?;
    let figures = count(project, &valgrind)?;
    if options.update {
        return record(&recorded_at(project), &figures);
    }
    match compare(&figures, &recorded(project)?)?.risen {
        0 => Ok(()),
        risen => bail!("{risen} kinds of messages cost more than they may"),
    }
}

/// The step of `cargo xtask test`. Nothing is compared where nothing can be
/// counted; why is said.
///
/// # Errors
/// If something can't be built or counted.
pub(crate) fn check(project: &Project) -> Result<Compared> {
    match valgrind()? {
        Some(valgrind) => compare(&count(project, &valgrind)?, &recorded(project)?),
        None => Ok(Compared::default()),
    }
}

/// Where valgrind is, installed if need be; none: it can't be had here.
fn valgrind() -> Result<Option<PathBuf>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        say("instructions are NOT counted: the figures recorded are those of Linux on x86-64");
        return Ok(None);
    }
    let present = || find("valgrind", search_path());
    if present().is_none() {
        if !apt::is_usable() {
            say("instructions are NOT counted: install valgrind and run this again");
            return Ok(None);
        }
        apt::install("valgrind", &["valgrind"])?;
    }
    let found = present().context("valgrind was installed and is not there")?;
    Ok(Some(found))
}

/// Instructions of one message of each kind.
fn count(project: &Project, valgrind: &Path) -> Result<Figures> {
    let scratch = project.target.join("instructions");
    let folder = scratch.join("plugins");
    fs::create_dir_all(&folder)?;
    fs::copy(project.plugins().join(PLUGIN), folder.join(PLUGIN))
        .with_context(|| format!("failed to copy {PLUGIN}"))?;
    process::run(project.cargo().args([
        "build",
        "--release",
        "--workspace",
        "--example",
        "instructions",
    ]))?;
    let program = project.target.join("release/examples/instructions");
    let messages = |kind: &str, messages: u32| {
        let arguments = ["--kind", kind, "--messages", &messages.to_string()];
        let mut command = arguments.map(str::to_owned).to_vec();
        for (name, folder) in [("--plugins", "plugins"), ("--cache", "cache")] {
            let path = scratch.join(folder).display().to_string();
            command.extend([name.to_owned(), path]);
        }
        command
    };
    // Nothing is to be compiled while it is counted. Valgrind shows a processor of
    // its own, for which there is other code than without it.
    collected(valgrind, &program, &messages("warm", 1))?;
    let mut figures = Figures::new();
    for (kind, _) in KINDS {
        let few = collected(valgrind, &program, &messages(kind, FEW))?;
        let many = collected(valgrind, &program, &messages(kind, MANY))?;
        let each = many.saturating_sub(few) / u64::from(MANY - FEW);
        figures.insert(kind.to_owned(), each);
    }
    Ok(figures)
}

/// Instructions of a whole run.
fn collected(valgrind: &Path, program: &Path, arguments: &[String]) -> Result<u64> {
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Code that is compiled while it runs: what was there before is forgotten.
        .arg("--smc-check=all-non-file")
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("failed to start valgrind")?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("counting failed ({}): {}", output.status, text.trim());
    }
    total(&text).with_context(|| format!("callgrind wrote no sum: {}", text.trim()))
}

/// What a line such as `==7== Collected : 123456` says.
fn total(text: &str) -> Option<u64> {
    let mut sums = text.lines().filter_map(|line| line.split_once("Collected"));
    let digits = sums.next_back()?.1.trim_start_matches([' ', ':']);
    digits.trim().parse().ok()
}

fn recorded_at(project: &Project) -> PathBuf {
    project.root.join("benches/instructions.json")
}

fn recorded(project: &Project) -> Result<Figures> {
    let path = recorded_at(project);
    let text =
        fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no record", path.display()))
}

fn record(path: &Path, figures: &Figures) -> Result<()> {
    let text = serde_json::to_string_pretty(figures)? + "\n";
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    for (kind, about) in KINDS {
        say(&format!("{:>9} instructions: {about}", figures[kind]));
    }
    Ok(())
}

/// Says of each kind what it costs and cost.
fn compare(figures: &Figures, recorded: &Figures) -> Result<Compared> {
    let mut compared = Compared::default();
    for (kind, about) in KINDS {
        let (now, before) = figures
            .get(kind)
            .zip(recorded.get(kind))
            .with_context(|| format!("no figure is recorded for `{kind}`: {HOW_TO_RECORD}"))?;
        let percent = change(*now, *before);
        let (verdict, advice) = if percent > RISE_MAX_PERCENT {
            compared.risen += 1;
            (
                "FAILED",
                format!(
                    "; it may rise by {RISE_MAX_PERCENT} %. If that is wanted, {HOW_TO_RECORD}"
                ),
            )
        } else {
            compared.good += 1;
            let fell = percent < -RISE_MAX_PERCENT;
            (
                "ok",
                if fell {
                    format!("; to keep it so, {HOW_TO_RECORD}")
                } else {
                    String::new()
                },
            )
        };
        say(&format!(
            "{verdict}: {about}: {now} instructions, {before} recorded ({percent:+.1} %){advice}"
        ));
    }
    Ok(compared)
}

const HOW_TO_RECORD: &str = "record it: `cargo xtask instructions --update`";

/// By how much the first is more than the second.
fn change(now: u64, before: u64) -> f64 {
    (now as f64 - before as f64) * 100.0 / before.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(each: u64) -> Figures {
        KINDS.map(|(kind, _)| (kind.to_owned(), each)).into()
    }

    #[test]
    fn a_rise_of_more_than_five_percent_is_found() {
        let check = |now: u64, good: u64, risen: u64| {
            let mut costs = figures(1000);
            costs.insert("list".to_owned(), now);
            let compared = compare(&costs, &figures(1000)).unwrap();
            assert_eq!(compared, Compared { good, risen }, "{now}");
        };
        let all = KINDS.len() as u64;
        check(1000, all, 0);
        check(1050, all, 0);
        check(1051, all - 1, 1);
        check(100, all, 0);
    }

    #[test]
    fn a_kind_without_a_record_is_an_error() {
        assert!(compare(&figures(1), &Figures::new()).is_err());
    }

    #[test]
    fn the_sum_is_found() {
        let text =
            "==7== Events    : Ir\n==7== Collected : 123456\n==7==\n==7== I   refs:      123,456\n";
        assert_eq!(total(text), Some(123_456));
        assert_eq!(total("==7== nothing"), None);
    }
}
