//! The stream on which a legacy client hears of what it didn't ask for.
//!
//! It owns coming back to it. It never knows what it says.

use http::StatusCode;
use tokio::time::sleep;

use super::either;
use super::events::{Events, Place};
use super::exchange::{carry_to_client, is_stream, resume, whole};
use super::link::{Followed, Link};

/// How often in a row the stream is asked for in vain.
const FAILURES_MAX: u32 = 5;

/// Follows the stream until the session or the client ends. A host that has no such
/// stream has nothing to say on it.
pub(super) async fn follow(link: &Link, session: Followed) {
    tokio::select! {
        () = either(&session.ended, &link.ending) => {}
        () = read(link) => {}
    }
}

async fn read(link: &Link) {
    let mut place = Place::default();
    let mut failures = 0;
    loop {
        let response = match &place.last_id {
            Some(last) => resume(link, last).await,
            None => match link.get(link.legacy_headers()).await {
                Ok(response) if is_stream(&response) => Some(response),
                Ok(response) if response.status() == StatusCode::METHOD_NOT_ALLOWED => return,
                Ok(response) => {
                    link.note_status(response.status());
                    None
                }
                Err(error) => {
                    tracing::debug!("no stream of changes: {}", whole(&error));
                    None
                }
            },
        };
        match response {
            Some(response) => {
                let mut events = Events::new(response.into_body());
                while let Ok(Some(message)) = events.next(&mut place).await {
                    failures = 0;
                    carry_to_client(link, message).await;
                }
            }
            None => failures += 1,
        }
        if failures == FAILURES_MAX {
            link.lose("the host can't be reached any more");
            return;
        }
        sleep(place.retry).await;
    }
}
