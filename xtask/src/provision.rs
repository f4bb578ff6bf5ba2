//! What the tests need besides Rust, in `<target>/test-env`: Node with the
//! conformance suite and the MCP clients, Pythons with other clients, a collector and
//! tools, what plugins in Python, JavaScript and C are built with, and a registry and
//! Prometheus of the system. The exact versions are in `tests/clients` and in the
//! toolchain. What is there already is left alone, and a run that was cut off is taken
//! up again by the next one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use fusebox_toolchain::{Build, Language};

use crate::apt;
use crate::process::{self, find, say, search_path};
use crate::project::Project;
use crate::stamp::Stamp;

/// Installs what is not there in its pinned version.
///
/// # Errors
/// If `npm`, `python3`, `docker-registry`, `prometheus` or `chromium` is missing and
/// can't be installed, or a package can't be had; the message says what to do.
pub(crate) fn provision(project: &Project) -> Result<()> {
    let pins = project.root.join("tests").join("clients");
    let folder = folder(project);
    fs::create_dir_all(&folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    registry()?;
    prometheus()?;
    browser()?;
    node(&pins, &folder)?;
    for (environment, requirements) in PYTHONS {
        python(&pins, &folder.join(environment), requirements)?;
    }
    install(&toolchains(project))?;
    c(project, &folder)
}

/// What builds the example in C.
fn c(project: &Project, folder: &Path) -> Result<()> {
    const PACKAGES: [&str; 5] = [
        "clang",
        "lld",
        "make",
        "wasi-libc",
        "libclang-rt-dev-wasm32",
    ];
    let programs = ["clang", "wasm-ld", "make"];
    let missing = programs
        .iter()
        .any(|name| find(name, search_path()).is_none());
    if missing || !Path::new(WASI_LIBC).is_file() {
        apt::install("clang with a C library for WebAssembly", &PACKAGES)?;
    }
    let root = folder.join(WIT_BINDGEN);
    let program = root.join("bin/wit-bindgen");
    if process::output(Command::new(&program).arg("--version")).is_ok() {
        say("wit-bindgen: present");
        return Ok(());
    }
    say("wit-bindgen: compiling");
    process::run(
        project
            .cargo()
            .args([
                "install",
                "wit-bindgen-cli",
                "--version",
                WIT_BINDGEN_VERSION,
            ])
            .args([
                "--locked",
                "--quiet",
                "--no-default-features",
                "--features",
                "c",
            ])
            .arg("--root")
            .arg(&root),
    )
    .context("failed to install wit-bindgen (is the crates registry reachable?)")
}

/// The C library, where Debian's package has it.
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi/libc.a";

/// The folder of the program that makes C of WIT; a new version takes a new one.
const WIT_BINDGEN: &str = "wit-bindgen-0.63.0";

const WIT_BINDGEN_VERSION: &str = "0.63.0";

/// What `fusebox plugin build` would install, so that no test waits for it.
fn install(folder: &Path) -> Result<()> {
    for language in [Language::Python, Language::JavaScript] {
        let mut build = Build {
            say: &mut say,
            stop: None,
            installed: Some(folder),
        };
        language
            .install(&mut build)
            .with_context(|| format!("failed to install what builds {}", language.title()))?;
    }
    Ok(())
}

/// Where the tests find what this module installs.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.target.join("test-env")
}

/// Where the programs are that build plugins in Python and JavaScript.
pub(crate) fn toolchains(project: &Project) -> PathBuf {
    folder(project).join("toolchains")
}

/// The registry that plugins are fetched from.
fn registry() -> Result<()> {
    if find("docker-registry", search_path()).is_some() {
        say("docker-registry: present");
        return Ok(());
    }
    apt::install("docker-registry", &["docker-registry"])
}

/// What reads the host's figures, and `promtool`, which comes with it.
fn prometheus() -> Result<()> {
    let programs = ["prometheus", "promtool"];
    if programs
        .iter()
        .all(|one| find(one, search_path()).is_some())
    {
        say("prometheus: present");
        return Ok(());
    }
    apt::install("prometheus", &["prometheus"])
}

