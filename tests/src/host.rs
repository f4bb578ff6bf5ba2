//! A host process of the test's own: its binary on free ports, with its own
//! folder of plugins. It ends with the value that stands for it. What a test
//! wants to know of it, it asks over the wire or the operating system.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Connection, Response};
use crate::place;
use crate::process::{collect, resident_kib, signal, stop};
use crate::wait::{LONG, until};

/// The certificate that a host made, beside its configuration.
const CERTIFICATE: &str = "certificate.pem";

/// The plugins' folder, beside the configuration in a folder of the test.
const PLUGINS: &str = "plugins";

/// What a host is started with.
#[derive(Debug)]
pub struct Setup {
    folder: TempDir,
    config: String,
    tcp: bool,
    open_files: Option<u32>,
    encrypted: Option<String>,
    variables: Vec<(String, String)>,
    admin: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// No plugins, and the default configuration.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join(PLUGINS)).expect("a folder is made");
        Self {
            folder,
            config: String::new(),
            tcp: false,
            open_files: None,
            encrypted: None,
            variables: Vec::new(),
            admin: false,
        }
    }

    /// With the built plugin of this name.
    #[must_use]
    pub fn plugin(self, name: &str) -> Self {
        self.file(name, &place::plugin(name))
    }

    /// With these bytes as the plugin of this name.
    #[must_use]
    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.beside(&format!("{name}.wasm"), bytes)
    }

    /// With these bytes in a file of this name beside the plugins.
    #[must_use]
    pub fn beside(self, file: &str, bytes: &[u8]) -> Self {
        let plugins = self.folder.path().join(PLUGINS);
        fs::write(plugins.join(file), bytes).expect("a file is written");
        self
    }

    /// With these lines of TOML.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.config += toml;
        self.config.push('\n');
        self
    }

    /// With a TCP listener too.
    #[must_use]
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// With so many open files and no more (`ulimit -n`).
    #[must_use]
    pub fn open_files(mut self, limit: u32) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// With listeners for HTTPS and QUIC too, and these lines in the table `[tls]`.
    /// Unless they name a certificate, the host makes one.
    #[must_use]
    pub fn encrypted(mut self, lines: &str) -> Self {
        self.encrypted = Some(lines.to_owned());
        self
    }

    /// With the operator's interface, which is off otherwise.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The arguments that make any command of the host use this setup, and the
    /// folder that they name, which must outlive the process.
    pub fn into_arguments(self) -> (Vec<String>, TempDir) {
        let config = self.folder.path().join("test.toml");
        let mut text = self.config;
        if let Some(lines) = &self.encrypted {
            let written = self.folder.path().join(CERTIFICATE);
            text += &format!("\n[tls]\nself_signed_cert = {written:?}\n{lines}\n");
        }
        if !text.contains("[admin]") {
            let listen = if self.admin { "127.0.0.1:0" } else { "" };
            text += &format!("\n[admin]\nlisten = {listen:?}\n");
        }
        fs::write(&config, text).expect("the configuration is written");
        let arguments = [
            "--plugins".to_owned(),
            self.folder.path().join(PLUGINS).display().to_string(),
            "--config".to_owned(),
            config.display().to_string(),
        ];
        (arguments.to_vec(), self.folder)
    }

    /// Starts the host and waits until it is ready.
    ///
    /// # Panics
    /// If it doesn't get ready; with its log.
    pub fn start(self) -> Host {
        self.start_at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// The same, with this address for HTTP.
    ///
    /// # Panics
    /// If it doesn't get ready; with its log.
    pub fn start_at(self, http: SocketAddr) -> Host {
        let (tcp, open_files, encrypted) = (self.tcp, self.open_files, self.encrypted.is_some());
        let has_admin = self.admin;
        let variables = self.variables.clone();
        let (arguments, folder) = self.into_arguments();
        let mut command = match open_files {
            Some(limit) => limited(limit),
            None => host_command(),
        };
        // Its tasks are its own, unless the configuration names their file.
        command.env("XDG_STATE_HOME", folder.path().join("state"));
        command.envs(variables);
        command
            .arg("serve")
            .args(arguments)
            .args(["--listen", &http.to_string()]);
        if tcp {
            command.args(["--listen", "tcp://127.0.0.1:0"]);
        }
        if encrypted {
            command.args(["--listen", "https://127.0.0.1:0"]);
            command.args(["--listen", "quic://127.0.0.1:0"]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, lines) = mpsc::channel();
        collect(child.stdout.take(), &log, sender.clone());
        collect(child.stderr.take(), &log, sender);
        let mut host = Host {
            child,
            folder,
            log,
            http: None,
            tcp: None,
            https: None,
            quic: None,
            admin: None,
        };
        let end = Instant::now() + LONG;
        while host.http.is_none()
            || (tcp && host.tcp.is_none())
            || (has_admin && host.admin.is_none())
            || (encrypted && (host.https.is_none() || host.quic.is_none()))
        {
            match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => host.note_listener(&line),
                Err(_) => panic!("the host did not say where it listens:\n{}", host.log()),
            }
        }
        until("the host is ready", || {
            (host.get("/ready").head.status == 200).then_some(())
        });
        host
    }
}

/// The host's binary as a command that shares compiled plugins with other tests.
pub(crate) fn host_command() -> Command {
    let mut command = Command::new(place::host_binary());
    command
        .env("XDG_CACHE_HOME", place::cache())
        .env("XDG_STATE_HOME", place::state())
        .env("NO_COLOR", "1")
        .env_remove("FUSEBOX_PLUGINS");
    command
}

