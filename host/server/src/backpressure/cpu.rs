//! How much of the processors' time is in use: of the control group's quota, if it
//! has one, else of the processors that this process may run on.
//!
//! It owns the two readings between which the share is taken.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::cgroup::{self, Groups, Version, number, sum_of};

/// Where to look, and what was seen last.
#[derive(Debug)]
pub(super) struct Cpu {
    stat: PathBuf,
    status: PathBuf,
    quota: Option<Groups>,
    /// in version 1 another controller counts than limits
    usage: Option<Groups>,
    before: Option<(Instant, Reading)>,
}

/// Time spent, and the time there was if that is counted too.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    /// of a group: nanoseconds spent, and how many processors' time it may have
    Group { spent_nanos: u64, cores: f64 },
    /// of processors: ticks
    Machine { busy: u64, total: u64, cores: usize },
}

/// A share of the time there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Busy {
    pub(super) percent: u32,
    pub(super) millicores: u64,
}

impl Cpu {
    pub(super) fn find(root: &Path) -> Self {
        let quota = cgroup::find(root, "cpu");
        let usage = match quota.as_ref().map(|groups| groups.version) {
            Some(Version::One) => cgroup::find(root, "cpuacct"),
            _ => cgroup::find(root, "cpu"),
        };
        Self {
            stat: root.join("proc/stat"),
            status: root.join("proc/self/status"),
            quota,
            usage,
            before: None,
        }
    }

    /// The share since the last look; nothing at the first.
    pub(super) fn look(&mut self, now: Instant) -> Option<Busy> {
        let reading = self.read()?;
        let (then, before) = self.before.replace((now, reading))?;
        match (before, reading) {
            (
                Reading::Group {
                    spent_nanos: from, ..
                },
                Reading::Group { spent_nanos, cores },
            ) => {
                let had = now.saturating_duration_since(then).as_nanos() as f64 * cores;
                let spent = spent_nanos.saturating_sub(from) as f64;
                Some(Busy {
                    percent: percent(spent, had),
                    millicores: (cores * 1000.0).round() as u64,
                })
            }
            (
                Reading::Machine {
                    busy: from,
                    total: of,
                    ..
                },
                Reading::Machine { busy, total, cores },
            ) => Some(Busy {
                percent: percent(
                    busy.saturating_sub(from) as f64,
                    total.saturating_sub(of) as f64,
                ),
                millicores: cores as u64 * 1000,
            }),
            // The quota came or went meanwhile.
            _ => None,
        }
    }

    fn read(&self) -> Option<Reading> {
        let status = fs::read_to_string(&self.status).ok()?;
        let allowed = allowed(&status)?;
        if let Some((place, cores)) = self
            .quota()
            .filter(|(_, cores)| *cores < allowed.len() as f64)
            && let Some(spent_nanos) = self.spent(place)
        {
            return Some(Reading::Group { spent_nanos, cores });
        }
        let (busy, total) = machine(&fs::read_to_string(&self.stat).ok()?, &allowed);
        Some(Reading::Machine {
            busy,
            total,
            cores: allowed.len(),
        })
    }

    /// The smallest quota around this process, and how far out it is.
    fn quota(&self) -> Option<(usize, f64)> {
        let groups = self.quota.as_ref()?;
        let quotas = groups.folders.iter().enumerate();
        quotas
            .filter_map(|(place, folder)| Some((place, quota(groups.version, folder)?)))
            .min_by(|(_, left), (_, right)| left.total_cmp(right))
    }

    fn spent(&self, place: usize) -> Option<u64> {
        let groups = self.usage.as_ref()?;
        let folder = groups.folders.get(place)?;
        match groups.version {
            Version::One => number(&folder.join("cpuacct.usage")),
            Version::Two => {
                let stat = fs::read_to_string(folder.join("cpu.stat")).ok()?;
                Some(sum_of(&stat, &["usage_usec"]) * 1000)
            }
        }
    }
}

fn percent(part: f64, whole: f64) -> u32 {
    if whole <= 0.0 {
        return 0;
    }
    (part * 100.0 / whole).round().clamp(0.0, 1000.0) as u32
}

