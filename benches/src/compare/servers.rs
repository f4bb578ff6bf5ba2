//! Starting the servers that are measured, on a processor of their own, and
//! ending them.
//!
//! It owns their processes and files. It never sends them a request.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::case::Server;

/// How long a server may take to be there.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The one component that is none for the host.
const FOR_WASMTIME: &str = "http-hello.wasm";

/// Where everything is that is started.
#[derive(Clone, Debug)]
pub struct Places {
    /// built programs of this workspace
    pub programs: PathBuf,
    /// built programs of `benches/peers`
    pub peers: PathBuf,
    /// the folder with the sources of the peers
    pub peer_sources: PathBuf,
    /// plugins that are measured
    pub plugins: PathBuf,
    /// Node, Python and their packages
    pub environment: PathBuf,
    /// programs that `cargo xtask bench` was told to install
    pub tools: PathBuf,
    /// files of this run
    pub scratch: PathBuf,
    /// the processor of servers
    pub server_core: usize,
    /// the processor of the generator
    pub generator_core: usize,
}

/// A server that runs.
pub struct Running {
    child: Child,
    /// where it speaks HTTP, or what else it speaks
    pub address: SocketAddr,
    /// where the host takes lines
    pub lines: Option<SocketAddr>,
    /// where it speaks QUIC, and the certificate that it shows there
    pub quic: Option<(SocketAddr, PathBuf)>,
    /// the folder of the host's plugins
    pub plugins: Option<PathBuf>,
    /// what it sends to, which ends after it
    collector: Option<Box<Running>>,
}

