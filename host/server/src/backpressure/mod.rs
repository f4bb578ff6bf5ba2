//! Backpressure: what is known of the machine's memory and processors, and
//! whether new calls are refused for it.
//!
//! It owns the rule, with its hysteresis. It never takes a sample by itself, and
//! costs a call one load.

mod cgroup;
mod cpu;
mod machine;
mod memory;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

pub use machine::{Figures, Machine};

use crate::config::Backpressure;

/// Points by which memory must fall before calls are taken again.
const MEMORY_RELEASE_POINTS: u32 = 5;

/// Of so many calls, some are refused while the processors don't keep up.
const WHOLE: u32 = 256;

/// By how much that share grows with each sample under pressure. A host that
/// refused everything at once would stand idle until the next sample.
const SHED_STEP: u32 = WHOLE / 8;

/// And by how much it falls with each sample without.
const SHED_BACK: u32 = WHOLE / 16;

/// Some calls always pass, so that it is seen when the pressure ends.
const SHED_MAX: u32 = WHOLE / 10 * 9;

/// In [`Pressure::signal`]: memory is short. Below it stands the share of calls
/// that are refused for the processors.
const MEMORY: u32 = 1 << 31;

/// What is known, and what follows from it.
#[derive(Debug)]
pub struct Pressure {
    settings: ArcSwap<Backpressure>,
    /// 0: nothing is refused
    signal: AtomicU32,
    turn: AtomicU32,
    memory_percent: AtomicU32,
    memory_limit: AtomicU64,
    cpu_percent: AtomicU32,
    cpu_millicores: AtomicU64,
    lag_micros: AtomicU64,
}

/// What refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// memory is short
    Memory {
        /// of it in use
        percent: u32,
        /// from which calls are refused
        threshold: u32,
        /// when to look again
        retry_after: Duration,
    },
    /// the processors are busy and work waits
    Cpu {
        /// of their time in use
        percent: u32,
        /// from which calls are refused
        threshold: u32,
        /// when to look again
        retry_after: Duration,
    },
}

/// One look at the machine and the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// of the machine
    pub figures: Figures,
    /// how late the host's tasks are
    pub lag: Duration,
    /// calls that wait for a place in the host
    pub waiting: usize,
}

/// What `/health` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PressureView {
    /// of the memory in use
    pub memory_percent: u32,
    /// bytes there are
    pub memory_limit: u64,
    /// of the processors' time in use
    pub cpu_percent: u32,
    /// thousandths of a processor there are
    pub cpu_millicores: u64,
    /// how late tasks are
    pub lag: Duration,
    /// percent of new calls that are refused now
    pub refusing_percent: u32,
}

impl Pressure {
    /// Nothing is known yet.
    pub fn new(settings: Backpressure) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            signal: AtomicU32::new(0),
            turn: AtomicU32::new(0),
            memory_percent: AtomicU32::new(0),
            memory_limit: AtomicU64::new(0),
            cpu_percent: AtomicU32::new(0),
            cpu_millicores: AtomicU64::new(0),
            lag_micros: AtomicU64::new(0),
        }
    }

    /// Puts other settings in force, from the next sample on.
    pub fn set(&self, settings: Backpressure) {
        let refuses = settings.enabled;
        self.settings.store(settings.into());
        if !refuses {
            self.signal.store(0, Ordering::Relaxed);
        }
    }

    /// Whether a new call is refused, and by what.
    #[inline]
    pub fn refuses(&self) -> Option<Pressed> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => self.refuses_by(signal),
        }
    }

    #[cold]
    fn refuses_by(&self, signal: u32) -> Option<Pressed> {
        let settings = self.settings.load();
        let interval = settings.sample_interval;
        if signal & MEMORY != 0 {
            return Some(Pressed::Memory {
                percent: self.memory_percent.load(Ordering::Relaxed),
                threshold: settings.memory_threshold,
                retry_after: (interval * 2).max(Duration::from_secs(1)),
            });
        }
        // Every n-th call, spread evenly: the fractional part of turn * share
        // passes a whole number on the calls that are refused.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % WHOLE;
        let refused = (turn + 1) * signal / WHOLE > turn * signal / WHOLE;
        refused.then(|| Pressed::Cpu {
            percent: self.cpu_percent.load(Ordering::Relaxed),
            threshold: settings.cpu_threshold,
            retry_after: interval,
        })
    }

    /// Takes in what was seen.
    pub fn take(&self, sample: Sample) {
        let figures = sample.figures;
        self.memory_percent
            .store(figures.memory_percent, Ordering::Relaxed);
        self.memory_limit
            .store(figures.memory_limit, Ordering::Relaxed);
        self.cpu_percent
            .store(figures.cpu_percent, Ordering::Relaxed);
        self.cpu_millicores
            .store(figures.cpu_millicores, Ordering::Relaxed);
        let lag = u64::try_from(sample.lag.as_micros()).unwrap_or(u64::MAX);
        self.lag_micros.store(lag, Ordering::Relaxed);
        let settings = self.settings.load();
        if settings.enabled {
            let before = self.signal.load(Ordering::Relaxed);
            self.signal
                .store(assess(&settings, before, sample), Ordering::Relaxed);
        }
    }

    /// The figures, for `/health`.
    pub fn view(&self) -> PressureView {
        let signal = self.signal.load(Ordering::Relaxed);
        PressureView {
            memory_percent: self.memory_percent.load(Ordering::Relaxed),
            memory_limit: self.memory_limit.load(Ordering::Relaxed),
            cpu_percent: self.cpu_percent.load(Ordering::Relaxed),
            cpu_millicores: self.cpu_millicores.load(Ordering::Relaxed),
            lag: Duration::from_micros(self.lag_micros.load(Ordering::Relaxed)),
            refusing_percent: match signal & MEMORY {
                0 => signal * 100 / WHOLE,
                _ => 100,
            },
        }
    }
}

