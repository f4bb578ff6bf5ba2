//! Proves that connections are bounded in what they may take: time for a head, a
//! body and nothing at all, bytes and headers, streams, files, and answers that
//! nobody reads.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fusebox_tests::{Client, Connection, Frames, Host, LONG, Setup, frames, until};
use serde_json::{Value, json};

#[test]
fn probes_reach_a_full_host_and_nothing_else_does() {
    let host = Setup::new().config("max_connections = 1").start();
    let mut first = until("a connection is accepted", || {
        let mut connection = Connection::open(host.address());
        let answer = connection.exchange("GET", "/live", &[], b"");
        (answer.head.header("connection") != Some("close")).then_some(connection)
    });
    for path in ["/live", "/ready", "/health"] {
        let answer = Connection::open(host.address()).exchange("GET", path, &[], b"");
        assert_eq!(
            (answer.head.status, answer.head.header("connection")),
            (200, Some("close")),
            "{path}: {answer:?}"
        );
    }
    let mut other = Connection::open(host.address());
    let answer = other.exchange("POST", "/mcp", &[], b"{}");
    assert_eq!(answer.head.status, 503, "{answer:?}");
    assert_eq!(answer.json()["error"]["data"]["reason"], "overloaded");
    assert!(other.read_once().is_empty(), "it is closed");
    let health = first.exchange("GET", "/health", &[], b"").json();
    assert_eq!(
        (&health["connections"], &health["connections_max"]),
        (&json!(1), &json!(1))
    );
    assert!(
        health["connections_refused"].as_u64() >= Some(4),
        "{health:#}"
    );
}

fn assert_closed(connection: &mut Connection) {
    assert!(connection.read_once().is_empty(), "it is closed");
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let host = Setup::new()
        .config("http.header_timeout_ms = 200\nhttp.idle_timeout_ms = 600000")
        .start();
    // Nothing at all, half a head, and half of a second one.
    assert_closed(&mut Connection::open(host.address()));
    let mut half = Connection::open(host.address());
    assert!(half.send_raw(b"GET /live HTTP/1.1\r\nHo"));
    assert_closed(&mut half);
    let mut second = Connection::open(host.address());
    assert_eq!(second.exchange("GET", "/live", &[], b"").head.status, 200);
    assert!(second.send_raw(b"G"));
    assert_closed(&mut second);
    // HTTP/2 has to say what it is, too.
    let mut silent = Connection::open(host.address());
    assert!(silent.send_raw(b"PRI * HTTP/2.0\r\n"));
    assert_closed(&mut silent);
}

#[test]
fn a_connection_is_idle_between_requests_and_never_within_one() {
    let host = Setup::new()
        .plugin("misbehave")
        .config("http.idle_timeout_ms = 200")
        .start();
    let mut client = Client::modern(&host);
    // A call that takes longer than that is no idleness.
    let mut connection = client.send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 1000}}),
    );
    let answer = connection.read_response().expect("an answer").json();
    assert_eq!(answer["result"]["content"][0]["text"], "ok", "{answer}");
    assert_closed(&mut connection);
    // Nor is a stream on which nothing happens.
    let mut events = client.listen();
    std::thread::sleep(Duration::from_millis(600));
    host.put("broken", b"no wasm");
    host.put("hello", &fusebox_tests::plugin("hello"));
    events.wait_for("notifications/tools/list_changed");
}

