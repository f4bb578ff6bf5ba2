//! Forgetting what has ended, from time to time.
//!
//! It owns how often. It never knows what there is to forget: those do that keep it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::supervise::Pulse;

/// How often idle sessions are looked for.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often it is looked for instances of sessions that have ended: they have memory.
const INSTANCES_INTERVAL: Duration = Duration::from_secs(1);

/// Lets go of such instances as long as the host lives, whether their plugin is called
/// or not.
pub(super) async fn instances(host: Arc<Host>, _pulse: Pulse) {
    loop {
        tokio::time::sleep(INSTANCES_INTERVAL).await;
        for slot in host.catalogue.load().slots().values() {
            let tried = slot.trial.as_ref().map(|trial| trial.canary());
            for version in slot.serving.iter().chain(tried) {
                version.core.code.drop_gone();
            }
        }
    }
}

/// Goes round as long as the host lives.
pub(super) async fn sweep(host: Arc<Host>, _pulse: Pulse) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        host.sessions.sweep(Instant::now());
        host.rates.sweep();
        host.long_tasks.sweep().await;
        if let Some(audit) = &host.audit {
            audit.sweep();
        }
    }
}
