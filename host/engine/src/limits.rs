//! What one call may use, and how instances are made and shared between calls.
//!
//! It owns the numbers and their defaults; others enforce them.

use std::time::Duration;

/// What one call of one plugin may use. Every limit is always in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Units of work: about one for each wasm instruction.
    pub fuel: u64,
    /// Wall-clock time from entering the engine to the answer.
    pub deadline: Duration,
    /// Bytes of linear memory, all memories of the instance together.
    pub memory_max_bytes: usize,
    /// Elements of all tables of the instance together.
    pub table_elements_max: usize,
    /// Bytes that one answer (or one host call) may carry out of the sandbox.
    pub output_max_bytes: usize,
    /// Bytes of log text in one call.
    pub log_max_bytes: usize,
    /// Instances that are made before a call needs them, for each thread that serves;
    /// beside [`crate::EngineConfig::max_instances`], and an eighth of them at most,
    /// of all plugins together (none where that would make more than 10,000 in all).
    /// 0: none.
    pub ready_instances: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000_000,
            deadline: Duration::from_secs(30),
            memory_max_bytes: 128 << 20,
            table_elements_max: 20_000,
            output_max_bytes: 16 << 20,
            log_max_bytes: 64 << 10,
            ready_instances: 0,
        }
    }
}

/// Whether one instance serves one call or many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// A fresh instance for each call: nothing one caller left is seen by the next.
    #[default]
    Call,
    /// Warm instances serve one caller each, or one session of a caller that isn't
    /// known: nothing one caller left is seen by another. Thrown away after any
    /// fault.
    Caller {
        /// calls that one instance serves at most
        max_calls_per_instance: u32,
        /// idle instances that are kept at most, of all callers together
        idle_max: usize,
    },
    /// Warm instances serve up to this many calls each, and are thrown away
    /// after any fault.
    Pooled {
        /// calls that one instance serves at most
        max_calls_per_instance: u32,
        /// idle instances that are kept at most
        idle_max: usize,
    },
}