#[test]
fn a_body_that_comes_too_slowly_is_refused() {
    let host = Setup::new()
        .plugin("hello")
        .config("http.body_timeout_ms = 200")
        .start();
    let mut connection = Connection::open(host.address());
    assert!(connection.send_raw(
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
          Content-Length: 100\r\n\r\n{"
    ));
    let answer = connection.read_response().expect("a refusal");
    assert_eq!(
        (answer.head.status, answer.head.header("connection")),
        (408, Some("close")),
        "{answer:?}"
    );
    assert!(answer.text().contains("http.body_timeout_ms"), "{answer:?}");
    assert_closed(&mut connection);
}

#[test]
fn a_head_has_so_many_bytes_and_headers() {
    let host = Setup::new()
        .config("http.head_max_bytes = 8192\nhttp.head_max_fields = 8")
        .start();
    let status = |fields: usize, length: usize| {
        let mut head = "GET /live HTTP/1.1\r\nHost: localhost\r\n".to_owned();
        for field in 1..fields {
            head += &format!("x-{field}: {}\r\n", "y".repeat(length));
        }
        let mut connection = Connection::open(host.address());
        connection.send_raw(format!("{head}\r\n").as_bytes());
        connection.read_response().map(|answer| answer.head.status)
    };
    assert_eq!(status(8, 10), Some(200));
    assert_eq!(status(2, 7000), Some(200));
    for refused in [status(9, 10), status(2, 9000)] {
        assert!(matches!(refused, Some(431) | None), "{refused:?}");
    }
}

#[test]
fn http_2_is_told_its_limits() {
    let host = Setup::new()
        .config("http.http2_streams_max = 7\nhttp.head_max_bytes = 9000")
        .start();
    let settings = Frames::open(host.address())
        .next(frames::SETTINGS)
        .expect("settings");
    let value = |wanted: u16| {
        let mut settings = settings.chunks(6);
        let found = settings.find(|one| one[..2] == wanted.to_be_bytes());
        found.map(|one| u32::from_be_bytes([one[2], one[3], one[4], one[5]]))
    };
    assert_eq!((value(3), value(6)), (Some(7), Some(9000)), "{settings:?}");
}

#[test]
fn a_flood_of_resets_ends_its_connection_alone() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    let host = Setup::new().plugin("hello").start();
    let mut other = Client::modern(&host);
    let mut client = Frames::open(host.address());
    let head = frames::get("/");
    for number in 0..50_000 {
        let stream = number * 2 + 1;
        let sent = client.send(frames::HEADERS, 5, stream, &head)
            && client.send(frames::RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        if !sent {
            break;
        }
    }
    // A reset of the socket may swallow it.
    if let Some(goaway) = client.next(frames::GOAWAY) {
        let code = u32::from_be_bytes([goaway[4], goaway[5], goaway[6], goaway[7]]);
        assert_eq!(code, ENHANCE_YOUR_CALM);
    }
    until("the connection is gone", || {
        (host.health()["connections"].as_u64() <= Some(2)).then_some(())
    });
    assert_eq!(other.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
}

#[test]
fn an_http_2_client_that_is_not_there_is_noticed() {
    let host = Setup::new().config("http.http2_ping_ms = 100").start();
    let mut client = Frames::open(host.address());
    // A request first, so that it is no client that says nothing at all.
    let head = frames::get("/live");
    assert!(client.send(frames::HEADERS, 5, 1, &head));
    assert!(client.next(frames::HEADERS).is_some(), "an answer");
    // It is asked, says nothing, and is disconnected.
    assert!(client.next(frames::PING).is_some(), "a ping");
    while client.next(frames::PING).is_some() {}
}

/// Asks for answers of a mebibyte and reads none of them, until the host has had
/// enough.
fn refuse_to_read(host: &Host, mut stream: TcpStream, message: &[u8]) -> Value {
    stream.set_write_timeout(Some(LONG)).expect("a timeout");
    for _ in 0..200 {
        if stream.write_all(message).is_err() {
            break;
        }
        if host.health()["slow_readers"] == 1 {
            break;
        }
    }
    host.health_when("it is disconnected", |health| health["slow_readers"] == 1)
}

#[test]
fn who_does_not_read_is_disconnected_with_a_reason() {
    let setup = || {
        Setup::new()
            .plugin("hello")
            .tcp()
            .config("[socket]\nwrite_timeout_ms = 300\n[stream]\ncalls_in_flight_max = 8")
            .start()
    };
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "hello", "arguments": {"name": "x".repeat(1 << 20)}}});
    let words = "it does not read what it asked for";

    let host = setup();
    let stream = TcpStream::connect(host.tcp_address()).expect("a connection");
    refuse_to_read(&host, stream, format!("{call}\n").as_bytes());
    assert!(host.log().contains(words), "{}", host.log());

    let host = setup();
    let stream = TcpStream::connect(host.address()).expect("a connection");
    let session = Client::legacy(&host);
    let session = session.session().expect("a session");
    let body = call.to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMcp-Session-Id: {session}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    refuse_to_read(&host, stream, request.as_bytes());
    assert!(host.log().contains(words), "{}", host.log());
}

#[test]
fn too_few_open_files_mean_fewer_connections_and_a_word_on_what_to_raise() {
    let host = Setup::new().open_files(400).start();
    let health = host.health();
    assert_eq!(
        (&health["open_files_max"], &health["connections_max"]),
        (&json!(400), &json!(272)),
        "{health:#}"
    );
    let log = host.log();
    for words in ["ulimit -n 15128", "LimitNOFILE=15128"] {
        assert!(log.contains(words), "{log}");
    }
}