/// The browser that the operator's page is looked at in.
fn browser() -> Result<()> {
    if find("chromium", search_path()).is_some() {
        say("chromium: present");
        return Ok(());
    }
    apt::install("chromium", &["chromium"])
}

/// Node, the conformance suite and the clients in TypeScript.
fn node(pins: &Path, folder: &Path) -> Result<()> {
    const FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
    let clients = folder.join("clients");
    let program = clients.join("node_modules/node/bin/node");
    let stamp = Stamp::new(&clients, pins, &FILES)?;
    if stamp.is_current() && program.is_file() {
        say("node packages: present");
        return schemas(pins, folder, &program);
    }
    if find("npm", search_path()).is_none() {
        apt::install("npm", &["nodejs", "npm"])?;
    }
    say("node packages: installing Node 22, the conformance suites and the clients (300 MB)");
    stamp.clear()?;
    fs::create_dir_all(&clients)
        .with_context(|| format!("failed to make the folder {}", clients.display()))?;
    for name in FILES {
        fs::copy(pins.join(name), clients.join(name))
            .with_context(|| format!("failed to copy {name}"))?;
    }
    process::run(
        Command::new("npm")
            .args(["ci", "--no-progress", "--loglevel=error"])
            // Node itself is put in place by a script of its package.
            .arg("--ignore-scripts=false")
            .current_dir(&clients),
    )
    .context("failed to install the node packages (is the npm registry reachable?)")?;
    let version = process::output(Command::new(&program).arg("--version"))
        .context("the package `node` brought no program for this machine")?;
    if !version.starts_with("v22.") {
        bail!(
            "the package `node` brought {} instead of v22",
            version.trim()
        );
    }
    stamp.set()?;
    schemas(pins, folder, &program)
}

/// The schemas of the protocol's versions, from the packages that carry them, in
/// a file that the tests read.
fn schemas(pins: &Path, folder: &Path, node: &Path) -> Result<()> {
    process::run(
        Command::new(node)
            .arg(pins.join("schemas.mjs"))
            .arg(folder.join("schemas.json"))
            .current_dir(folder.join("clients")),
    )
    .context("failed to take the protocol's schemas from the packages")
}

/// The virtual environments, one for each release of the client in Python, one for an
/// HTTP/3 client, one for a collector and one for tools, and their pins.
const PYTHONS: [(&str, &str); 8] = [
    ("python", "requirements.txt"),
    ("python-collector", "requirements-collector.txt"),
    ("python-http3", "requirements-http3.txt"),
    // What reads units, images and manifests.
    ("python-packaging", "requirements-packaging.txt"),
    ("python-1.8", "requirements-1.8.txt"),
    ("python-1.9", "requirements-1.9.txt"),
    ("python-1.12", "requirements-1.12.txt"),
    ("python-1.30", "requirements-1.30.txt"),
];

/// A virtual environment with a client in Python.
fn python(pins: &Path, environment: &Path, requirements: &str) -> Result<()> {
    let program = environment.join("bin/python");
    let stamp = Stamp::new(environment, pins, &[requirements])?;
    if stamp.is_current() && process::output(Command::new(&program).arg("--version")).is_ok() {
        say(&format!("python packages of {requirements}: present"));
        return Ok(());
    }
    if !can_make_environments() {
        apt::install(
            "python3 with its module `venv`",
            &["python3", "python3-venv"],
        )?;
    }
    say(&format!(
        "python packages of {requirements}: making a virtual environment"
    ));
    stamp.clear()?;
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(environment),
    )
    .context("failed to make a virtual environment (it needs Python 3.10 or later)")?;
    process::run(
        Command::new(&program)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg("--requirement")
            .arg(pins.join(requirements)),
    )
    .context("failed to install the python packages (is the package index reachable?)")?;
    stamp.set()
}

fn can_make_environments() -> bool {
    process::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pin_names_a_registry() {
        let pins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients");
        let plugin = "../../plugins/reshape/package-lock.json";
        for name in ["package-lock.json", "requirements.txt", ".npmrc", plugin] {
            let text = fs::read_to_string(pins.join(name)).unwrap();
            assert!(!text.contains("\"resolved\""), "{name}");
            assert!(
                !text.contains("index-url") && !text.contains("registry="),
                "{name}"
            );
        }
    }
}
