//! Why a call gave no outcome: faults, who is to blame, and how an error of the
//! runtime becomes one of them.
//!
//! It owns the classification. It never words an answer for a client: that is
//! the host's table of errors.

use wasmtime::Trap;
use wasmtime_wasi::ResourceTableError;

/// Why a call gave no outcome.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The plugin broke a limit or the contract. Counts against its breaker.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Every slot for an instance is taken; the same call may succeed later.
    #[error("every instance slot is in use ({limit}); raise `engine.max_instances`")]
    NoSlot {
        /// how many slots there are
        limit: u32,
    },
    /// The plugin has no such export.
    #[error("the plugin does not export `{interface}`")]
    NotExported {
        /// the interface that was asked for
        interface: &'static str,
    },
}

/// A fault of a plugin.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Fault {
    /// Which fault it was.
    pub kind: FaultKind,
    /// The runtime's own words, backtrace included. For the host's log only.
    pub detail: String,
}

/// Which fault it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// All fuel was burnt.
    #[error("out of fuel")]
    OutOfFuel,
    /// The wall-clock deadline passed.
    #[error("the deadline passed")]
    Deadline,
    /// It asked for more memory than it may have, and ended.
    #[error("the memory limit was reached")]
    Memory,
    /// It asked for more table elements than it may have, and ended.
    #[error("the table limit was reached")]
    Table,
    /// It called itself too deeply.
    #[error("the call stack is exhausted")]
    StackOverflow,
    /// It panicked, and said so before the trap.
    #[error("the handler panicked")]
    Panicked,
    /// It trapped.
    #[error("the handler trapped: {0}")]
    Trapped(String),
    /// Its answer is larger than it may be.
    #[error("the answer is too large")]
    Output,
    /// It logged more than it may.
    #[error("the log volume limit was reached")]
    LogVolume,
    /// Its answer doesn't follow the contract.
    #[error("the answer breaks the contract: {0}")]
    InvalidOutput(String),
}

/// The deadline passed while wasm ran; raised by the epoch callback.
#[derive(Debug, thiserror::Error)]
#[error("the deadline passed")]
pub(crate) struct DeadlinePassed;

/// The log volume is spent; raised by `request.log`.
#[derive(Debug, thiserror::Error)]
#[error("the log volume is spent")]
pub(crate) struct LogVolumeSpent;

/// A call that ran in one go has to be run in slices instead; no fault of anybody.
#[derive(Debug, thiserror::Error)]
#[error("the call has to be run in slices")]
pub(crate) struct GivenUp;

/// What the runtime says when an answer is larger than it may be. The error has
/// no public type to ask for, so its words must do; a test of the shipped plugin
/// `misbehave` would see them change.
const LIFT_TOO_LARGE: &str = "too much data is being copied between the host and the guest";

/// What the store saw of a call, beside the error that ended it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// the guest reported a panic
    pub(crate) panicked: bool,
    /// it was refused memory
    pub(crate) memory_denied: bool,
    /// it was refused table elements
    pub(crate) table_denied: bool,
}

/// Turns an error of the runtime into a typed one, with what the store saw.
pub(crate) fn classify(error: &wasmtime::Error, seen: Seen, slots: u32) -> CallError {
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return CallError::NoSlot { limit: slots };
    }
    CallError::Fault(Fault {
        kind: kind_of(error, seen),
        detail: format!("{error:#}"),
    })
}

fn kind_of(error: &wasmtime::Error, seen: Seen) -> FaultKind {
    if error.is::<DeadlinePassed>() {
        return FaultKind::Deadline;
    }
    if error.is::<LogVolumeSpent>() {
        return FaultKind::LogVolume;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return FaultKind::OutOfFuel,
        Some(Trap::StackOverflow) => return FaultKind::StackOverflow,
        _ => {}
    }
    if seen.panicked {
        return FaultKind::Panicked;
    }
    // A denied growth is an ordinary `-1` to the guest, which usually gives up
    // with `unreachable`: the denial is the cause worth telling.
    if seen.memory_denied {
        return FaultKind::Memory;
    }
    if seen.table_denied {
        return FaultKind::Table;
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return FaultKind::Trapped(plain(trap));
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return FaultKind::Trapped("it holds more things of the host than it may".to_owned());
    }
    let root = error.root_cause().to_string();
    if root.contains(LIFT_TOO_LARGE) {
        return FaultKind::Output;
    }
    FaultKind::InvalidOutput(root)
}

/// The trap's words without the runtime's prefix.
fn plain(trap: &Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}