#[test]
fn a_host_without_files_waits_and_goes_on() {
    let host = Setup::new().plugin("hello").start();
    let process = i32::try_from(host.process()).expect("a process");
    // Files are given the lowest free number, and the limit is one of numbers.
    let lowest_free = || {
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).expect("the host's files");
        let taken: Vec<u64> = files
            .filter_map(|file| file.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        (0..).find(|number| !taken.contains(number))
    };
    // The connection of whoever looked whether the host is there may still be open.
    let mut before = None;
    let open = until("no file comes or goes", || {
        std::thread::sleep(Duration::from_millis(100));
        let (last, now) = (before, lowest_free());
        before = now;
        now.filter(|_| now == last)
    });
    let nofile = rlimit::Resource::NOFILE;
    let mut before = (0, 0);
    let (soft, hard) = (&mut before.0, &mut before.1);
    rlimit::prlimit(process, nofile, None, Some((soft, hard))).expect("the limit is read");
    rlimit::prlimit(process, nofile, Some((open, before.1)), None).expect("the limit is set");
    // The system takes this connection; the host can't.
    let mut waiting = Connection::open(host.address());
    waiting.send("GET", "/health", &[], b"");
    let spent = host.cpu_time();
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(1));
    let share = (host.cpu_time() - spent).as_secs_f64() / start.elapsed().as_secs_f64();
    assert!(share < 0.2, "it spins: {share}");
    rlimit::prlimit(process, nofile, Some(before), None).expect("the limit is set");
    let health = waiting.read_response().expect("an answer").json();
    assert!(health["accepts_failed"].as_u64() > Some(0), "{health:#}");
}

/// Longer than a connection is quiet before the host lets go of its buffers.
const QUIET: Duration = Duration::from_millis(1_500);

#[test]
fn a_connection_that_was_quiet_serves_on() {
    let host = Setup::new().plugin("hello").start();
    let mut connection = Connection::open(host.address());
    for _ in 0..2 {
        let answer = connection.exchange("GET", "/live", &[], b"");
        assert_eq!(answer.head.status, 200);
        std::thread::sleep(QUIET);
    }
    // Two requests at once, and a third whose head comes in two parts.
    let request = format!("GET /live HTTP/1.1\r\nHost: {}\r\n\r\n", host.address());
    assert!(connection.send_raw(request.repeat(2).as_bytes()));
    let (half, rest) = request.split_at(request.len() / 2);
    assert!(connection.send_raw(half.as_bytes()));
    std::thread::sleep(QUIET);
    assert!(connection.send_raw(rest.as_bytes()));
    for _ in 0..3 {
        let answer = connection.read_response().expect("an answer");
        assert_eq!(answer.json(), json!({"status": "ok"}));
    }
    // A call that takes longer than that is no quiet.
    let mut client = Client::modern(&host);
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
}

#[test]
fn a_first_byte_alone_is_waited_for_as_long_as_a_head_may_take() {
    let host = Setup::new().config("http.header_timeout_ms = 1000").start();
    for sent in ["", "P", "PRI * HTTP/2.0\r\n"] {
        let mut connection = Connection::open(host.address());
        assert!(connection.send_raw(sent.as_bytes()));
        assert!(connection.is_closed_within(LONG), "{sent:?}");
    }
}

#[test]
fn quiet_connections_are_probed_by_the_kernel_if_that_is_wanted() {
    for keepalive in [true, false] {
        let host = Setup::new()
            .config(&format!("socket.keepalive = {keepalive}"))
            .start();
        let mut connection = Connection::open(host.address());
        assert_eq!(
            connection.exchange("GET", "/live", &[], b"").head.status,
            200
        );
        let port = host.address().port();
        // Column `tr`: 2 is a timer of keepalive.
        let timers = || {
            let table = std::fs::read_to_string("/proc/net/tcp").expect("a table");
            let local = format!(":{port:04X}");
            let established = table.lines().filter_map(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let is_ours = fields.get(1)?.ends_with(&local) && *fields.get(3)? == "01";
                is_ours.then(|| fields[5].starts_with("02"))
            });
            established.collect::<Vec<bool>>()
        };
        until("the timer is as wanted", || {
            let timers = timers();
            (!timers.is_empty() && timers.iter().all(|timer| *timer == keepalive)).then_some(())
        });
    }
}
