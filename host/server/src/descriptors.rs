//! Open files: how many the system allows this process, and how many connections
//! that is enough for.
//!
//! It owns the check at the start. It never opens a file.

use rlimit::Resource;

/// Files for other things than connections: listeners, plugins that are read, the
/// compiler's cache, the store of tasks, the log, and connections that are being
/// refused.
const RESERVE: u64 = 128;

/// What the system allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// open files of this process
    pub limit: u64,
    /// connections that they are enough for, at most those that are wanted
    pub connections_max: usize,
}

impl Descriptors {
    /// Raises this process's limit as far as `connections` need and the system
    /// lets it, and says in the log what to raise if that is not enough.
    pub fn prepare(connections: usize) -> Self {
        let wanted = connections as u64 + RESERVE;
        let limit = raise(wanted).unwrap_or(wanted);
        let checked = Self::within(limit, connections);
        if checked.connections_max < connections {
            tracing::warn!(
                open_files = limit,
                max_connections = connections,
                taken = checked.connections_max,
                "the system allows too few open files for `max_connections`: raise them to \
                 {wanted} (`ulimit -n {wanted}`, or `LimitNOFILE={wanted}` in a unit of systemd)"
            );
        }
        checked
    }

    fn within(limit: u64, connections: usize) -> Self {
        // Where even the reserve isn't there, half of it is better than nothing.
        let left = limit.saturating_sub(RESERVE).max(limit / 2).max(1);
        Self {
            limit,
            connections_max: connections.min(usize::try_from(left).unwrap_or(usize::MAX)),
        }
    }
}

/// The soft limit, raised to what is wanted if the hard one allows that. None if
/// the system doesn't say.
fn raise(wanted: u64) -> Option<u64> {
    let (soft, hard) = Resource::NOFILE.get().ok()?;
    if soft >= wanted {
        return Some(soft);
    }
    let raised = wanted.min(hard);
    match Resource::NOFILE.set(raised, hard) {
        Ok(()) => Some(raised),
        Err(_) => Some(soft),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_the_reserve_leaves() {
        let check = |limit, wanted, expected| {
            let checked = Descriptors::within(limit, wanted);
            assert_eq!(checked.connections_max, expected, "{limit}");
        };
        check(20_000, 15_000, 15_000);
        check(15_128, 15_000, 15_000);
        check(15_127, 15_000, 14_999);
        check(1024, 15_000, 896);
        check(100, 15_000, 50);
        check(1, 15_000, 1);
    }
}
