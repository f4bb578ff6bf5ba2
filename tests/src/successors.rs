//! A host that is replaced by the next one, again and again, without a gap. What it
//! serves is asked of it as of any other.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::host::Host;
use crate::process::signal;
use crate::wait::until;

/// The processes that came after the first one.
#[derive(Debug)]
pub struct Successors {
    /// the first, with the files of all
    pub host: Host,
    last: u32,
}

impl Successors {
    /// None yet.
    pub fn of(host: Host) -> Self {
        let last = host.process();
        Self { host, last }
    }

    /// Has the last one replaced, and waits until it is gone.
    ///
    /// # Panics
    /// If it isn't replaced.
    pub fn replace(&mut self) {
        let before = self.last;
        signal(before, "USR2");
        until("the process before is gone", || {
            is_gone(before).then_some(())
        });
        self.last = process_of(&self.host.health());
        assert_ne!(self.last, before);
    }
}

impl Drop for Successors {
    fn drop(&mut self) {
        if self.last != self.host.process() {
            signal(self.last, "TERM");
            until("the last process is gone", || {
                is_gone(self.last).then_some(())
            });
        }
    }
}

/// The process that says this of itself.
///
/// # Panics
/// If that is no report.
pub fn process_of(health: &Value) -> u32 {
    let process = health["process"].as_u64().expect("a number");
    u32::try_from(process).expect("a process")
}

/// Whether a process has ended; its parent may not have asked for its end yet.
fn is_gone(process: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"));
    stat.map_or(true, |stat| stat.contains(") Z "))
}