impl Running {
    /// A process that has not said yet where it listens.
    fn of(child: Child) -> Self {
        Self {
            child,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            lines: None,
            quic: None,
            plugins: None,
            collector: None,
        }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Places {
    /// Why a server can't be started here; none: it can.
    pub fn lacks(&self, server: &Server) -> Option<String> {
        let missing = |path: &Path, how: &str| {
            (!path.is_file()).then(|| format!("{} is missing ({how})", path.display()))
        };
        match server {
            Server::Fusebox(_) | Server::FuseboxQuic(_) | Server::Peer(_) | Server::QuicPeer(_) => {
                None
            }
            Server::Nginx => missing(&program("nginx"), "install nginx"),
            Server::Redis => missing(&program("redis-server"), "install redis-server"),
            Server::Wasmtime(_) if self.wasmtime().is_none() => Some(
                "there is no wasmtime (install it, or let `cargo xtask bench --with-wasmtime` do so)"
                    .to_owned(),
            ),
            Server::Wasmtime(_) => None,
            Server::Observed(_) if self.collector().is_none() => {
                Some("there is no collector (cargo xtask test --only provision)".to_owned())
            }
            Server::Observed(_) => None,
            Server::Python => missing(&self.python(), "cargo xtask test --only provision"),
            Server::TypeScript => missing(&self.node(), "cargo xtask test --only provision"),
        }
    }

    /// The one that was installed for the comparison, or else that of the user.
    fn wasmtime(&self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.tools.join("bin")).chain(env::split_paths(&path));
        let mut programs = folders.map(|folder| folder.join("wasmtime"));
        programs.find(|program| program.is_file())
    }

    /// What is to be known about a server that this project did not build.
    pub fn about(&self, server: &Server) -> Option<String> {
        let Server::Wasmtime(_) = server else {
            return None;
        };
        let output = Command::new(self.wasmtime()?).arg("--version").output();
        let version = String::from_utf8(output.ok()?.stdout).ok()?;
        Some(format!("Measured with {}.", version.trim()))
    }

    /// `wasmtime serve` with the component that does what `hello` does.
    fn serve(&self, flags: &[&str], log: &Path) -> Result<Running> {
        let port = free_port()?;
        let program = self.wasmtime().context("there is no wasmtime")?;
        let mut command = self.pinned(&program);
        command
            .arg("serve")
            .args(["--addr", &format!("127.0.0.1:{port}")]);
        command.args(flags).arg(self.plugins.join(FOR_WASMTIME));
        self.at(command, port, log)
    }

    fn python(&self) -> PathBuf {
        self.environment.join("python/bin/python")
    }

    /// The native program in the package of a collector.
    fn collector(&self) -> Option<PathBuf> {
        let libraries = self.environment.join("python-collector/lib");
        let versions = fs::read_dir(libraries).ok()?.filter_map(Result::ok);
        let mut programs = versions.map(|one| one.path().join("site-packages/rotel/rotel-agent"));
        programs.find(|program| program.is_file())
    }

    /// The host, and beside the generator a collector that keeps nothing.
    fn observed(&self, settings: &str, folder: &Path, log: &Path) -> Result<Running> {
        let program = self.collector().context("there is no collector")?;
        let [grpc, http] = [free_port()?, free_port()?].map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new("taskset");
        command.args(["-c", &self.generator_core.to_string()]);
        command
            .arg(program)
            .args(["start", "--exporter", "blackhole"]);
        command.args(["--otlp-grpc-endpoint", &grpc, "--otlp-http-endpoint", &http]);
        let collector_log = folder.join("collector.log");
        let mut collector = Running::of(spawn(command, &collector_log)?);
        collector.address = grpc.parse()?;
        wait(&mut collector, &collector_log, |running, _| {
            TcpStream::connect(running.address).ok().map(drop)
        })?;
        let settings = format!("[telemetry]\nendpoint = \"{grpc}\"\n{settings}");
        let mut running = self.fusebox(&settings, folder, log, false)?;
        running.collector = Some(Box::new(collector));
        Ok(running)
    }

    fn node(&self) -> PathBuf {
        self.environment.join("clients/node_modules/node/bin/node")
    }

    /// Starts a server and waits until it listens. `name` is for its files.
    ///
    /// # Errors
    /// If it doesn't start; with what it said.
    pub fn start(&self, server: &Server, name: &str) -> Result<Running> {
        let folder = self.scratch.join(name.replace([' ', '/'], "-"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let log = folder.join("log");
        match server {
            Server::Fusebox(settings) => self.fusebox(settings, &folder, &log, false),
            Server::Observed(settings) => self.observed(settings, &folder, &log),
            Server::FuseboxQuic(settings) => self.fusebox(settings, &folder, &log, true),
            Server::Peer(peer) => {
                let command = self.pinned(&self.peers.join(peer));
                self.announced(command, &log)
            }
            Server::QuicPeer(peer) => {
                let certificate = folder.join("certificate.pem");
                let mut command = self.pinned(&self.peers.join(peer));
                command.arg(&certificate);
                let mut running = self.announced(command, &log)?;
                running.quic = Some((running.address, certificate));
                Ok(running)
            }
            Server::Python => {
                let mut command = self.pinned(&self.python());
                command.arg(self.peer_sources.join("python/server.py"));
                self.announced(command, &log)
            }
            Server::TypeScript => {
                let mut command = self.pinned(&self.node());
                // Node finds packages beside the script.
                let script = self.environment.join("clients/bench-server.mjs");
                fs::copy(self.peer_sources.join("typescript/server.mjs"), &script)?;
                command.arg(script).env("NODE_ENV", "production");
                self.announced(command, &log)
            }
            Server::Nginx => {
                let port = free_port()?;
                let path = folder.join("nginx.conf");
                fs::write(&path, nginx(&folder, port))?;
                let mut command = self.pinned(&program("nginx"));
                command.arg("-e").arg(folder.join("error.log"));
                command.arg("-p").arg(&folder).arg("-c").arg(path);
                self.at(command, port, &log)
            }
            Server::Wasmtime(flags) => self.serve(flags, &log),
            Server::Redis => {
                let port = free_port()?;
                let mut command = self.pinned(&program("redis-server"));
                command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
                command
                    .args(["--port", &port.to_string(), "--dir"])
                    .arg(&folder);
                self.at(command, port, &log)
            }
        }
    }

    /// A program on the servers' processor; its process is the program itself.
    fn pinned(&self, program: &Path) -> Command {
        let mut command = Command::new("taskset");
        command
            .arg("-c")
            .arg(self.server_core.to_string())
            .arg(program);
        command
    }

    fn fusebox(&self, settings: &str, folder: &Path, log: &Path, quic: bool) -> Result<Running> {
        let plugins = folder.join("plugins");
        fs::create_dir_all(&plugins)?;
        for entry in fs::read_dir(&self.plugins)? {
            let entry = entry?;
            if entry.file_name() == FOR_WASMTIME {
                continue;
            }
            fs::copy(entry.path(), plugins.join(entry.file_name()))?;
        }
        let config = folder.join("fusebox.toml");
        let certificate = folder.join("certificate.pem");
        let tls = format!("[tls]\nself_signed_cert = {certificate:?}\n");
        let tls = if quic { &*tls } else { "" };
        fs::write(&config, format!("{settings}{tls}"))?;
        let mut command = self.pinned(&self.programs.join("fusebox"));
        command.arg("serve").arg("--config").arg(config);
        command.arg("--plugins").arg(&plugins);
        command.args([
            "--listen",
            "http://127.0.0.1:0",
            "--listen",
            "tcp://127.0.0.1:0",
        ]);
        if quic {
            command.args(["--listen", "quic://127.0.0.1:0"]);
        }
        let mut running = Running::of(spawn(command, log)?);
        running.plugins = Some(plugins);
        wait(&mut running, log, |running, text| {
            running.address = address_after(text, "http://")?;
            running.lines = Some(address_after(text, "tcp://")?);
            if quic {
                running.quic = Some((address_after(text, "quic://")?, certificate.clone()));
            }
            Some(())
        })?;
        Ok(running)
    }

    /// A server whose first line says where it listens.
    fn announced(&self, command: Command, log: &Path) -> Result<Running> {
        let mut running = Running::of(spawn(command, log)?);
        wait(&mut running, log, |running, text| {
            running.address = address_after(text, "listening on ")?;
            Some(())
        })?;
        Ok(running)
    }

    /// A server that was told where to listen.
    fn at(&self, command: Command, port: u16, log: &Path) -> Result<Running> {
        let mut running = Running::of(spawn(command, log)?);
        running.address.set_port(port);
        wait(&mut running, log, |running, _| {
            TcpStream::connect(running.address).ok().map(drop)
        })?;
        Ok(running)
    }
}

fn spawn(mut command: Command, log: &Path) -> Result<Child> {
    let file = File::create(log)?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("failed to start {command:?}"))
}

/// Waits until the log has what is looked for.
fn wait(
    running: &mut Running,
    log: &Path,
    found: impl Fn(&mut Running, &str) -> Option<()>,
) -> Result<()> {
    let end = Instant::now() + START_LIMIT;
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        if found(running, &text).is_some() {
            return Ok(());
        }
        if !running.is_alive() {
            bail!("a server ended at its start: {}", text.trim());
        }
        if Instant::now() > end {
            bail!("a server is not there after a minute: {}", text.trim());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The address that follows a word, on a line that is whole.
fn address_after(text: &str, word: &str) -> Option<SocketAddr> {
    let whole = &text[..text.rfind('\n')?];
    let mut places = whole.match_indices(word);
    places.find_map(|(at, _)| {
        let rest = &whole[at + word.len()..];
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn program(name: &str) -> PathBuf {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// One process that logs nothing and answers with as much as a tool would.
fn nginx(folder: &Path, port: u16) -> String {
    const BODY: &str = r#"{"jsonrpc":"2.0","id":1000000000,"result":{"resultType":"complete","content":[{"type":"text","text":"Hello, 1000000000xxxxxx!"}],"isError":false}}"#;
    let folder = folder.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 16000; multi_accept on; }}\n\
         http {{ access_log off; tcp_nodelay on; keepalive_timeout 3600; keepalive_requests 1000000000;\n\
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         server {{ listen 127.0.0.1:{port} backlog=1024; default_type application/json;\n\
         location / {{ return 200 '{BODY}'; }} }} }}\n"
    )
}

/// Refuses to begin where one process can't have as many files open as there
/// will be connections.
///
/// # Errors
/// With what to raise.
pub fn check_open_files(needed: u64) -> Result<()> {
    let text = fs::read_to_string("/proc/self/limits").context("failed to read the limits")?;
    let soft = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .and_then(|soft| soft.parse::<u64>().ok())
        .ok_or_else(|| anyhow!("the limit on open files is not shown"))?;
    if soft < needed {
        bail!(
            "{needed} files must be open at once in one process, and {soft} may be: raise it with \
             `ulimit -n {needed}` (or `nofile` in /etc/security/limits.conf)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_on_whole_lines() {
        let text = "INFO listening on http://127.0.0.1:41/mcp\nINFO listening on tcp://127.0.0.1:42\nlistening on 127.0.0.1:4";
        let at = |port: u16| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(address_after(text, "http://"), at(41));
        assert_eq!(address_after(text, "tcp://"), at(42));
        assert_eq!(address_after(text, "listening on "), None);
    }
}
