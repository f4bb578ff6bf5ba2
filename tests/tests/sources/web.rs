//! The HTTP of these tests: a client of one request for the registry, and a server
//! of files over TLS that keeps what was asked of it. It checks nothing.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An answer of a server.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// as they stand there
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.lines();
        lines.find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Asks once, and reads to the end of the connection.
pub(crate) fn ask(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(to).expect("a connection");
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream
        .write_all(format!("{head}\r\n").as_bytes())
        .expect("a head is sent");
    stream.write_all(body).expect("a body is sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no HTTP: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (first, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.expect("a status"),
        headers: headers.to_owned(),
        body: bytes[end + 4..].to_vec(),
    }
}

/// A file as the server gives it.
#[derive(Clone)]
enum Page {
    File(Vec<u8>),
    /// without a length, so that only counting tells
    Chunked(Vec<u8>),
    /// the first half of it, and then nothing
    Half(Vec<u8>),
    Redirect(String),
}

#[derive(Default)]
struct Shelf {
    pages: BTreeMap<String, Page>,
    /// what `Authorization` has to be
    wanted: Option<String>,
    heads: Vec<String>,
    /// how often half of a file was sent
    halves: usize,
}

/// A server of files over TLS, until the process of the test ends.
pub(crate) struct Files {
    address: SocketAddr,
    certificate: String,
    shelf: Arc<Mutex<Shelf>>,
}

impl Files {
    pub(crate) fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let made = made.expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate and its key");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shelf = Arc::<Mutex<Shelf>>::default();
        let shared = shelf.clone();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let session = ServerConnection::new(config.clone()).expect("a session");
                let shelf = shared.clone();
                thread::spawn(move || serve(StreamOwned::new(session, stream), &shelf));
            }
        });
        Self {
            address,
            certificate: made.cert.pem(),
            shelf,
        }
    }

    /// For `sources.ca`.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Host and port, as messages name it.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.page(path, Page::File(bytes.to_vec()));
    }

    pub(crate) fn put_chunked(&self, path: &str, bytes: &[u8]) {
        self.page(path, Page::Chunked(bytes.to_vec()));
    }

    /// Gives half of it, and waits until whoever asked has gone.
    pub(crate) fn put_half(&self, path: &str, bytes: &[u8]) {
        self.page(path, Page::Half(bytes.to_vec()));
    }

    /// How often that was done so far.
    pub(crate) fn halves(&self) -> usize {
        lock(&self.shelf).halves
    }

    pub(crate) fn redirect(&self, path: &str, to: &str) {
        self.page(path, Page::Redirect(to.to_owned()));
    }

    /// From now on this has to stand in `Authorization`.
    pub(crate) fn want(&self, authorization: &str) {
        lock(&self.shelf).wanted = Some(authorization.to_owned());
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        lock(&self.shelf).heads.clone()
    }

    fn page(&self, path: &str, page: Page) {
        lock(&self.shelf).pages.insert(path.to_owned(), page);
    }
}

fn lock(shelf: &Mutex<Shelf>) -> std::sync::MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers request after request, until the other side goes.
fn serve(mut stream: impl Read + Write, shelf: &Mutex<Shelf>) {
    while let Some(head) = read_head(&mut stream) {
        if answer(&mut stream, &head, shelf).is_err() {
            return;
        }
    }
}

fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn answer(
    stream: &mut (impl Read + Write),
    head: &str,
    shelf: &Mutex<Shelf>,
) -> std::io::Result<()> {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let shown = head
        .lines()
        .find_map(|line| line.strip_prefix("authorization: "));
    let (page, is_let_in) = {
        let mut shelf = lock(shelf);
        shelf.heads.push(head.to_owned());
        let is_let_in = shelf
            .wanted
            .as_deref()
            .is_none_or(|wanted| shown == Some(wanted));
        (shelf.pages.get(path).cloned(), is_let_in)
    };
    let empty = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n");
    match page {
        _ if !is_let_in => write!(stream, "{}\r\n", empty("401 Unauthorized"))?,
        None => write!(stream, "{}\r\n", empty("404 Not Found"))?,
        Some(Page::Redirect(to)) => write!(stream, "{}location: {to}\r\n\r\n", empty("302 Found"))?,
        Some(Page::File(bytes)) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
                bytes.len()
            )?;
            stream.write_all(&bytes)?;
        }
        Some(Page::Half(bytes)) => {
            let length = bytes.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
            )?;
            stream.write_all(&bytes[..length / 2])?;
            stream.flush()?;
            lock(shelf).halves += 1;
            // Nothing more comes from there but the end.
            stream.read_exact(&mut [0])?;
        }
        Some(Page::Chunked(bytes)) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            for part in bytes.chunks(1000) {
                write!(stream, "{:x}\r\n", part.len())?;
                stream.write_all(part)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")?;
        }
    }
    stream.flush()
}
