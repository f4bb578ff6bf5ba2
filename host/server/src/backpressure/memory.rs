//! How much of the memory is in use: of the control group that is fullest, if one
//! has less than the machine, else of the machine.
//!
//! It owns what counts as used: not what the system can drop at once.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::{self, Groups, Version, number, sum_of};

/// Where to look.
#[derive(Debug)]
pub(super) struct Memory {
    meminfo: PathBuf,
    groups: Option<Groups>,
}

/// Bytes in use, and bytes there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) used: u64,
    pub(super) limit: u64,
}

impl Used {
    pub(super) fn percent(self) -> u32 {
        let percent = (u128::from(self.used) * 100).checked_div(self.limit.into());
        u32::try_from(percent.unwrap_or(0)).unwrap_or(u32::MAX)
    }
}

impl Memory {
    pub(super) fn find(root: &Path) -> Self {
        Self {
            meminfo: root.join("proc/meminfo"),
            groups: cgroup::find(root, "memory"),
        }
    }

    /// None if the system says nothing of it.
    pub(super) fn look(&self) -> Option<Used> {
        let machine = machine(&fs::read_to_string(&self.meminfo).ok()?)?;
        let groups = self.groups.iter();
        let limited = groups
            .flat_map(|groups| groups.folders.iter().map(|folder| (groups.version, folder)))
            .filter_map(|(version, folder)| group(version, folder))
            .filter(|group| group.limit < machine.limit);
        Some(
            limited
                .max_by_key(|group| group.percent())
                .unwrap_or(machine),
        )
    }
}

/// Of `/proc/meminfo`, in KiB there.
fn machine(text: &str) -> Option<Used> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kib << 10)
    };
    let limit = field("MemTotal:")?;
    Some(Used {
        used: limit.saturating_sub(field("MemAvailable:")?),
        limit,
    })
}

fn group(version: Version, folder: &Path) -> Option<Used> {
    let (limit, usage, droppable): (_, _, &[&str]) = match version {
        Version::One => (
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            &["total_inactive_file", "total_active_file"],
        ),
        Version::Two => (
            "memory.max",
            "memory.current",
            &["inactive_file", "active_file", "slab_reclaimable"],
        ),
    };
    let limit = number(&folder.join(limit))?;
    let usage = number(&folder.join(usage))?;
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    Some(Used {
        used: usage.saturating_sub(sum_of(&stat, droppable)),
        limit,
    })
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::Sample;
    use super::*;

    const MIB: u64 = 1 << 20;

    fn check(sample: &Sample, used: u64, limit: u64, percent: u32) {
        let seen = Memory::find(sample.root()).look().unwrap();
        assert_eq!((seen, seen.percent()), (Used { used, limit }, percent));
    }

    #[test]
    fn without_a_smaller_group_it_is_the_machine() {
        // 24684092 KiB there, 23528684 available.
        let (used, limit) = (1_155_408 << 10, 24_684_092 << 10);
        check(&Sample::version_1(), used, limit, 4);
        check(&Sample::version_2(), used, limit, 4);
    }

    #[test]
    fn a_group_with_a_limit_counts_without_what_can_be_dropped() {
        let sample = Sample::version_1();
        sample.write(
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes",
            "104857600\n",
        );
        // 5017600 in use, 438272 + 684032 of it files.
        check(&sample, 3_895_296, 100 * MIB, 3);

        let sample = Sample::version_2();
        sample.write("sys/fs/cgroup/box/memory.max", "8388608\n");
        // 6291456 in use, 1048576 + 2097152 + 524288 of it droppable.
        check(&sample, 2_621_440, 8 * MIB, 31);
    }

    #[test]
    fn of_several_groups_the_fullest_counts() {
        let sample = Sample::version_2();
        sample.write("sys/fs/cgroup/box/memory.max", "1073741824\n");
        sample.write("sys/fs/cgroup/box/inner/memory.max", "max\n");
        sample.write("sys/fs/cgroup/memory.max", "2147483648\n");
        sample.write("sys/fs/cgroup/memory.current", "2000000000\n");
        sample.write("sys/fs/cgroup/memory.stat", "inactive_file 0\n");
        check(&sample, 2_000_000_000, 2_147_483_648, 93);
    }
}
