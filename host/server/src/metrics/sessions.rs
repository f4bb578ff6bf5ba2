//! How long sessions last, by what carries them.
//!
//! It owns these histograms, and tells a collector as well. Whoever has a session holds
//! a [`Lasting`] for as long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use fusebox_protocol::ProtocolVersion;
use prometheus::core::Metric as _;
use prometheus::{Histogram, HistogramOpts, proto};

use crate::origin::{Carrier, Origin};
use crate::telemetry::{EndedSession, Telemetry};

/// Upper bounds, in seconds: from a client that asks one thing to a day.
const BUCKETS: [f64; 10] = [
    0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 14_400.0, 43_200.0, 86_400.0,
];

/// What carries a session, in the order of [`place`].
const TRANSPORTS: [&str; 4] = ["http", "tcp", "quic", "stdio"];

/// How sessions lasted.
#[derive(Debug)]
pub(crate) struct SessionTimes([Histogram; TRANSPORTS.len()]);

impl Default for SessionTimes {
    fn default() -> Self {
        let one = |_| {
            let options = HistogramOpts::new("seconds", "seconds").buckets(BUCKETS.to_vec());
            Histogram::with_opts(options).expect("a test makes one of these bounds")
        };
        Self(TRANSPORTS.map(one))
    }
}

impl SessionTimes {
    /// How long they lasted, by what carried them.
    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, proto::Histogram)> {
        let each = TRANSPORTS.into_iter().zip(&self.0);
        each.map(|(transport, times)| (transport, times.metric().get_histogram().clone()))
    }
}

/// A session that lasts until this is dropped.
#[derive(Debug)]
pub(crate) struct Lasting {
    times: Arc<SessionTimes>,
    telemetry: Option<Arc<Telemetry>>,
    began: Instant,
    version: ProtocolVersion,
    carrier: Carrier,
    /// the version of HTTP; none: none of HTTP
    http: Option<&'static str>,
    timed_out: AtomicBool,
}

impl Lasting {
    /// One begins with this connection.
    pub(crate) fn begin(
        times: &Arc<SessionTimes>,
        telemetry: Option<&Arc<Telemetry>>,
        origin: &Origin,
        version: ProtocolVersion,
    ) -> Self {
        Self {
            times: times.clone(),
            telemetry: telemetry.cloned(),
            began: Instant::now(),
            version,
            carrier: origin.carrier(),
            http: origin.http_version(),
            timed_out: AtomicBool::new(false),
        }
    }

    /// It ends because its client was not heard of any more.
    pub(crate) fn timed_out(&self) {
        self.timed_out.store(true, Ordering::Relaxed);
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        let duration = self.began.elapsed();
        let place = place(self.carrier, self.http.is_some());
        self.times.0[place].observe(duration.as_secs_f64());
        if let Some(telemetry) = &self.telemetry {
            telemetry.session_ended(EndedSession {
                version: self.version,
                carrier: self.carrier,
                http: self.http,
                error: self.timed_out.load(Ordering::Relaxed).then_some("timeout"),
                duration,
            });
        }
    }
}

fn place(carrier: Carrier, is_http: bool) -> usize {
    match (is_http, carrier) {
        (true, _) => 0,
        (false, Carrier::Tcp) => 1,
        (false, Carrier::Quic) => 2,
        (false, Carrier::Pipe) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_counts_once_and_when_it_has_ended() {
        let times = Arc::new(SessionTimes::default());
        let counted = || -> Vec<(&str, u64)> {
            let all = times.read();
            let counts = all.map(|(transport, times)| (transport, times.get_sample_count()));
            counts.filter(|(_, count)| *count > 0).collect()
        };
        let origin = Origin::default();
        let version = ProtocolVersion::V2026_07_28;
        let first = Lasting::begin(&times, None, &origin, version);
        origin.speaks(http::Version::HTTP_11);
        let second = Lasting::begin(&times, None, &origin, version);
        assert_eq!(counted(), []);
        drop(first);
        drop(second);
        assert_eq!(counted(), [("http", 1), ("stdio", 1)]);
    }
}
