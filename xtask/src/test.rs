//! `cargo xtask test`: everything that must hold of this repository, as named
//! steps in a fixed order. Its last line counts the tests. What a test checks is
//! the test's own business.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::process::{self, say};
use crate::project::Project;
use crate::{host, instructions, peers, plugins, provision, scripts};

/// How many tests there were.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

/// One step: its name for `--only`, and what it does.
type Step = (&'static str, fn(&Project, &[String]) -> Result<Count>);

const STEPS: [Step; 8] = [
    ("provision", |project, _| {
        done(provision::provision(project))
    }),
    ("plugins", |project, _| done(built(project))),
    ("host", |project, _| done(host::build(project))),
    ("peers", |project, _| done(peers::build(project))),
    ("format", |project, _| done(format(project))),
    ("lint", |project, _| done(lint(project))),
    ("tests", tests),
    ("instructions", |project, _| {
        let compared = instructions::check(project)?;
        Ok(Count {
            passed: compared.good,
            failed: compared.risen,
        })
    }),
];

/// Runs all steps, or those that `only` names; `arguments` go to `cargo test`.
/// It stops at the first step that fails.
///
/// # Errors
/// If `only` names no step, a step fails, or a test fails; in the last case the
/// message is the count.
pub(crate) fn run(project: &Project, only: &[String], arguments: &[String]) -> Result<()> {
    let names = STEPS.map(|(name, _)| name);
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!(
            "there is no step `{unknown}`; the steps are {}",
            names.join(", ")
        );
    }
    let mut count = Count::default();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        if !only.is_empty() && !only.iter().any(|chosen| chosen == name) {
            continue;
        }
        say(&format!("[{}/{}] {name}", number + 1, STEPS.len()));
        let start = Instant::now();
        let counted = step(project, arguments).with_context(|| format!("step `{name}` failed"))?;
        say(&format!(
            "[{}/{}] {name}: {:.1} s",
            number + 1,
            STEPS.len(),
            start.elapsed().as_secs_f64()
        ));
        count.passed += counted.passed;
        count.failed += counted.failed;
    }
    let Count { passed, failed } = count;
    if failed > 0 {
        bail!("{passed} passed, {failed} failed");
    }
    if count == Count::default() {
        return Ok(());
    }
    // What reads the end of the output must find the count there.
    writeln!(std::io::stdout(), "{passed} passed, {failed} failed")
        .context("failed to write the count")
}

fn done(result: Result<()>) -> Result<Count> {
    result.map(|()| Count::default())
}

/// The plugins in every language.
fn built(project: &Project) -> Result<()> {
    plugins::build(project)?;
    scripts::build(project, Some(&provision::toolchains(project)))
}

/// All workspaces: the plugins and the peers have one each.
fn format(project: &Project) -> Result<()> {
    let peers = peers::sources(project);
    for folder in [&project.root, &project.plugin_sources(), &peers] {
        process::run(
            project
                .cargo()
                .current_dir(folder)
                .args(["fmt", "--all", "--check"]),
        )
        .context("run `cargo fmt --all` in that folder")?;
    }
    Ok(())
}

/// The release profile shares what build scripts made with the other steps.
fn lint(project: &Project) -> Result<()> {
    let plugins = project.plugin_sources();
    let (peers, built_peers) = (peers::sources(project), peers::target(project));
    for (folder, target) in [
        (&project.root, &project.target),
        (&plugins, &project.target),
        (&peers, &built_peers),
    ] {
        process::run(
            project
                .cargo()
                .current_dir(folder)
                .args(["clippy", "--release", "--workspace", "--all-targets"])
                .arg("--target-dir")
                .arg(target)
                .args(["--", "-D", "warnings"]),
        )?;
    }
    Ok(())
}

fn tests(project: &Project, arguments: &[String]) -> Result<Count> {
    let program = format!("fusebox{}", std::env::consts::EXE_SUFFIX);
    let mut command = project.cargo();
    command
        .args(["test", "--release", "--workspace", "--no-fail-fast"])
        .args(arguments)
        .env("FUSEBOX_TEST_ENV", provision::folder(project))
        .env("FUSEBOX_PLUGINS", project.plugins())
        .env("FUSEBOX_TEST_PEERS", peers::programs(project))
        .env("FUSEBOX_BIN", project.target.join("release").join(program));
    let (count, succeeded) = count_through(&mut command)?;
    if !succeeded && count.failed == 0 {
        bail!("`cargo test` failed outside of the tests");
    }
    Ok(count)
}

/// Runs a command, passes on each line as it comes, and adds up what the lines
/// say. Also says whether the command exited with 0.
fn count_through(command: &mut Command) -> Result<(Count, bool)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start cargo")?;
    let stdout = child
        .stdout
        .take()
        .context("failed to read what cargo writes")?;
    let mut count = Count::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("failed to read what cargo writes")?;
        let line = String::from_utf8_lossy(&line);
        writeln!(std::io::stdout(), "{line}").context("failed to pass on what cargo writes")?;
        if let Some(Count { passed, failed }) = counted(&line) {
            count.passed += passed;
            count.failed += failed;
        }
    }
    let status = child.wait().context("failed to wait for cargo")?;
    Ok((count, status.success()))
}

/// What a line such as `test result: ok. 3 passed; 0 failed; ...` says.
fn counted(line: &str) -> Option<Count> {
    let (_, figures) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let figure = |word: &str| {
        figures
            .split("; ")
            .find_map(|part| part.strip_suffix(word)?.trim().parse().ok())
    };
    Some(Count {
        passed: figure("passed")?,
        failed: figure("failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted_and_others_are_not() {
        let check = |line: &str, expected: Option<(u64, u64)>| {
            let expected = expected.map(|(passed, failed)| Count { passed, failed });
            assert_eq!(counted(line), expected, "{line}");
        };
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            Some((12, 0)),
        );
        check(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
            Some((3, 2)),
        );
        check("test clients::hello ... ok", None);
        check("running 3 tests", None);
        check("", None);
    }
}
