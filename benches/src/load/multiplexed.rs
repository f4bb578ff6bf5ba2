//! Connections on which each call is a stream of its own: HTTP/2 and HTTP/3.
//!
//! It owns how one call is made over HTTP/2, and as many workers on such a connection
//! as there may be calls in flight. It never judges an answer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::LoadError;
use super::connect::Answer;
use super::framing::mcp_headers;
use super::http3;
use super::ledger::{Calls, Ledger};
use super::settings::{Protocol, Settings};
use super::shard::{Feed, Shard};
use super::stats::Progress;
use super::template::{Template, digits};

/// Room for the answers of one stream and of the connection.
const WINDOW_BYTES: u32 = 16 << 20;

fn failed(error: h2::Error) -> LoadError {
    LoadError::other("HTTP/2", error)
}

/// Opens HTTP/2 on a socket, without asking whether the server speaks it.
pub(super) async fn handshake(stream: TcpStream) -> Result<SendRequest<Bytes>, LoadError> {
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .enable_push(false)
        .handshake(stream)
        .await
        .map_err(failed)?;
    // It ends with the last sender; what goes wrong is told to the callers.
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// The head of a call.
pub(super) fn head(
    settings: &Settings,
    tool: Option<&str>,
    session: Option<&str>,
) -> Result<http::Request<()>, LoadError> {
    let (scheme, version) = match settings.protocol {
        Protocol::H3 => ("https", http::Version::HTTP_3),
        _ => ("http", http::Version::HTTP_2),
    };
    let uri = format!("{scheme}://{}{}", settings.target, settings.path);
    let mut request = http::Request::post(uri)
        .version(version)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    for (name, value) in mcp_headers(settings.era, tool, session) {
        request = request.header(name, value);
    }
    request
        .body(())
        .map_err(|error| LoadError::other("a request", error))
}

/// What makes calls on a connection; its copies share it.
#[derive(Clone)]
pub(super) enum Sender {
    H2(SendRequest<Bytes>),
    H3(http3::Sender),
}

impl Sender {
    /// Makes one call and reads its answer.
    pub(super) async fn exchange(
        &mut self,
        head: http::Request<()>,
        body: Bytes,
    ) -> Result<Answer, LoadError> {
        match self {
            Self::H2(sender) => exchange(sender, head, body).await,
            Self::H3(sender) => http3::exchange(sender, head, body).await,
        }
    }
}

async fn exchange(
    sender: &mut SendRequest<Bytes>,
    head: http::Request<()>,
    body: Bytes,
) -> Result<Answer, LoadError> {
    poll_fn(|context| sender.poll_ready(context))
        .await
        .map_err(failed)?;
    let (response, mut sending) = sender.send_request(head, false).map_err(failed)?;
    sending.send_data(body, true).map_err(failed)?;
    let (parts, mut receiving) = response.await.map_err(failed)?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = receiving.data().await {
        let data = data.map_err(failed)?;
        receiving
            .flow_control()
            .release_capacity(data.len())
            .map_err(failed)?;
        body.extend_from_slice(&data);
    }
    Ok(Answer::new(&parts, body))
}

/// One connection and its calls.
pub(super) struct Streams {
    pub(super) sender: Sender,
    pub(super) ledger: Ledger,
    pub(super) calls: Rc<Calls>,
    pub(super) requests: Rc<[Template]>,
    pub(super) session: Option<String>,
    pub(super) feed: Rc<Feed>,
    pub(super) shard: Rc<Shard>,
    pub(super) depth: usize,
}

impl Streams {
    /// Calls until nothing more is due and everything is answered.
    pub(super) async fn run(self) {
        let (depth, shard) = (self.depth, self.shard.clone());
        let ledger = Rc::new(RefCell::new(self.ledger));
        let session = self.session.as_deref();
        let settings = &shard.settings;
        let heads: Result<Rc<[_]>, _> = (self.calls.kinds.iter())
            .map(|call| head(settings, Some(&call.tool), session))
            .collect();
        let mut workers = JoinSet::new();
        match heads {
            Ok(heads) => {
                for _ in 0..depth {
                    let worker = Worker {
                        sender: self.sender.clone(),
                        heads: heads.clone(),
                        requests: self.requests.clone(),
                        ledger: ledger.clone(),
                        feed: self.feed.clone(),
                        shard: shard.clone(),
                    };
                    workers.spawn_local(worker.run());
                }
            }
            Err(error) => shard.stats.borrow_mut().error(|| error.to_string()),
        }
        while let Some(ended) = workers.join_next().await {
            if let Ok(Err(error)) = ended {
                Progress::add(&shard.progress.errors, 1);
                shard.stats.borrow_mut().error(|| error.to_string());
            }
        }
    }
}

/// One call after another on streams of a connection.
struct Worker {
    sender: Sender,
    heads: Rc<[http::Request<()>]>,
    requests: Rc<[Template]>,
    ledger: Rc<RefCell<Ledger>>,
    feed: Rc<Feed>,
    shard: Rc<Shard>,
}

impl Worker {
    async fn run(mut self) -> Result<(), LoadError> {
        loop {
            let due =
                poll_fn(|context| self.feed.poll_due(context, &self.shard, self.shard.now())).await;
            let Some(due) = due else { return Ok(()) };
            let begun = self.ledger.borrow_mut().begin(due, self.shard.now());
            let Some(begun) = begun else { return Ok(()) };
            let request = &self.requests[begun.kind];
            let mut body = Vec::with_capacity(request.len());
            request.write(&digits(begun.id), &mut body);
            let head = self.heads[begun.kind].clone();
            let answer = self.sender.exchange(head, body.into()).await?;
            let now = self.shard.now();
            let mut ledger = self.ledger.borrow_mut();
            ledger.settle_id(begun.id, answer.status, &answer.body, now)?;
            Progress::add(&self.shard.progress.right, 1);
        }
    }
}
