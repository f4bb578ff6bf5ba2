//! One look at memory and processors together.
//!
//! It owns no rule: what the figures mean is for the parent to say.

use std::path::Path;
use std::time::Instant;

use super::cpu::Cpu;
use super::memory::Memory;

/// The machine, or the control group that this process runs in.
#[derive(Debug)]
pub struct Machine {
    memory: Memory,
    cpu: Cpu,
}

/// What was seen. A system that says nothing of a figure leaves it at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// of the memory in use
    pub memory_percent: u32,
    /// bytes there are
    pub memory_limit: u64,
    /// of the processors' time in use since the last look
    pub cpu_percent: u32,
    /// thousandths of a processor there are
    pub cpu_millicores: u64,
}

impl Machine {
    /// Finds out where to look. `root` is `/`.
    pub fn find(root: &Path) -> Self {
        Self {
            memory: Memory::find(root),
            cpu: Cpu::find(root),
        }
    }

    /// Looks.
    pub fn look(&mut self, now: Instant) -> Figures {
        let memory = self.memory.look().unwrap_or_default();
        let cpu = self.cpu.look(now).unwrap_or_default();
        Figures {
            memory_percent: memory.percent(),
            memory_limit: memory.limit,
            cpu_percent: cpu.percent,
            cpu_millicores: cpu.millicores,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! Files as real machines have them, in a folder that stands for `/`.

    use std::fs;

    use tempfile::TempDir;

    use super::*;

    pub(in crate::backpressure) struct Sample(TempDir);

    impl Sample {
        fn machine() -> Self {
            let sample = Self(tempfile::tempdir().unwrap());
            sample.write(
                "proc/meminfo",
                "MemTotal:       24684092 kB\nMemFree:        21639748 kB\nMemAvailable:   23528684 kB\n",
            );
            sample.write(
                "proc/self/status",
                "Name:\tfusebox\nCpus_allowed_list:\t0-1\n",
            );
            sample.write(
                "proc/stat",
                "cpu  84273 2948 8123 16745 168 0 46 50 0 0\n\
                 cpu0 41968 1457 3938 8743 47 0 6 21 0 0\n\
                 cpu1 42305 1491 4184 8002 121 0 40 29 0 0\nintr 5\n",
            );
            sample
        }

        pub(in crate::backpressure) fn version_1() -> Self {
            let sample = Self::machine();
            sample.write(
                "proc/self/cgroup",
                "8:pids:/\n4:memory:/box\n2:cpuacct:/box\n1:cpu:/box\n0::/\n",
            );
            sample.write(
                "proc/self/mountinfo",
                "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                 33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n\
                 35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                 41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
            );
            let memory = "sys/fs/cgroup/memory/box";
            sample.write(
                &format!("{memory}/memory.limit_in_bytes"),
                "9223372036854771712\n",
            );
            sample.write(&format!("{memory}/memory.usage_in_bytes"), "5017600\n");
            sample.write(
                &format!("{memory}/memory.stat"),
                "cache 1122304\nrss 2023424\ninactive_file 1\ntotal_cache 1122304\n\
                 total_inactive_file 438272\ntotal_active_file 684032\n",
            );
            sample.write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
            sample.write("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
            sample.write("sys/fs/cgroup/cpuacct/box/cpuacct.usage", "1000000000\n");
            sample
        }

        pub(in crate::backpressure) fn version_2() -> Self {
            let sample = Self::machine();
            sample.write("proc/self/cgroup", "0::/box/inner\n");
            sample.write(
                "proc/self/mountinfo",
                "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
            );
            let group = "sys/fs/cgroup/box";
            sample.write(&format!("{group}/memory.max"), "max\n");
            sample.write(&format!("{group}/memory.current"), "6291456\n");
            sample.write(
                &format!("{group}/memory.stat"),
                "anon 2000000\nfile 3145728\ninactive_file 1048576\nactive_file 2097152\n\
                 slab_reclaimable 524288\n",
            );
            sample.write(&format!("{group}/cpu.max"), "max 100000\n");
            sample.write(&format!("{group}/cpu.stat"), "usage_usec 1000000\n");
            sample
        }

        pub(in crate::backpressure) fn root(&self) -> &Path {
            self.0.path()
        }

        pub(in crate::backpressure) fn write(&self, path: &str, text: &str) {
            let path = self.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn this_machine_has_memory_and_processors() {
        let mut machine = Machine::find("/".as_ref());
        let start = Instant::now();
        machine.look(start);
        let seen = machine.look(start + std::time::Duration::from_secs(1));
        assert!(seen.memory_limit > 1 << 20, "{seen:?}");
        assert!((1..=100).contains(&seen.memory_percent), "{seen:?}");
        assert!(seen.cpu_millicores > 0, "{seen:?}");
    }

    #[test]
    fn a_system_that_says_nothing_gives_zeros() {
        let empty = tempfile::tempdir().unwrap();
        let mut machine = Machine::find(empty.path());
        assert_eq!(machine.look(Instant::now()), Figures::default());
    }
}
