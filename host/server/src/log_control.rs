//! How much the log of a running host says, and the way to change it.
//!
//! It owns the words that are in force. It never writes a line of the log itself.

use std::fmt;

use parking_lot::Mutex;

/// Bytes of one filter.
const FILTER_MAX_BYTES: usize = 512;

/// Lets the log of this process say more or less. Whoever set the log up makes it.
pub struct LogControl {
    now: Mutex<String>,
    set: Box<Setter>,
}

/// Puts a filter in force, or says in plain words why not.
type Setter = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// Why the log goes on as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// It is no filter.
    #[error(
        "`{filter}` is no level of the log: {reason}; use off, error, warn, info, debug or trace, or levels of parts as in `info,hyper=debug`"
    )]
    Filter {
        /// what was asked for
        filter: String,
        /// what is wrong with it
        reason: String,
    },
    /// It is longer than any filter.
    #[error("a level of the log has at most {FILTER_MAX_BYTES} bytes")]
    TooLong,
}

impl LogControl {
    /// The log as it is set up with the filter `now`, and the way to change it.
    pub fn new(
        now: impl Into<String>,
        set: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            now: Mutex::new(now.into()),
            set: Box::new(set),
        }
    }

    /// The filter in force.
    pub fn now(&self) -> String {
        self.now.lock().clone()
    }

    /// Puts another filter in force, and gives the one before.
    ///
    /// # Errors
    /// If it is none.
    pub fn set(&self, filter: &str) -> Result<String, LogError> {
        if filter.len() > FILTER_MAX_BYTES {
            return Err(LogError::TooLong);
        }
        let mut now = self.now.lock();
        (self.set)(filter).map_err(|reason| LogError::Filter {
            filter: filter.to_owned(),
            reason,
        })?;
        Ok(std::mem::replace(&mut now, filter.to_owned()))
    }
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogControl")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_changes_nothing() {
        let control = LogControl::new("info", |filter| match filter {
            "x y" => Err("a space".to_owned()),
            _ => Ok(()),
        });
        assert_eq!(control.set("debug"), Ok("info".to_owned()));
        let error = control.set("x y").unwrap_err();
        assert!(error.to_string().contains("a space"), "{error}");
        assert_eq!(control.set(&"x".repeat(513)), Err(LogError::TooLong));
        assert_eq!(control.now(), "debug");
    }
}
