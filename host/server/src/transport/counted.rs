//! Connections as they are counted: one permit for each that may be open, and the
//! gauge that `/health` shows.
//!
//! It owns the refusal's line in the log. It never accepts or closes anything.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::config::Scheme;
use crate::host::Host;
use crate::meters::GaugeGuard;
use crate::supervise::Parts;

/// A connection that counts for as long as this lives.
pub(super) struct Counted {
    parts: Arc<Parts>,
    _permit: OwnedSemaphorePermit,
    _gauge: GaugeGuard,
}

impl Counted {
    /// None if as many are open as may be.
    pub(super) fn enter(host: &Host, scheme: Scheme, peer: SocketAddr) -> Option<Self> {
        let Ok(permit) = host.connections.clone().try_acquire_owned() else {
            let max_connections = host.descriptors.connections_max;
            // A flood must not become one of lines in the log.
            if host.meters.connection_refused() == 1 {
                tracing::warn!(%peer, max_connections, "connection refused: too many; /health counts further ones");
            } else {
                tracing::debug!(%peer, max_connections, "connection refused: too many");
            }
            return None;
        };
        Some(Self {
            parts: host.parts.clone(),
            _permit: permit,
            _gauge: host.meters.connection(scheme),
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // The task of a connection ends with it, and nobody waits for that.
        if std::thread::panicking() {
            self.parts.contained();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn a_connection_that_panics_is_counted_and_gives_its_place_back() {
        let host = Host::new(Config::default(), None).unwrap();
        let free = host.connections.available_permits();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let enter = || Counted::enter(&host, Scheme::Http, peer).unwrap();
        drop(enter());
        assert_eq!(host.parts.panics(), 0);
        let counted = enter();
        let ended = catch_unwind(AssertUnwindSafe(move || {
            let _counted = counted;
            panic!("a mistake in a connection");
        }));
        assert!(ended.is_err());
        assert_eq!(host.parts.panics(), 1);
        assert_eq!(host.connections.available_permits(), free);
    }
}
