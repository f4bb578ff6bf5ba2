//! HTTP/3: calls as streams of a QUIC connection.
//!
//! It owns how one call is made. It never judges an answer, nor opens connections.

use std::future::poll_fn;

use bytes::{BufMut as _, Bytes};
use h3::client::SendRequest;

use super::LoadError;
use super::connect::Answer;

/// What makes calls on a connection; its copies share it.
pub(super) type Sender = SendRequest<h3_quinn::OpenStreams, Bytes>;

fn failed(error: impl std::fmt::Display) -> LoadError {
    LoadError::other("HTTP/3", error)
}

/// Begins HTTP/3 on a connection.
pub(super) async fn handshake(connection: quinn::Connection) -> Result<Sender, LoadError> {
    let connection = h3_quinn::Connection::new(connection);
    let mut builder = h3::client::builder();
    // Frames that mean nothing would be measured too.
    builder.send_grease(false);
    let built = builder.build(connection).await;
    let (mut connection, sender) = built.map_err(failed)?;
    // It ends with the last sender; what goes wrong is told to the callers.
    tokio::task::spawn_local(async move { poll_fn(|cx| connection.poll_close(cx)).await });
    Ok(sender)
}

/// Makes one call and reads its answer.
pub(super) async fn exchange(
    sender: &mut Sender,
    head: http::Request<()>,
    body: Bytes,
) -> Result<Answer, LoadError> {
    let mut stream = sender.send_request(head).await.map_err(failed)?;
    stream.send_data(body).await.map_err(failed)?;
    stream.finish().await.map_err(failed)?;
    let (parts, ()) = stream.recv_response().await.map_err(failed)?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.recv_data().await.map_err(failed)? {
        body.put(data);
    }
    Ok(Answer::new(&parts, body))
}
