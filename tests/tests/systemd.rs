//! Proves what systemd is told of a host, and that a host serves the sockets that
//! systemd opened for it. There is no systemd: its ends of the sockets are here.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fusebox_tests::{
    Connection, LONG, Setup, Stdio as Bridge, host_binary, initialize_line, signal, until,
};
use serde_json::json;

/// Where systemd listens for a service.
fn notified(folder: &Path) -> (UnixDatagram, String) {
    let path = folder.join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(LONG)).expect("a timeout");
    (socket, path.display().to_string())
}

/// The lines of the next message that has this one.
fn heard(socket: &UnixDatagram, line: &str) -> Vec<String> {
    loop {
        let mut message = [0; 4096];
        let length = socket.recv(&mut message).expect("a message");
        let text = String::from_utf8_lossy(&message[..length]);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.iter().any(|one| one == line) {
            return lines;
        }
    }
}

#[test]
fn systemd_hears_that_it_is_ready_lives_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, path) = notified(folder.path());
    let mut host = Setup::new()
        .plugin("hello")
        .variable("NOTIFY_SOCKET", &path)
        .variable("WATCHDOG_USEC", "200000")
        .start();
    let ready = heard(&socket, "READY=1");
    assert!(ready.contains(&"STATUS=serving".to_owned()), "{ready:?}");
    for _ in 0..3 {
        heard(&socket, "WATCHDOG=1");
    }
    host.terminate();
    let stopping = heard(&socket, "STOPPING=1");
    assert!(
        stopping.iter().any(|line| line.starts_with("STATUS=")),
        "{stopping:?}"
    );
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
}

#[test]
fn nothing_is_fed_to_a_watchdog_that_nobody_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, path) = notified(folder.path());
    let host = Setup::new().variable("NOTIFY_SOCKET", &path).start();
    heard(&socket, "READY=1");
    drop(host);
    let mut message = [0; 4096];
    loop {
        let length = socket.recv(&mut message).expect("a message");
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        assert!(!text.contains("WATCHDOG=1"), "{text}");
        if text.contains("STOPPING=1") {
            return;
        }
    }
}

#[test]
fn systemd_hears_which_process_comes_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, path) = notified(folder.path());
    let mut host = Setup::new().variable("NOTIFY_SOCKET", &path).start();
    heard(&socket, "READY=1");
    signal(host.process(), "USR2");
    let mut message = [0; 4096];
    let process: u32 = until("it is told", || {
        let length = socket.recv(&mut message).expect("a message");
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        assert!(!text.contains("STOPPING"), "the service goes on: {text}");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MAINPID="))?;
        line.parse().ok()
    });
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
    assert_eq!(host.health()["process"], process);
    signal(process, "TERM");
    heard(&socket, "STOPPING=1");
}

/// A host that was given two sockets in the way of systemd: as 3 and 4, under these
/// names. The shell moves them there and knows the number of the process.
fn activated(
    names: &str,
    listen: &[&str],
    tcp: TcpListener,
    udp: UdpSocket,
) -> (Child, tempfile::TempDir) {
    let (arguments, folder) = Setup::new().plugin("hello").encrypted("").into_arguments();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "exec 3<&0 4<&1 0</dev/null 1>/dev/null; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$0\" \"$@\"",
        ])
        .arg(host_binary())
        .arg("serve")
        .args(arguments)
        .env("LISTEN_FDNAMES", names)
        .env("XDG_STATE_HOME", folder.path().join("state"))
        .stdin(Stdio::from(OwnedFd::from(tcp)))
        .stdout(Stdio::from(OwnedFd::from(udp)));
    for one in listen {
        command.args(["--listen", one]);
    }
    (command.spawn().expect("the host starts"), folder)
}

#[test]
fn sockets_that_systemd_opened_are_served() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    for by_name in [true, false] {
        let tcp = TcpListener::bind(any).expect("a socket");
        let udp = UdpSocket::bind(any).expect("a socket");
        let addresses = [tcp.local_addr(), udp.local_addr()].map(|one| one.expect("an address"));
        // Named, they may be anywhere; else they are known by their addresses.
        let listen = match by_name {
            true => [
                "http://127.0.0.1:1".to_owned(),
                "quic://127.0.0.1:1".to_owned(),
            ],
            false => [
                format!("http://{}", addresses[0]),
                format!("quic://{}", addresses[1]),
            ],
        };
        let names = if by_name { "http:quic" } else { "a:b" };
        let (mut host, folder) = activated(names, &[&listen[0], &listen[1]], tcp, udp);
        // The socket was there before the host: who comes early waits.
        let mut early = Connection::open(addresses[0]);
        let answer = early.exchange("GET", "/ready", &[("Host", "localhost")], b"");
        assert_eq!(answer.head.status, 200);
        let url = format!("quic://{}", addresses[1]);
        let certificate = folder.path().join("certificate.pem").display().to_string();
        let mut bridge = Bridge::bridge(&[&url, "--ca", &certificate]);
        let answer = bridge.exchange(&initialize_line(1));
        assert_eq!(answer["id"], json!(1), "{answer}");
        drop(bridge);
        signal(host.id(), "TERM");
        let ended = until("it has ended", || host.try_wait().expect("a child"));
        assert_eq!(ended.code(), Some(0));
    }
}
