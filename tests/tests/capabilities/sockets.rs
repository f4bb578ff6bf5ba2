//! Where a plugin's sockets lead, and where they don't.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use fusebox_tests::{Client, Host, Setup, until};
use serde_json::{Value, json};

use super::{Checked, EACH_ISOLATION, call, refused};

/// A server that says again what it hears, until the process of the test ends.
struct Echo {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let echo = Self {
            address: listener.local_addr().expect("an address"),
            connections: Arc::default(),
            open: Arc::default(),
            streams: Arc::default(),
        };
        let (connections, open) = (echo.connections.clone(), echo.open.clone());
        let streams = echo.streams.clone();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                connections.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                let again = stream.try_clone().expect("a stream");
                streams.lock().expect("no panic").push(again);
                let open = open.clone();
                thread::spawn(move || {
                    say_again(stream);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        echo
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections so far.
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that are there.
    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Says something on every connection that there has been.
    fn speak(&self) {
        for mut stream in self.streams.lock().expect("no panic").iter() {
            // Most of them have ended.
            let _ = stream.write_all(b"!");
        }
    }

    /// The grant of `dial` to this server.
    fn granted(&self) -> String {
        let entries = format!("\"tcp://127.0.0.1:{}\"", self.port());
        sockets(&entries, "\"127.0.0.1\"")
    }

    /// What `ask_tcp` has to know to reach it by this name or address.
    fn asked(&self, host: &str) -> Value {
        json!({"host": host, "port": self.port(), "text": "hello"})
    }
}

fn say_again(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

fn sockets(connect: &str, addresses: &str) -> String {
    format!("[plugins.dial.grants.sockets]\nconnect = [{connect}]\naddresses = [{addresses}]\n")
}

fn host(config: &str) -> Host {
    Setup::new().plugin("dial").config(config).start()
}

#[test]
fn a_granted_connection_is_made_wherever_the_call_runs() {
    for isolation in EACH_ISOLATION {
        let echo = Echo::start();
        let limits = format!("[plugins.dial]\nisolation = \"{isolation}\"\n");
        let host = host(&(limits + &echo.granted()));
        let mut client = Client::modern(&host);
        for (first, then) in [(0, 0), (0, 50), (50, 0), (50, 50)] {
            let mut asked = echo.asked("127.0.0.1");
            asked["compute_first_ms"] = json!(first);
            asked["compute_then_ms"] = json!(then);
            let heard = call(&mut client, "ask_tcp", asked);
            assert_eq!(heard, Ok(json!("hello")), "{isolation} {first} {then}");
        }
        assert_eq!(echo.connections(), 4);
        until("its sockets are closed", || {
            (echo.open() == 0).then_some(())
        });
    }
}

#[test]
fn a_plugin_without_the_grant_never_reaches_the_network() {
    for isolation in EACH_ISOLATION {
        let echo = Echo::start();
        let host = host(&format!("[plugins.dial]\nisolation = \"{isolation}\"\n"));
        let mut client = Client::modern(&host);
        for _ in 0..3 {
            assert_eq!(
                refused(&mut client, "ask_tcp", echo.asked("127.0.0.1")),
                "access-denied"
            );
            assert_eq!(
                refused(&mut client, "ask_tcp", echo.asked("localhost")),
                "access-denied"
            );
            let udp = json!({"address": "127.0.0.1", "port": echo.port(), "text": "hello"});
            assert_eq!(refused(&mut client, "ask_udp", udp), "access-denied");
        }
        // A refusal is no fault, and nothing has come here.
        assert_eq!(host.plugin_health("dial")["faults"], 0);
        assert_eq!(echo.connections(), 0);
        let line = "not granted: this plugin may use no socket and look up no name; \
                    [plugins.dial.grants.sockets] with connect = [\"tcp://HOST:PORT\"] would allow it";
        says_once(&host, line);
    }
}

#[track_caller]
fn says_once(host: &Host, line: &str) {
    until(line, || host.log().contains(line).then_some(()));
    assert_eq!(host.log().matches(line).count(), 1, "{}", host.log());
}

#[test]
fn a_socket_must_fit_in_transport_address_and_port() {
    let (echo, other) = (Echo::start(), Echo::start());
    let host = host(&echo.granted());
    let mut client = Client::modern(&host);
    let denied = |client: &mut Client, tool: &str, arguments: Value| {
        assert_eq!(refused(client, tool, arguments), "access-denied");
    };
    for _ in 0..2 {
        denied(&mut client, "ask_tcp", other.asked("127.0.0.1"));
        let udp = json!({"address": "127.0.0.1", "port": echo.port(), "text": "hello"});
        denied(&mut client, "ask_udp", udp);
        denied(&mut client, "ask_tcp", echo.asked("127.0.0.2"));
        denied(&mut client, "ask_tcp", echo.asked("169.254.169.254"));
    }
    assert_eq!((echo.connections(), other.connections()), (0, 0));
    let (port, table) = (echo.port(), "[plugins.dial.grants.sockets]");
    let other = other.port();
    for line in [
        format!(
            "not granted: tcp://127.0.0.1:{other}; \"tcp://127.0.0.1:{other}\" in `connect` of {table} would allow it"
        ),
        format!(
            "not granted: udp://127.0.0.1:{port}; \"udp://127.0.0.1:{port}\" in `connect` of {table} would allow it"
        ),
        format!(
            "not granted: tcp://127.0.0.2:{port}, which is loopback; \"tcp://127.0.0.2:{port}\" in `connect` and \"127.0.0.2\" in `addresses` of {table} would allow it"
        ),
        format!(
            "not granted: tcp://169.254.169.254:{port}, which is link-local, and serves metadata of clouds; \"tcp://169.254.169.254:{port}\" in `connect` and \"169.254.169.254\" in `addresses` of {table} would allow it"
        ),
    ] {
        says_once(&host, &line);
    }
}

#[test]
fn a_name_that_leads_to_loopback_is_looked_up_and_not_connected_to() {
    let echo = Echo::start();
    let name = format!("\"tcp://localhost:{}\"", echo.port());
    let host = host(&sockets(&name, ""));
    let mut client = Client::modern(&host);
    let found = call(&mut client, "resolve", json!({"name": "localhost"})).expect("addresses");
    assert!(
        found
            .as_array()
            .is_some_and(|all| all.contains(&json!("127.0.0.1"))),
        "{found}"
    );
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(
            refused(&mut client, "ask_tcp", echo.asked(host)),
            "access-denied"
        );
    }
    assert_eq!(echo.connections(), 0);
    let line = format!(
        "not granted: tcp://127.0.0.1:{}, which is loopback; \"127.0.0.1\" in `addresses` of [plugins.dial.grants.sockets] would allow it",
        echo.port()
    );
    says_once(&host, &line);
}

#[test]
fn a_name_allows_the_addresses_that_it_leads_to() {
    let echo = Echo::start();
    let name = format!("\"tcp://localhost:{}\"", echo.port());
    let host = host(&sockets(&name, "\"127.0.0.0/8\""));
    let mut client = Client::modern(&host);
    for name in ["localhost", "LOCALHOST.", "127.0.0.1"] {
        let heard = call(&mut client, "ask_tcp", echo.asked(name));
        assert_eq!(heard, Ok(json!("hello")), "{name}");
    }
    assert_eq!(
        refused(&mut client, "ask_tcp", echo.asked("127.0.0.2")),
        "access-denied"
    );
    assert_eq!(echo.connections(), 3);
}

#[test]
fn no_other_name_is_ever_looked_up() {
    let host = host(&sockets(
        "\"tcp://localhost:5\", \"tcp://*.example.org:5\"",
        "",
    ));
    let mut client = Client::modern(&host);
    let mut resolve = |name: &str| refused(&mut client, "resolve", json!({"name": name}));
    for name in ["secret.evil.example", "example.org", "example.org.evil"] {
        assert_eq!(resolve(name), "access-denied");
    }
    assert_eq!(resolve("a b"), "invalid-argument");
    let line = "not granted: looking up secret.evil.example; \"tcp://secret.evil.example:PORT\" in `connect` of [plugins.dial.grants.sockets] would allow it";
    says_once(&host, line);
}

#[test]
fn datagrams_come_and_go_where_it_is_granted() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..count], peer);
        }
    });
    for isolation in EACH_ISOLATION {
        let limits = format!("[plugins.dial]\nisolation = \"{isolation}\"\n");
        let entry = format!("\"udp://127.0.0.1:{port}\"");
        let host = host(&(limits + &sockets(&entry, "\"127.0.0.1\"")));
        let mut client = Client::modern(&host);
        let asked = json!({"address": "127.0.0.1", "port": port, "text": "hello"});
        assert_eq!(call(&mut client, "ask_udp", asked), Ok(json!("hello")));
    }
}

