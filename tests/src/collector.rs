//! A real collector of OpenTelemetry, which `cargo xtask test` installs: a process of
//! the test's own that prints what it gets. It can be ended and started again at the
//! same addresses. It checks nothing.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::collected::Collected;
use crate::place;
use crate::wait::until;

/// How the host speaks to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// gRPC
    Grpc,
    /// Protocol Buffers over HTTP
    Http,
}

/// A collector. It is ended when this is dropped.
#[derive(Debug)]
pub struct Collector {
    folder: TempDir,
    grpc: SocketAddr,
    http: SocketAddr,
    /// how often it was started
    starts: usize,
    child: Option<Child>,
}

impl Collector {
    /// Starts one, and waits until it listens.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn start() -> Self {
        let mut collector = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            grpc: free_address(),
            http: free_address(),
            starts: 0,
            child: None,
        };
        collector.start_again();
        collector
    }

    /// Addresses at which none listens yet.
    pub fn not_started() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            grpc: free_address(),
            http: free_address(),
            starts: 0,
            child: None,
        }
    }

    /// Starts it at the same addresses as before.
    ///
    /// # Panics
    /// If it doesn't listen there.
    pub fn start_again(&mut self) {
        self.kill();
        let path = self.folder.path().join(format!("{}.out", self.starts));
        self.starts += 1;
        let out = File::create(path).expect("a file is made");
        let mut command = Command::new(program());
        command.arg("start");
        for signal in ["traces", "metrics", "logs"] {
            command.args(["--debug-log", signal]);
        }
        let child = command
            .args(["--debug-log-verbosity", "detailed"])
            .args(["--exporter", "blackhole"])
            .args(["--otlp-grpc-endpoint", &self.grpc.to_string()])
            .args(["--otlp-http-endpoint", &self.http.to_string()])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(out)
            .spawn()
            .expect("the collector starts");
        self.child = Some(child);
        until("the collector listens", || {
            let listening = [self.grpc, self.http].map(|at| TcpStream::connect(at).is_ok());
            listening.iter().all(|is| *is).then_some(())
        });
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It can have ended by itself just now.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The configuration that makes a host send to it, soon; further lines of its table
    /// may follow.
    pub fn config(&self, spoken: Spoken) -> String {
        let (protocol, address) = match spoken {
            Spoken::Grpc => ("grpc", self.grpc),
            Spoken::Http => ("http", self.http),
        };
        format!(
            "[telemetry]\nenabled = true\nprotocol = \"{protocol}\"\n\
             endpoint = \"http://{address}\"\nbatch_interval_ms = 50\n"
        )
    }

    /// All that it printed since it was started for the first time.
    pub fn printed(&self) -> String {
        let files = (0..self.starts).map(|start| self.folder.path().join(format!("{start}.out")));
        files
            .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned())
            .collect()
    }

    /// All that it got.
    pub fn collected(&self) -> Collected {
        Collected::read(&self.printed())
    }

    /// What it got since it was started last.
    pub fn collected_lately(&self) -> Collected {
        let file = format!("{}.out", self.starts.saturating_sub(1));
        let printed = fs::read(self.folder.path().join(file)).unwrap_or_default();
        Collected::read(&String::from_utf8_lossy(&printed))
    }

    /// Waits until it has got something.
    ///
    /// # Panics
    /// If it never gets it.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&Collected) -> Option<T>) -> T {
        until(what, || find(&self.collected()))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address at which nobody listens, as far as one can know.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address")
}

/// The native program that the package carries.
fn program() -> PathBuf {
    let libraries = place::test_environment().join("python-collector/lib");
    let versions = fs::read_dir(&libraries).unwrap_or_else(|error| {
        panic!(
            "{}: {error}: run `cargo xtask test` once, which makes it",
            libraries.display()
        )
    });
    versions
        .filter_map(Result::ok)
        .map(|version| version.path().join("site-packages/rotel/rotel-agent"))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{} has no collector", libraries.display()))
}
