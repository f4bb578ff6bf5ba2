//! JSON-RPC over QUIC: each stream that a client opens is a session of its own,
//! one message on a line.
//!
//! It owns streams. It never looks into a line: [`crate::transport::stream`] does.

use std::sync::Arc;

use quinn::{Connection, RecvStream, SendStream, VarInt};

use super::NO_ERROR;
use super::connection::{Streams, hung_up};
use crate::host::Host;
use crate::origin::Origin;
use crate::transport::stream::{self, Door, Ended};

/// The client doesn't read what it asked for.
const SLOW_READER: VarInt = VarInt::from_u32(2);

/// Serves one connection to its end.
///
/// Calls take turns between connections, so all its streams count as one.
pub(super) async fn serve(host: Arc<Host>, connection: Connection, origin: Origin) {
    // Sessions go both ways.
    connection.set_max_concurrent_uni_streams(VarInt::from_u32(0));
    let streams = Streams::new(host.clone());
    loop {
        tokio::select! {
            accepted = connection.accept_bi() => match accepted {
                Ok((send, recv)) => {
                    streams.serve(session(host.clone(), send, recv, origin.clone()));
                }
                Err(error) => {
                    tracing::debug!(peer = %connection.remote_address(), %error, "connection ended");
                    break;
                }
            },
            () = host.stopping.cancelled() => break,
            () = streams.idle() => break,
        }
    }
    streams.drain().await;
    connection.close(NO_ERROR, b"");
}

async fn session(host: Arc<Host>, mut send: SendStream, recv: RecvStream, origin: Origin) {
    let (gone, delivered) = (send.stopped(), send.stopped());
    let idle_timeout = host.live().stream.idle_timeout;
    let door = Door::of(&host, &origin);
    let serving = stream::serve(host, recv, &mut send, idle_timeout, door, origin);
    let ended = tokio::select! {
        ended = serving => ended,
        // Nobody will read the answers: the calls end with their session.
        () = hung_up(gone) => return,
    };
    match ended {
        Ok(Ended::SlowReader) => {
            let _ = send.reset(SLOW_READER);
        }
        Ok(ended) => {
            tracing::debug!(?ended, "session ended");
            // What closes the connection must not take the answers along.
            if send.finish().is_ok() {
                let _ = delivered.await;
            }
        }
        Err(error) => tracing::debug!(%error, "session lost"),
    }
}
