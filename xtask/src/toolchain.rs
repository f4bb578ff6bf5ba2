//! Which Rust builds the plugins: one that has the standard library for
//! WebAssembly, or one that can build it. Installs what is missing if it may;
//! never changes which Rust is the default.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::apt;
use crate::process::{self, find, say, search_path};
use crate::project::{self, Project};

/// What the plugins are built for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// How long `rustup target add` may take. The standard library is 20 MB.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// What Debian and its children call a Rust that can build its own library.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// A way to build for WebAssembly.
pub(crate) enum Toolchain {
    /// The Rust in use has the library for the target.
    Active {
        /// the cargo in use
        cargo: PathBuf,
    },
    /// A distribution's Rust builds the library from its source.
    Distribution(Distribution),
}

/// A distribution's Rust.
pub(crate) struct Distribution {
    cargo: PathBuf,
    rustc: PathBuf,
    linker: PathBuf,
}

impl Toolchain {
    /// Finds or installs a toolchain, the least intrusive way first, and says
    /// in one line which one and why.
    ///
    /// # Errors
    /// If there is none; the message says what to install.
    pub(crate) fn choose(project: &Project) -> Result<Self> {
        let rustc = std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
        let sysroot = sysroot(&rustc)?;
        let active = || Self::Active {
            cargo: project.cargo.clone(),
        };
        if has_library(&sysroot) {
            say(&format!("{TARGET} is installed for the Rust in use"));
            return Ok(active());
        }
        let marker = Marker::new(project, &rustc);
        let rustup = find("rustup", search_path());
        if let Some(rustup) = rustup.filter(|_| !marker.is_set()) {
            say(&format!("{TARGET} is missing: asking rustup for it"));
            let mut command = Command::new(rustup);
            command.args(["target", "add", TARGET]);
            if process::succeeds_within(&mut command, RUSTUP_LIMIT) && has_library(&sysroot) {
                return Ok(active());
            }
            say("rustup could not install it (no network?): trying a distribution's Rust");
        }
        let distribution = match Distribution::find(&sysroot) {
            Ok(distribution) => distribution,
            Err(missing) => {
                install(&missing)?;
                Distribution::find(&sysroot).map_err(|missing| missing.into_error())?
            }
        };
        say(&format!(
            "{TARGET} is not installed for the Rust in use: building it with {}, from its library source",
            distribution.rustc.display()
        ));
        marker.set();
        Ok(Self::Distribution(distribution))
    }

    /// `cargo`, ready for the arguments of a build.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = match self {
            Self::Active { cargo } => Command::new(cargo),
            Self::Distribution(distribution) => distribution.cargo(),
        };
        project::clean(&mut command);
        // These are meant for the machine's own code.
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// What `cargo build` needs besides.
    pub(crate) fn cargo_arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Active { .. } => &[],
            Self::Distribution(_) => &["-Z", "build-std=std,panic_abort"],
        }
    }
}

impl Distribution {
    /// Looks for the parts outside of rustup; `active` is the sysroot of the
    /// Rust in use, whose linker is just as good.
    fn find(active: &Path) -> Result<Self, Missing> {
        // PATH may prefer rustup's proxies: they lie in a `.cargo` folder.
        let mut folders: Vec<PathBuf> = ["/usr/bin", "/usr/local/bin"].map(PathBuf::from).into();
        folders.extend(
            search_path()
                .into_iter()
                .filter(|folder| !folder.join("rustup").exists()),
        );
        let rustc = folders.iter().find_map(|folder| {
            let rustc = find("rustc", [folder.clone()])?;
            let sysroot = sysroot(&rustc).ok()?;
            let source = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
            source.is_file().then_some((rustc, sysroot))
        });
        let Some((rustc, sysroot)) = rustc else {
            return Err(Missing("a Rust with its library source"));
        };
        let Some(cargo) = find("cargo", folders) else {
            return Err(Missing("a cargo outside of rustup"));
        };
        let Some(linker) = linker(&[&sysroot, active]) else {
            return Err(Missing("a linker for WebAssembly (wasm-ld or rust-lld)"));
        };
        Ok(Self {
            cargo,
            rustc,
            linker,
        })
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command
            .env("RUSTC", &self.rustc)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &self.linker)
            // `-Z build-std` is not stable; this lets a stable cargo take it.
            .env("RUSTC_BOOTSTRAP", "1")
            // Set by rustup and `cargo run`; of no use to another Rust.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("RUSTUP_HOME")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("LD_LIBRARY_PATH")
            .env_remove("DYLD_FALLBACK_LIBRARY_PATH");
        command
    }
}

/// The part of a distribution's Rust that is not there.
struct Missing(&'static str);

impl Missing {
    fn into_error(self) -> anyhow::Error {
        anyhow::anyhow!(
            "{} is missing; to build plugins, install one of: `rustup target add {TARGET}`; \
             on Debian or Ubuntu `apt-get install {}`; \
             on Fedora `dnf install rust cargo rust-src lld`",
            self.0,
            PACKAGES.join(" ")
        )
    }
}

/// Installs a distribution's Rust where that can be done without asking.
fn install(missing: &Missing) -> Result<()> {
    if !apt::is_usable() {
        return Err(Missing(missing.0).into_error());
    }
    apt::install(missing.0, &PACKAGES)
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    let sysroot = process::output(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(sysroot.trim().into())
}

/// Whether the standard library for the target is there.
fn has_library(sysroot: &Path) -> bool {
    let folder = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd"))
    })
}

/// LLVM's linker, the distribution's own or the one that comes with a Rust.
fn linker(sysroots: &[&Path]) -> Option<PathBuf> {
    find("wasm-ld", search_path()).or_else(|| {
        sysroots.iter().find_map(|sysroot| {
            let hosts = fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
            find(
                "rust-lld",
                hosts.flatten().map(|host| host.path().join("bin")),
            )
        })
    })
}

/// Remembers that rustup could not help this Rust, so that it is asked once.
struct Marker {
    path: PathBuf,
    version: String,
}

impl Marker {
    fn new(project: &Project, rustc: &Path) -> Self {
        let version = process::output(Command::new(rustc).arg("--version")).unwrap_or_default();
        Self {
            path: project.target.join("wasm/rustup-has-no-target"),
            version,
        }
    }

    fn is_set(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|version| version == self.version)
    }

    /// A marker that can't be written costs a minute the next time, no more.
    fn set(&self) {
        if let Some(folder) = self.path.parent() {
            let _ = fs::create_dir_all(folder);
        }
        let _ = fs::write(&self.path, &self.version);
    }
}