/// Processors whose time a group may have at once.
fn quota(version: Version, folder: &Path) -> Option<f64> {
    let (quota, period) = match version {
        Version::One => (
            number(&folder.join("cpu.cfs_quota_us"))?,
            number(&folder.join("cpu.cfs_period_us"))?,
        ),
        Version::Two => {
            let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.parse().ok()?, period.parse().ok()?)
        }
    };
    (period > 0).then(|| quota as f64 / period as f64)
}

/// The processors that this process may run on: `0-3,8` in `/proc/self/status`.
fn allowed(status: &str) -> Option<Vec<usize>> {
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut processors = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        processors.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(processors)
}

/// Ticks that these processors were busy, and all of theirs. What another machine
/// took (steal) is time that this one doesn't have.
fn machine(stat: &str, processors: &[usize]) -> (u64, u64) {
    let mut sums = (0, 0);
    for line in stat.lines() {
        let Some((name, ticks)) = line.split_once(' ') else {
            continue;
        };
        let number = name.strip_prefix("cpu").and_then(|text| text.parse().ok());
        if !number.is_some_and(|number| processors.contains(&number)) {
            continue;
        }
        // user nice system idle iowait irq softirq steal; guests are in user.
        let ticks: Vec<u64> = ticks
            .split_ascii_whitespace()
            .take(8)
            .filter_map(|text| text.parse().ok())
            .collect();
        let total: u64 = ticks.iter().sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        sums = (sums.0 + total - idle, sums.1 + total);
    }
    sums
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::machine::tests::Sample;
    use super::*;

    fn busy(sample: &Sample, later: impl FnOnce()) -> Option<Busy> {
        let mut cpu = Cpu::find(sample.root());
        let start = Instant::now();
        assert_eq!(cpu.look(start), None, "one look is none");
        later();
        cpu.look(start + Duration::from_secs(1))
    }

    #[test]
    fn without_a_quota_it_is_the_processors_that_it_may_run_on() {
        for sample in [Sample::version_1(), Sample::version_2()] {
            let seen = busy(&sample, || {
                sample.write(
                    "proc/stat",
                    "cpu  84373 2948 8123 16845 168 0 46 50 0 0\n\
                     cpu0 42058 1457 3938 8753 47 0 6 21 0 0\n\
                     cpu1 42315 1491 4184 8082 121 0 40 39 0 0\n",
                );
            });
            // cpu0: 90 busy, 10 idle. cpu1: 10 user, 10 steal, 80 idle.
            let expected = Busy {
                percent: 55,
                millicores: 2000,
            };
            assert_eq!(seen, Some(expected));
        }
        let pinned = Sample::version_2();
        pinned.write("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0\n");
        let seen = busy(&pinned, || {
            pinned.write(
                "proc/stat",
                "cpu0 42058 1457 3938 8753 47 0 6 21 0 0\ncpu1 99999 1491 4184 8082 121 0 40 39 0 0\n",
            );
        });
        assert_eq!(seen.map(|seen| seen.percent), Some(90));
    }

    #[test]
    fn a_quota_below_the_processors_is_what_there_is() {
        let sample = Sample::version_2();
        sample.write("sys/fs/cgroup/box/cpu.max", "50000 100000\n");
        let seen = busy(&sample, || {
            // 400 ms more, of the 500 that half a processor has in a second.
            sample.write(
                "sys/fs/cgroup/box/cpu.stat",
                "usage_usec 1400000\nuser_usec 1\n",
            );
        });
        let expected = Busy {
            percent: 80,
            millicores: 500,
        };
        assert_eq!(seen, Some(expected));

        let sample = Sample::version_1();
        sample.write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "150000\n");
        let seen = busy(&sample, || {
            sample.write("sys/fs/cgroup/cpuacct/box/cpuacct.usage", "1750000000\n");
        });
        let expected = Busy {
            percent: 50,
            millicores: 1500,
        };
        assert_eq!(seen, Some(expected));
    }

    #[test]
    fn processors_are_lists_of_ranges() {
        assert_eq!(
            allowed("Cpus_allowed_list:\t0-2,8\n"),
            Some(vec![0, 1, 2, 8])
        );
        assert_eq!(allowed("nothing"), None);
    }
}
