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

/// Where the memory of instances is, in KiB (PSS). Known by the shape of a mapping,
/// since the kernel knows nothing of wasm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// in linear memories
    pub linear_kib: u64,
    /// in tables of functions
    pub tables_kib: u64,
    /// on stacks of fibers
    pub stacks_kib: u64,
    /// everywhere else: what is allocated one by one, and the program
    pub others_kib: u64,
}

impl std::ops::Sub for Places {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            linear_kib: self.linear_kib.saturating_sub(before.linear_kib),
            tables_kib: self.tables_kib.saturating_sub(before.tables_kib),
            stacks_kib: self.stacks_kib.saturating_sub(before.stacks_kib),
            others_kib: self.others_kib.saturating_sub(before.others_kib),
        }
    }
}

impl Places {
    /// All of it.
    pub fn kib(&self) -> u64 {
        self.linear_kib + self.tables_kib + self.stacks_kib + self.others_kib
    }
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

    /// What the kernel needs to map its memory, in KiB: in nobody's PSS.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn page_tables_kib(&self) -> Result<u64, LoadError> {
        field(&self.read("status")?, "VmPTE:").ok_or_else(|| self.odd("status"))
    }

    /// Where its memory is now.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn places(&self) -> Result<Places, LoadError> {
        let mappings = Mapping::all(&self.read("smaps")?);
        Ok(places(&mappings.ok_or_else(|| self.odd("smaps"))?))
    }

    fn read(&self, name: &str) -> Result<String, LoadError> {
        let path = format!("/proc/{}/{name}", self.pid);
        std::fs::read_to_string(&path).map_err(|source| LoadError::Io { what: path, source })
    }

    fn odd(&self, name: &str) -> LoadError {
        LoadError::Malformed(format!("/proc/{}/{name}", self.pid))
    }
}

/// A line of `/proc/PID/smaps` with its PSS.
struct Mapping {
    start: u64,
    end: u64,
    accessible: bool,
    /// pages of it are copies of a plugin's initial memory
    image: bool,
    pss_kib: u64,
}

impl Mapping {
    fn all(smaps: &str) -> Option<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        for line in smaps.lines() {
            let (first, rest) = line.split_once(' ')?;
            match first.split_once('-') {
                Some((start, end)) => all.push(Self {
                    start: u64::from_str_radix(start, 16).ok()?,
                    end: u64::from_str_radix(end, 16).ok()?,
                    accessible: rest.starts_with("rw"),
                    image: rest.contains("wasm-memory-image"),
                    pss_kib: 0,
                }),
                None if first == "Pss:" => all.last_mut()?.pss_kib = field(line, first)?,
                None => {}
            }
        }
        Some(all)
    }

    fn len(&self) -> u64 {
        self.end - self.start
    }

    fn touches(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| other.end == self.start || other.start == self.end)
    }
}

fn places(mappings: &[Mapping]) -> Places {
    /// A fiber's stack, ours or wasmtime's own, with a page below that faults.
    const STACKS: [u64; 2] = [1 << 20, 2 << 20];
    const GUARD: u64 = 4096;
    /// All tables of a pool are one mapping, and nothing else is as large.
    const TABLES_MIN: u64 = 1 << 30;
    let mut places = Places::default();
    for (at, mapping) in mappings.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| mappings.get(at));
        let after = mappings.get(at + 1);
        let beside =
            |one: Option<&Mapping>| mapping.touches(one) && one.is_some_and(|one| one.image);
        let is_guard = |one: &Mapping| one.len() == GUARD && !one.accessible;
        let place = match mapping.accessible {
            true if mapping.image || beside(before) || beside(after) => &mut places.linear_kib,
            true if STACKS.contains(&mapping.len()) && before.is_some_and(is_guard) => {
                &mut places.stacks_kib
            }
            true if mapping.len() >= TABLES_MIN => &mut places.tables_kib,
            _ => &mut places.others_kib,
        };
        *place += mapping.pss_kib;
    }
    places
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
    fn mappings_are_known_by_their_shape() {
        let smaps = "\
            10000000-10001000 ---p 00000000 00:00 0\nPss: 0 kB\n\
            10001000-10101000 rw-p 00000000 00:00 0\nSize: 1024 kB\nPss: 8 kB\n\
            20000000-20100000 rw-p 00000000 00:00 0\nPss: 4 kB\n\
            20100000-20105000 rw-p 00000000 00:01 7 /memfd:wasm-memory-image (deleted)\nPss: 2 kB\n\
            20105000-20210000 rw-p 00000000 00:00 0\nPss: 3 kB\nVmFlags: rd wr\n\
            30000000-70000000 rw-p 00000000 00:00 0\nPss: 16 kB\n\
            80000000-80100000 rw-p 00000000 00:00 0 [heap]\nPss: 100 kB\n";
        let found = places(&Mapping::all(smaps).expect("mappings"));
        let expected = Places {
            linear_kib: 9,
            tables_kib: 16,
            stacks_kib: 8,
            others_kib: 100,
        };
        assert_eq!(found, expected);
        assert_eq!((found - expected).kib(), 0);
        assert!(Mapping::all("nothing").is_none());
    }

    #[test]
    fn this_process_has_figures() {
        let own = Server::new(std::process::id());
        let memory = own.memory().expect("memory");
        assert!(memory.rss_kib > 0 && memory.pss_kib <= memory.rss_kib);
        assert!(own.places().expect("places").others_kib > 0);
        assert!(own.page_tables_kib().expect("page tables") > 0);
        assert!(own.cpu().is_ok() && own_cpu().is_some());
        assert!(Server::new(u32::MAX).cpu().is_err());
    }
}