#[test]
fn nobody_listens_or_chooses_a_port() {
    let host = host(&sockets("\"tcp://*:5\", \"udp://*:5\"", "\"0.0.0.0/0\""));
    let mut client = Client::modern(&host);
    let mut refused = |tool: &str, address: &str, port: u16| {
        let arguments = json!({"address": address, "port": port});
        refused(&mut client, tool, arguments)
    };
    assert_eq!(refused("listen", "0.0.0.0", 0), "listen: access-denied");
    assert_eq!(refused("listen", "127.0.0.1", 0), "bind: access-denied");
    assert_eq!(refused("listen", "0.0.0.0", 5555), "bind: access-denied");
    assert_eq!(refused("bind_udp", "0.0.0.0", 5555), "access-denied");
    assert_eq!(refused("bind_udp", "127.0.0.1", 0), "access-denied");
    says_once(&host, "not granted: listening; no plugin may");
    let free = json!({"address": "0.0.0.0", "port": 0});
    assert!(call(&mut client, "bind_udp", free).is_ok());
}

#[test]
fn a_call_that_waits_for_data_ends_at_its_deadline_and_holds_nobody_up() {
    const WAITING: usize = 16;
    let echo = Echo::start();
    let limits = "[plugins.dial]\ndeadline_ms = 5000\n";
    let host = Setup::new()
        .plugin("dial")
        .plugin("hello")
        .config(&format!("{limits}{}", echo.granted()))
        .start();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let (mut client, port) = (Client::modern(&host), echo.port());
                let silent = json!({"host": "127.0.0.1", "port": port});
                scope.spawn(move || client.call("hear", silent))
            })
            .collect();
        until("all of them are connected", || {
            (echo.connections() == WAITING).then_some(())
        });
        // More of them than the host has workers, and all workers are free.
        let mut client = Client::modern(&host);
        let added = client.call("add", json!({"a": 1, "b": 2}));
        assert!(added.is_ok(), "{added:?}");
        for one in waiting {
            let error = one.join().expect("no panic").expect_err("a fault");
            assert_eq!(error["data"]["reason"], "deadline_exceeded");
        }
    });
    until("their sockets are closed", || {
        (echo.open() == 0).then_some(())
    });
}

