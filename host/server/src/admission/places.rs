//! The places of one plugin: the gate with its line, and how long its calls take.
//!
//! It owns what admission has to know of a plugin. It never knows the plugin.

use std::time::Duration;

use super::gate::{Entered, Gate};
use super::pace::Pace;
use super::refused::Refused;
use crate::config::{Limit, PluginSettings};

/// Of one version of a plugin.
#[derive(Debug)]
pub struct Places {
    pub(super) gate: Gate,
    pace: Pace,
    /// how many calls may wait
    pub(super) queue_max: usize,
    /// the key that raises it
    key: String,
}

impl Places {
    /// As many places, and as long a line, as these settings say.
    pub fn new(settings: &PluginSettings) -> Self {
        Self {
            gate: Gate::new(settings.limits.concurrent_calls_max),
            pace: Pace::default(),
            queue_max: settings.limits.queue_max,
            key: settings.key_of(Limit::Queue),
        }
    }

    /// Takes in how long a call took.
    pub fn observe(&self, took: Duration) {
        self.pace.observe(took);
    }

    /// Calls in the line.
    pub fn waiting(&self) -> usize {
        self.gate.waiting()
    }

    pub(super) fn try_enter(&self) -> Option<Entered<'_>> {
        self.gate.try_enter()
    }

    pub(super) fn pace(&self) -> Option<Duration> {
        self.pace.mean()
    }

    pub(super) fn full(&self, retry_after: Duration) -> Refused {
        Refused::PluginFull {
            limit: self.queue_max,
            key: self.key.clone(),
            retry_after,
        }
    }
}
