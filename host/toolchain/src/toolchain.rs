//! Which Rust builds plugins: one that has the standard library for WebAssembly,
//! or one that can build it. Asks rustup for what is missing; never installs
//! anything else, and never changes which Rust is the default.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::process::{self, find, search_path};

/// What plugins are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How long `rustup target add` may take. The standard library is 20 MB.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// What Debian and its children call a Rust that can build its own library.
pub const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// A way to build for WebAssembly.
#[derive(Debug)]
pub enum Toolchain {
    /// The Rust in use has the library for the target.
    Active {
        /// the cargo in use
        cargo: PathBuf,
    },
    /// A distribution's Rust builds the library from its source.
    Distribution(Distribution),
}

/// A distribution's Rust.
#[derive(Debug)]
pub struct Distribution {
    cargo: PathBuf,
    rustc: PathBuf,
    linker: PathBuf,
}

impl Toolchain {
    /// Finds a toolchain, the least intrusive way first: what is installed, then
    /// what rustup adds, then a distribution's Rust. `say` is told in one line
    /// which one and why; `target` is a folder in which to remember that rustup
    /// could not help, so that it is asked once.
    ///
    /// # Errors
    /// If there is none; the message says what to install.
    pub fn choose(cargo: &Path, target: &Path, say: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        let rustc = active_rustc();
        let sysroot = match sysroot(&rustc) {
            Ok(sysroot) => sysroot,
            // It would do without the Rust in use.
            Err(error) => {
                return Self::distribution(target, say).map_err(|_| Error::NoRust {
                    reason: error.to_string(),
                });
            }
        };
        let active = || Self::Active {
            cargo: cargo.to_path_buf(),
        };
        if has_library(&sysroot) {
            say(&format!("{TARGET} is installed for the Rust in use"));
            return Ok(active());
        }
        let marker = Marker::new(target, &rustc);
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
        Self::distribution(target, say)
    }

    /// A distribution's Rust, whatever else there is.
    ///
    /// # Errors
    /// If a part of it is missing; the message says what to install.
    pub fn distribution(target: &Path, say: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        let rustc = active_rustc();
        let distribution = Distribution::find(sysroot(&rustc).ok().as_deref())?;
        say(&format!(
            "{TARGET} is not installed for the Rust in use: building it with {}, from its library source",
            distribution.rustc.display()
        ));
        Marker::new(target, &rustc).set();
        Ok(Self::Distribution(distribution))
    }

    /// `cargo`, ready for the arguments of a build.
    pub fn cargo(&self) -> Command {
        let mut command = match self {
            Self::Active { cargo } => Command::new(cargo),
            Self::Distribution(distribution) => distribution.cargo(),
        };
        process::clean(&mut command);
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
    /// Rust in use, if there is one: its linker is just as good.
    fn find(active: Option<&Path>) -> Result<Self, Error> {
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
            return Err(Error::Missing {
                what: "a Rust with its library source",
            });
        };
        let Some(cargo) = find("cargo", folders) else {
            return Err(Error::Missing {
                what: "a cargo outside of rustup",
            });
        };
        let Some(linker) = linker([Some(sysroot.as_path()), active]) else {
            return Err(Error::Missing {
                what: "a linker for WebAssembly (wasm-ld or rust-lld)",
            });
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

fn active_rustc() -> PathBuf {
    std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from)
}

fn sysroot(rustc: &Path) -> Result<PathBuf, Error> {
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

/// LLVM's linker: the one that comes with a Rust, or the distribution's own, which may
/// be so old that it doesn't know what plugins ask of it (`--initial-heap`).
fn linker(sysroots: [Option<&Path>; 2]) -> Option<PathBuf> {
    let with_rust = sysroots.into_iter().flatten().find_map(|sysroot| {
        let hosts = fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
        let programs = hosts.flatten().map(|host| host.path().join("bin"));
        find("rust-lld", programs)
    });
    with_rust.or_else(|| find("wasm-ld", search_path()))
}

/// Remembers that rustup could not help this Rust, so that it is asked once.
struct Marker {
    path: PathBuf,
    version: String,
}

impl Marker {
    fn new(target: &Path, rustc: &Path) -> Self {
        let version = process::output(Command::new(rustc).arg("--version")).unwrap_or_default();
        Self {
            path: target.join("wasm/rustup-has-no-target"),
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
