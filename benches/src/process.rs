//! What the kernel says about a process: its CPU time and its memory; and on
//! which processor this one runs.
//!
//! It owns the reading of `/proc`. It never starts or ends a process.

use std::time::Duration;

use serde::Serialize;

use crate::load::LoadError;

/// Ticks of the clock in which `/proc` counts CPU time; Linux shows every user
/// program the same, whatever its own are.
const TICKS_PER_SECOND: u64 = 100;

/// Memory of a process in KiB.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    /// its share of what it maps (PSS)
    pub pss_kib: u64,
    /// all that it maps and that is in memory (RSS)
    pub rss_kib: u64,
}

/// A process that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pid: u32,
}

impl Server {
    /// The process with this number.
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// User and system time so far, of all its threads.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn cpu(&self) -> Result<Duration, LoadError> {
        let text = self.read("stat")?;
        cpu_of(&text).ok_or_else(|| self.odd("stat"))
    }

    /// Its memory now.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn memory(&self) -> Result<Memory, LoadError> {
        let rollup = self.read("smaps_rollup")?;
        Ok(Memory {
            pss_kib: field(&rollup, "Pss:").ok_or_else(|| self.odd("smaps_rollup"))?,
            rss_kib: field(&rollup, "Rss:").ok_or_else(|| self.odd("smaps_rollup"))?,
        })
    }

    fn read(&self, name: &str) -> Result<String, LoadError> {
        let path = format!("/proc/{}/{name}", self.pid);
        std::fs::read_to_string(&path).map_err(|source| LoadError::Io { what: path, source })
    }

    fn odd(&self, name: &str) -> LoadError {
        LoadError::Malformed(format!("/proc/{}/{name}", self.pid))
    }
}

/// CPU time of this process so far.
pub fn own_cpu() -> Option<Duration> {
    cpu_of(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// User and system time: the 14th and 15th field. The second one, the name in
/// parentheses, may have anything in it.
fn cpu_of(stat: &str) -> Option<Duration> {
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        (user + system) * 1000 / TICKS_PER_SECOND,
    ))
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Keeps this process, and the threads that it starts from now on, on one
/// processor.
///
/// # Errors
/// If there is no such processor.
pub fn pin(core: usize) -> Result<(), LoadError> {
    if core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        Ok(())
    } else {
        Err(LoadError::Settings(format!("there is no processor {core}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_found() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_of("nothing"), None);
        let rollup = "00400000-7fff [rollup]\nRss:    2000 kB\nPss:   1234 kB\n";
        assert_eq!(field(rollup, "Pss:"), Some(1234));
        assert_eq!(field(rollup, "Swap:"), None);
    }

    #[test]
    fn this_process_has_figures() {
        let own = Server::new(std::process::id());
        let memory = own.memory().expect("memory");
        assert!(memory.rss_kib > 0 && memory.pss_kib <= memory.rss_kib);
        assert!(own.cpu().is_ok() && own_cpu().is_some());
        assert!(Server::new(u32::MAX).cpu().is_err());
    }
}
