//! The stream of events of the page.
//!
//! It owns the stream of one who watches. What is told is the pulse's.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;

use super::Admin;
use super::problem::Problem;
use super::pulse::{self, Watcher};
use crate::transport::http::response::{self, HttpResponse};

/// How long a browser waits before it comes back, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";

/// Begins a stream: everything as it is now, and then what changes.
pub(super) fn open(admin: &Arc<Admin>) -> Result<HttpResponse, Problem> {
    // Before the first look, so that nothing falls in between.
    let watcher = admin.pulse.watch()?;
    let first = Some(Bytes::from_static(RETRY.as_bytes()));
    let begin = (admin.clone(), watcher, first, false);
    Ok(response::event_stream(stream::unfold(begin, next)))
}

type At = (Arc<Admin>, Watcher, Option<Bytes>, bool);

async fn next((admin, mut watcher, first, began): At) -> Option<(Bytes, At)> {
    if let Some(first) = first {
        return Some((first, (admin, watcher, None, false)));
    }
    let message = match began {
        false => whole(&admin),
        true => match watcher.told.recv().await {
            Ok(message) => message,
            // It reads too slowly for parts.
            Err(RecvError::Lagged(_)) => whole(&admin),
            Err(RecvError::Closed) => return None,
        },
    };
    Some((message, (admin, watcher, None, true)))
}

fn whole(admin: &Admin) -> Bytes {
    pulse::message("whole", &admin.pulse.whole(&admin.host))
}
