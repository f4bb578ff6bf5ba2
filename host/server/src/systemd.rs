//! What systemd is told of the host: that it is ready, what it does, that it lives,
//! and which process it is.
//!
//! It owns the words. Where nobody listens (`NOTIFY_SOCKET` is not set) it says
//! nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// How often systemd wants to hear that the host lives; none: never. Half of the time
/// after which it would take it for dead.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    Some(sd_notify::watchdog_enabled()? / 2)
}

/// The host serves.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// What it does, in words for people.
pub(crate) fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// It finishes what runs, and ends.
pub(crate) fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("stopping: calls may finish"),
    ]);
}

/// It reads its configuration; [`ready`] follows.
pub fn reloading() {
    let now = NotifyState::monotonic_usec_now();
    let all: Vec<_> = [Ok(NotifyState::Reloading), now]
        .into_iter()
        .flatten()
        .collect();
    tell(&all);
}

/// From now on this process is the service.
pub(crate) fn main_process(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

/// It lives.
pub(crate) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::debug!(%error, "systemd was not told");
    }
}