/// The signal that follows from a sample.
fn assess(settings: &Backpressure, before: u32, sample: Sample) -> u32 {
    let figures = sample.figures;
    let full = match before & MEMORY {
        0 => settings.memory_threshold,
        _ => settings
            .memory_threshold
            .saturating_sub(MEMORY_RELEASE_POINTS),
    };
    let memory = if figures.memory_percent >= full {
        MEMORY
    } else {
        0
    };
    let busy = figures.cpu_percent >= settings.cpu_threshold;
    let behind = sample.waiting > 0 || sample.lag >= settings.lag_threshold;
    let shed = before & !MEMORY;
    let shed = match busy && behind {
        true => (shed + SHED_STEP).min(SHED_MAX),
        false => shed.saturating_sub(SHED_BACK),
    };
    memory | shed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn pressure() -> Pressure {
        Pressure::new(Config::default().backpressure)
    }

    fn sample(memory: u32, cpu: u32, lag_ms: u64, waiting: usize) -> Sample {
        Sample {
            figures: Figures {
                memory_percent: memory,
                cpu_percent: cpu,
                ..Figures::default()
            },
            lag: Duration::from_millis(lag_ms),
            waiting,
        }
    }

    fn refused(pressure: &Pressure, of: usize) -> usize {
        (0..of).filter(|_| pressure.refuses().is_some()).count()
    }

    #[test]
    fn memory_refuses_everything_until_it_has_fallen_by_some_points() {
        let pressure = pressure();
        for (percent, expected) in [(89, 0), (90, 9), (88, 9), (85, 9), (84, 0), (89, 0)] {
            pressure.take(sample(percent, 0, 0, 0));
            assert_eq!(refused(&pressure, 9), expected, "{percent} %");
        }
        pressure.take(sample(93, 0, 0, 0));
        assert_eq!(
            pressure.refuses(),
            Some(Pressed::Memory {
                percent: 93,
                threshold: 90,
                retry_after: Duration::from_secs(1)
            })
        );
    }

    #[test]
    fn a_busy_host_that_keeps_up_refuses_nothing() {
        let pressure = pressure();
        for _ in 0..100 {
            pressure.take(sample(50, 100, 99, 0));
            assert_eq!(refused(&pressure, 256), 0);
        }
        // Nor one that is late for another reason.
        pressure.take(sample(50, 94, 5000, 7));
        assert_eq!(refused(&pressure, 256), 0);
    }

    #[test]
    fn one_that_does_not_keep_up_refuses_more_and_more_and_never_all() {
        for behind in [sample(50, 95, 100, 0), sample(50, 95, 0, 1)] {
            let pressure = pressure();
            let mut shares = Vec::new();
            for _ in 0..12 {
                pressure.take(behind);
                shares.push(refused(&pressure, 256));
            }
            assert_eq!(shares[..3], [32, 64, 96]);
            assert_eq!(shares[11], SHED_MAX as usize);
            pressure.take(sample(50, 95, 0, 0));
            assert_eq!(refused(&pressure, 256), SHED_MAX as usize - 16);
            for _ in 0..15 {
                pressure.take(sample(50, 10, 0, 0));
            }
            assert_eq!(refused(&pressure, 256), 0);
        }
    }

    #[test]
    fn what_is_refused_is_spread_evenly() {
        let pressure = pressure();
        pressure.take(sample(0, 100, 100, 0));
        for eight in 0..32 {
            assert_eq!(refused(&pressure, 8), 1, "{eight}");
        }
    }

    #[test]
    fn it_can_be_switched_off() {
        let mut settings = Config::default().backpressure;
        settings.enabled = false;
        let pressure = Pressure::new(settings);
        pressure.take(sample(100, 100, 5000, 100));
        assert_eq!(refused(&pressure, 256), 0);
        assert_eq!(pressure.view().memory_percent, 100);
    }

    #[test]
    fn other_thresholds_hold_from_the_next_sample_on() {
        let pressure = pressure();
        let mut settings = Config::default().backpressure;
        settings.memory_threshold = 50;
        pressure.set(settings);
        assert_eq!(refused(&pressure, 9), 0);
        pressure.take(sample(60, 0, 0, 0));
        assert_eq!(refused(&pressure, 9), 9);
        settings.enabled = false;
        pressure.set(settings);
        assert_eq!(refused(&pressure, 9), 0, "at once");
    }
}