#[test]
fn so_many_sockets_are_open_and_no_more() {
    let echo = Echo::start();
    let limits = "[plugins.dial]\ndeadline_ms = 600000\n";
    let host = host(&format!("{limits}{}concurrent_max = 3\n", echo.granted()));
    let open = |client: &mut Client, count: usize, wait: bool| {
        let asked = json!({"host": "127.0.0.1", "port": echo.port(), "count": count, "wait": wait});
        call(client, "open_many", asked)
    };
    let full = Ok(json!({"open": 3, "error": "new-socket-limit"}));
    let mut client = Client::modern(&host);
    assert_eq!(open(&mut client, 1000, false), full);
    // Their places are given back.
    assert_eq!(open(&mut client, 4, false), full);
    let all = Ok(json!({"open": 3, "error": null}));
    assert_eq!(open(&mut client, 3, false), all);
    until("they are closed", || (echo.open() == 0).then_some(()));
    thread::scope(|scope| {
        let mut holder = Client::modern(&host);
        let open = &open;
        let held = scope.spawn(move || open(&mut holder, 3, true));
        until("three are held", || (echo.open() == 3).then_some(()));
        let none = Ok(json!({"open": 0, "error": "new-socket-limit"}));
        assert_eq!(open(&mut client, 1, false), none);
        echo.speak();
        assert_eq!(held.join().expect("no panic"), all);
    });
    says_once(
        &host,
        "3 sockets of this plugin are open; `concurrent_max` in [plugins.dial.grants.sockets] raises that",
    );
}

#[test]
fn what_a_file_asks_for_and_would_need_can_be_pasted() {
    let file = Checked::new("dial");
    let report = file.says("");
    assert_eq!(report["denied"], json!(["sockets"]));
    let asked = "grants.sockets.connect \"tcp://db.example.org:5432\"";
    assert_eq!(report["asksUngranted"], json!([asked]));
    let lines = report["grantsNeeded"].as_str().expect("lines");
    assert_eq!(
        lines,
        "[plugins.dial.grants.sockets]\nconnect = [\"tcp://db.example.org:5432\"]\n"
    );
    let report = file.says(lines);
    assert_eq!(report["granted"], json!(["sockets"]));
    assert_eq!(report["asksUngranted"], json!([]));
}
