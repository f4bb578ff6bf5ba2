//! A server that plugins may reach, or not: it counts connections, keeps what was
//! asked of it, and answers as the path says. It checks nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
    released: bool,
}

/// It listens until the process of the test ends.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Server {
    /// Speaks HTTP at a port of its own.
    pub(crate) fn start() -> Self {
        Self::listen(serve)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::listen(move |stream, seen| {
            let session = ServerConnection::new(config.clone()).expect("a session");
            serve(StreamOwned::new(session, stream), seen);
        })
    }

    fn listen(serve: impl Fn(TcpStream, &(Mutex<Seen>, Condvar)) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new((Mutex::default(), Condvar::new()));
        let shared = seen.clone();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                lock(&shared.0).connections += 1;
                let (serve, seen) = (serve.clone(), shared.clone());
                thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:PORT` and the path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.seen.0).connections
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        lock(&self.seen.0).requests.clone()
    }

    /// Lets everything go that `/hold` held.
    pub(crate) fn release(&self) {
        lock(&self.seen.0).released = true;
        self.seen.1.notify_all();
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers request after request, until the other side goes.
fn serve(mut stream: impl Read + Write, seen: &(Mutex<Seen>, Condvar)) {
    while let Some(head) = read_request(&mut stream) {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        lock(&seen.0).requests.push(head);
        if answer(&mut stream, &path, seen).is_err() {
            return;
        }
    }
}

fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}

fn answer(
    stream: &mut impl Write,
    path: &str,
    seen: &(Mutex<Seen>, Condvar),
) -> std::io::Result<()> {
    if let Some(target) = path.strip_prefix("/redirect?") {
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"
        );
    }
    if let Some(guests) = path.strip_prefix("/meet/") {
        meet(seen, path, guests.parse().expect("a number"));
        return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    }
    if let Some(bytes) = path.strip_prefix("/bytes/") {
        // Without a length, so that only counting tells.
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        for _ in 0..bytes.parse::<usize>().expect("a number") / 100 {
            write!(stream, "64\r\n{}\r\n", "x".repeat(100))?;
        }
        return stream.write_all(b"0\r\n\r\n");
    }
    match path {
        "/silent" => hold(seen),
        "/trickle" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")?;
            stream.flush()?;
            hold(seen);
        }
        "/hold" => {
            hold(seen);
            return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        }
        _ => return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
    }
    Ok(())
}

/// Waits until so many requests for this path are here: nobody is answered who waits
/// for the first answer before asking again.
fn meet(seen: &(Mutex<Seen>, Condvar), path: &str, guests: usize) {
    let here = |seen: &Seen| {
        let asked = seen
            .requests
            .iter()
            .filter_map(|head| head.split(' ').nth(1));
        asked.filter(|asked| *asked == path).count()
    };
    seen.1.notify_all();
    let wait = seen.1.wait_while(lock(&seen.0), |seen| here(seen) < guests);
    drop(wait.unwrap_or_else(PoisonError::into_inner));
}

fn hold(seen: &(Mutex<Seen>, Condvar)) {
    let wait = seen.1.wait_while(lock(&seen.0), |seen| !seen.released);
    drop(wait.unwrap_or_else(PoisonError::into_inner));
}
