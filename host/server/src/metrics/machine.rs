//! The process and the machine: memory, processors, open files.
//!
//! It owns how the process is read. It keeps nothing from one look to the next.

use std::fs;
use std::path::Path;

use super::family::Families;
use crate::host::Host;

/// Of times in `/proc/self/stat`, on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one of a hundred is.
const PERCENT: f64 = 100.0;

pub(super) fn write(families: &mut Families, host: &Host) {
    let seen = host.admission.pressure.view();
    if let Some(memory) = memory_stats::memory_stats() {
        families.value(
            "fusebox_memory_resident_bytes",
            "Resident memory of the process.",
            memory.physical_mem as f64,
        );
    }
    families.value(
        "fusebox_memory_limit_bytes",
        "Memory that there is: of the machine, or of the control group that has less.",
        seen.memory_limit as f64,
    );
    families.value(
        "fusebox_memory_used_ratio",
        "How much of that memory is in use, by whatever process; 1 is all of it.",
        f64::from(seen.memory_percent) / PERCENT,
    );
    if let Some(seconds) = cpu_seconds() {
        let help = "Time that processors have spent on the process.";
        let mut counter = families.counter("fusebox_cpu_seconds_total", help);
        counter.set([], seconds);
    }
    families.value(
        "fusebox_cpu_used_ratio",
        "How much of the processors' time is in use, by whatever process; 1 is all of it.",
        f64::from(seen.cpu_percent) / PERCENT,
    );
    families.value(
        "fusebox_cpu_cores",
        "Processors that there are: of the machine, or of the control group that has less.",
        seen.cpu_millicores as f64 / 1000.0,
    );
    families.value(
        "fusebox_task_lag_seconds",
        "How late the host's own tasks are. There is no garbage collector; this is what stalls for another reason.",
        seen.lag.as_secs_f64(),
    );
    families.value(
        "fusebox_pressure_refusing_ratio",
        "How much of all new calls is refused because the machine has little left; 1 is all of them.",
        f64::from(seen.refusing_percent) / PERCENT,
    );
    if let Some(open) = open_files() {
        families.value("fusebox_open_files", "Open files of the process.", open);
    }
    families.value(
        "fusebox_open_files_limit",
        "Open files that the system allows the process.",
        host.descriptors.limit as f64,
    );
}

/// How many files are open; none where the system doesn't say.
fn open_files() -> Option<f64> {
    let folder = Path::new("/proc/self/fd");
    // Since Linux 6.2 the folder's size says it, however many there are.
    match fs::metadata(folder).ok()?.len() {
        0 => Some(fs::read_dir(folder).ok()?.count() as f64),
        open => Some(open as f64),
    }
}

/// Processors' time, of the user's and the system's; none where the system doesn't say.
fn cpu_seconds() -> Option<f64> {
    seconds_in(&fs::read_to_string("/proc/self/stat").ok()?)
}

fn seconds_in(stat: &str) -> Option<f64> {
    // The name before it may hold anything.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut spent = after_name.split(' ').skip(11).map(str::parse::<u64>);
    let (user, system) = (spent.next()?.ok()?, spent.next()?.ok()?);
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_whatever_the_name_is() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 9 0 0 0 150 25 0 0 20 0 1 0 5 0 0";
        assert_eq!(seconds_in(stat), Some(1.75));
        assert_eq!(seconds_in("7 (a) S 1"), None);
        assert_eq!(seconds_in(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_more_open_file_is_one_more() {
        let before = open_files().unwrap();
        let held: Vec<_> = (0..64).map(|_| fs::File::open("/").unwrap()).collect();
        assert!(open_files().unwrap() >= before + 32.0, "others close some");
        drop(held);
        assert!(cpu_seconds().is_some());
    }
}