/// The same with so many open files: a process can only lower what it has itself.
fn limited(open_files: u32) -> Command {
    let host = host_command();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("ulimit -n {open_files} && exec \"$0\" \"$@\""),
        ])
        .arg(host.get_program())
        .envs(
            host.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    command
}

/// A host process. It is ended when this is dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    folder: TempDir,
    log: Arc<Mutex<VecDeque<String>>>,
    http: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
    https: Option<SocketAddr>,
    quic: Option<SocketAddr>,
    admin: Option<(SocketAddr, PathBuf)>,
}

impl Host {
    /// Where it listens for HTTP.
    pub fn address(&self) -> SocketAddr {
        self.http.expect("a started host listens")
    }

    /// The address of its MCP endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address())
    }

    /// Where it listens for lines.
    ///
    /// # Panics
    /// If it was not asked to.
    pub fn tcp_address(&self) -> SocketAddr {
        self.tcp.expect("this host has a TCP listener")
    }

    /// Where it listens for HTTPS.
    ///
    /// # Panics
    /// If it was not asked to.
    pub fn https_address(&self) -> SocketAddr {
        self.https.expect("this host has an HTTPS listener")
    }

    /// Where it listens for QUIC.
    ///
    /// # Panics
    /// If it was not asked to.
    pub fn quic_address(&self) -> SocketAddr {
        self.quic.expect("this host has a QUIC listener")
    }

    /// Where the operator's interface is, and the file with its token.
    ///
    /// # Panics
    /// If it was not asked for.
    pub fn admin(&self) -> (SocketAddr, &Path) {
        let (address, file) = self.admin.as_ref().expect("this host has the interface");
        (*address, file)
    }

    /// The file with the certificate that it made.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join(CERTIFICATE)
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Puts a plugin into its folder, in one step.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let temporary = self.path(name).with_file_name(format!(".{name}.new"));
        fs::write(&temporary, bytes).expect("a plugin is written");
        fs::rename(&temporary, self.path(name)).expect("a plugin is put in place");
    }

    /// Takes a plugin out of its folder.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("a plugin is removed");
    }

    /// Where the plugin `name` is, or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        let plugins = self.folder.path().join(PLUGINS);
        plugins.join(format!("{name}.wasm"))
    }

    /// What it answers to `GET path`, on a connection of its own.
    pub fn get(&self, path: &str) -> Response {
        Connection::open(self.address()).exchange("GET", path, &[("Connection", "close")], b"")
    }

    /// What it says of itself.
    pub fn health(&self) -> Value {
        self.get("/health").json()
    }

    /// What it says of a plugin; null if it doesn't know it.
    pub fn plugin_health(&self, name: &str) -> Value {
        self.health()["plugins"][name].clone()
    }

    /// Waits until what it says of itself satisfies `holds`, and gives that.
    ///
    /// # Panics
    /// If it never does.
    pub fn health_when(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let end = Instant::now() + LONG;
        while Instant::now() < end {
            last = self.health();
            if holds(&last) {
                return last;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!(
            "waited {LONG:?} in vain until {what}; /health says {last:#}\n{}",
            self.log()
        );
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory in KiB.
    ///
    /// # Panics
    /// If it isn't alive.
    pub fn resident_kib(&self) -> u64 {
        resident_kib(self.child.id())
    }

    /// Time that processors have spent on it.
    ///
    /// # Panics
    /// If it isn't alive.
    pub fn cpu_time(&self) -> Duration {
        // Linux counts in hundredths of a second here, on every machine.
        const TICK: Duration = Duration::from_millis(10);
        let path = Path::new("/proc")
            .join(self.child.id().to_string())
            .join("stat");
        let stat = fs::read_to_string(path).expect("the host is alive");
        let after_name = stat.rsplit(") ").next().expect("a process has a name");
        let spent = after_name.split(' ').skip(11).take(2);
        let ticks = spent.map(|ticks| ticks.parse::<u32>().expect("ticks are a number"));
        TICK * ticks.sum::<u32>()
    }

    /// # Panics
    /// If the process has ended; with its log.
    pub fn assert_alive(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("the host ended ({status}):\n{}", self.log());
        }
        assert_eq!(self.get("/live").head.status, 200, "the host lives");
    }

    /// Ends the process as a crash would.
    pub fn kill(&mut self) {
        // It can have ended by itself just now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to stop (SIGTERM).
    pub fn terminate(&self) {
        signal(self.child.id(), "TERM");
    }

    /// Waits until the process has ended.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn wait(&mut self) -> ExitStatus {
        until("the host has ended", || {
            self.child.try_wait().expect("a child can be waited for")
        })
    }

    fn note_listener(&mut self, line: &str) {
        if let Some((_, rest)) = line.split_once("admin interface on ") {
            let (_, rest) = rest.split_once("://").expect(line);
            let (address, rest) = rest.split_once(", with the token in ").expect(line);
            let (file, _) = rest.split_once(';').expect(line);
            self.admin = address.parse().ok().map(|address| (address, file.into()));
        }
        let Some((_, address)) = line.split_once("listening on ") else {
            return;
        };
        let address = address.trim_end_matches(|last: char| last.is_control() || last == ' ');
        if let Some(address) = address.strip_prefix("tcp://") {
            self.tcp = address.parse().ok();
        } else if let Some(address) = address.strip_prefix("quic://") {
            self.quic = address.parse().ok();
        } else if let Some((scheme, address)) = address.split_once("://") {
            let address = address.strip_suffix("/mcp").unwrap_or(address).parse().ok();
            match scheme {
                "http" => self.http = address,
                "https" => self.https = address,
                _ => {}
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        stop(&mut self.child);
        if thread::panicking() {
            eprintln!(
                "--- the host's log ---\n{}\n--- end of the host's log ---",
                self.log()
            );
        }
    }
}
