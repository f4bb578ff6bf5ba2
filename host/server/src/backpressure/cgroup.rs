//! Where the control groups of this process are mounted, version 1 or 2.
//!
//! It owns the way from `/proc/self` to folders. It never reads a figure.

use std::fs;
use std::path::{Path, PathBuf};

/// The version of a hierarchy, which decides how its files are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The folders of one controller: this process's own group, and those around it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) version: Version,
    /// the innermost first
    pub(super) folders: Vec<PathBuf>,
}

/// The groups that limit `controller` for this process; none if there are none.
/// `root` is `/`.
pub(super) fn find(root: &Path, controller: &str) -> Option<Groups> {
    let membership = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let (version, path) = group_of(&membership, controller)?;
    let (mount_root, mount_point) = mount_of(&mounts, version, controller)?;
    let top = root.join(mount_point.trim_start_matches('/'));
    // A group outside of what is mounted here is limited by what is.
    let inside = Path::new(path).strip_prefix(mount_root).ok();
    let inside = inside.filter(|path| !path.starts_with(".."));
    let mut folders = Vec::new();
    let mut group = Some(inside.unwrap_or("".as_ref()));
    while let Some(folder) = group {
        folders.push(top.join(folder));
        group = folder.parent();
    }
    Some(Groups { version, folders })
}

/// Lines of `/proc/self/cgroup`: `4:memory:/path`, and `0::/path` for version 2. A
/// controller of version 1 is not one of version 2.
fn group_of<'a>(membership: &'a str, controller: &str) -> Option<(Version, &'a str)> {
    let lines = membership.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        Some((parts.next()?, parts.next()?, parts.next()?))
    });
    let mut two = None;
    for (number, controllers, path) in lines {
        if controllers.split(',').any(|one| one == controller) {
            return Some((Version::One, path));
        }
        if number == "0" && controllers.is_empty() {
            two = Some((Version::Two, path));
        }
    }
    two
}

/// Lines of `/proc/self/mountinfo`:
/// `31 23 0:28 ROOT MOUNT-POINT rw,relatime - cgroup2 cgroup2 rw`.
fn mount_of<'a>(mounts: &'a str, version: Version, controller: &str) -> Option<(&'a str, &'a str)> {
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (file_system, options) = (kind.next()?, kind.nth(1)?);
        let fits = match version {
            Version::One => {
                file_system == "cgroup" && options.split(',').any(|one| one == controller)
            }
            Version::Two => file_system == "cgroup2",
        };
        let mut place = place.split(' ').skip(3);
        fits.then_some((place.next()?, place.next()?))
    })
}

/// A file that holds one number; none if it is not there or says `max`.
pub(super) fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The numbers of these names in a file of lines `name number`.
pub(super) fn sum_of(text: &str, names: &[&str]) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| names.contains(name))
        .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a machine with version 1 has them.
    const ONE: &str = "9:name=systemd:/\n4:memory:/box/inner\n2:cpu,cpuacct:/box\n0::/\n";
    const ONE_MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const TWO_MOUNTS: &str =
        "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    fn groups(membership: &str, mounts: &str, controller: &str) -> Option<Groups> {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("proc/self");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("cgroup"), membership).unwrap();
        fs::write(own.join("mountinfo"), mounts).unwrap();
        let mut found = find(root.path(), controller)?;
        for folder in &mut found.folders {
            *folder = Path::new("/").join(folder.strip_prefix(root.path()).unwrap());
        }
        Some(found)
    }

    fn check(membership: &str, mounts: &str, controller: &str, version: Version, folders: &[&str]) {
        let found = groups(membership, mounts, controller).unwrap();
        assert_eq!(found.version, version);
        let expected: Vec<_> = folders.iter().map(PathBuf::from).collect();
        assert_eq!(found.folders, expected);
    }

    #[test]
    fn each_controller_of_version_1_has_a_place_of_its_own() {
        check(
            ONE,
            ONE_MOUNTS,
            "memory",
            Version::One,
            &[
                "/sys/fs/cgroup/memory/box/inner",
                "/sys/fs/cgroup/memory/box",
                "/sys/fs/cgroup/memory/",
            ],
        );
        check(
            ONE,
            ONE_MOUNTS,
            "cpuacct",
            Version::One,
            &["/sys/fs/cgroup/cpu/box", "/sys/fs/cgroup/cpu/"],
        );
    }

    #[test]
    fn all_controllers_of_version_2_have_one_place() {
        check(
            "0::/system.slice/fusebox.service\n",
            TWO_MOUNTS,
            "memory",
            Version::Two,
            &[
                "/sys/fs/cgroup/system.slice/fusebox.service",
                "/sys/fs/cgroup/system.slice",
                "/sys/fs/cgroup/",
            ],
        );
    }

    #[test]
    fn in_a_container_the_mount_is_the_group() {
        let mounts = "29 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let folders = &["/sys/fs/cgroup/"];
        check("0::/docker/abc\n", mounts, "cpu", Version::Two, folders);
        check(
            "0::/../elsewhere\n",
            TWO_MOUNTS,
            "cpu",
            Version::Two,
            folders,
        );
    }

    #[test]
    fn without_groups_there_are_none() {
        assert_eq!(groups("", ONE_MOUNTS, "memory"), None);
        assert_eq!(groups(ONE, "", "memory"), None);
    }

    #[test]
    fn named_numbers_are_summed() {
        let text = "anon 10\ninactive_file 3\nactive_file 4\nslab_reclaimable x\n";
        assert_eq!(
            sum_of(text, &["inactive_file", "active_file", "slab_reclaimable"]),
            7
        );
    }
}
