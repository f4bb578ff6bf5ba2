//! When requests are due in an open loop: evenly, over all connections by turns.
//!
//! It owns the schedule, which no server can slow down, and by how much this program
//! was late with it. It never sends.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::shard::{Feed, Shard};

/// A timer of the runtime is not more exact than this, so the rest is waited for
/// while looking at the clock.
const TIMER: Duration = Duration::from_millis(2);

/// Hands out what is due between `from` and `until`, `rate` times a second.
pub(super) async fn run(shard: Rc<Shard>, feeds: Vec<Rc<Feed>>, rate: f64, from: u64, until: u64) {
    if feeds.is_empty() {
        return;
    }
    let interval = 1e9 / rate;
    let mut number = 0_u64;
    loop {
        let now = shard.now();
        loop {
            let due = from + (number as f64 * interval) as u64;
            if due >= until {
                return;
            }
            if due > now {
                wait(due - now).await;
                break;
            }
            let connection = number % feeds.len() as u64;
            if shard.is_measured(due) {
                shard.stats.borrow_mut().late.record(now - due);
            }
            // The time of a request begins now: that nobody was there to ask for it
            // until now is not the server's doing, which waits for nothing here.
            feeds[connection as usize].push(now);
            number += 1;
        }
    }
}

async fn wait(nanoseconds: u64) {
    let time = Duration::from_nanos(nanoseconds);
    match time.checked_sub(TIMER) {
        Some(time) if !time.is_zero() => sleep(time).await,
        _ => tokio::task::yield_now().await,
    }
}
