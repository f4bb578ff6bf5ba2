//! What can be wrong with a configuration file, and where. Owns the wording;
//! finds nothing wrong by itself.

use std::fmt;

use super::listener::Listener;

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Sorts by line, as a reader goes through the file.
    pub(super) fn new(mut errors: Vec<ConfigError>) -> Self {
        debug_assert!(!errors.is_empty(), "no error to report");
        errors.sort_by_key(|error| error.location);
        Self(errors)
    }

    /// The single errors, at least one.
    pub fn errors(&self) -> &[ConfigError] {
        &self.0
    }
}

/// One error on each line.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A place in a file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Location {
    /// The place of the byte at `offset` in `text`.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// One thing that is wrong. Shown as `FILE:LINE: what`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as the operator named it.
    pub file: String,
    /// Where in it; none if the file as a whole can't be used.
    pub location: Option<Location>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(location) = self.location {
            write!(f, ":{}", location.line)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// The kinds of [`ConfigError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file can't be read.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// What the system says.
        reason: String,
    },
    /// The file is far larger than any configuration.
    #[error("is more than {max_bytes} bytes long: that is no configuration file")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The text is not TOML.
    #[error("not valid TOML at column {column}: {reason}")]
    Syntax {
        /// Counts from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// There is no such key.
    #[error("unknown key `{key}`; {hint}")]
    UnknownKey {
        /// The whole key, with its table.
        key: String,
        /// The nearest name, or those that are known.
        hint: String,
    },
    /// A value of the wrong type, or out of its range.
    #[error("`{key}` is {value}; it must be {expected}")]
    Invalid {
        /// The whole key, with its table.
        key: String,
        /// The value as the file has it, shortened if it is long.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// A variable of the program's that is no key.
    #[error("sets no key; {hint}")]
    UnknownVariable {
        /// The nearest name, or how names are made.
        hint: String,
    },
    /// Two variables set one key.
    #[error("sets the same key as {other}; leave one of them out")]
    SameVariable {
        /// The other one.
        other: String,
    },
    /// A reference to a variable that is not there.
    #[error("the environment has no variable `{name}`; set it, or write ${{{name}:default}}")]
    UnsetVariable {
        /// The variable.
        name: String,
    },
    /// Something that begins as a reference does.
    #[error(
        "`{begin}` is no reference to a variable: write ${{NAME}} or ${{NAME:default}}, and $${{ for the characters themselves"
    )]
    Reference {
        /// How it begins.
        begin: String,
    },
    /// A key was given under both of its names.
    #[error("`{alias}` is another name of `{key}`; give only one of them")]
    Twice {
        /// The other name.
        alias: String,
        /// The name that the default file has.
        key: String,
    },
    /// Two listeners on one address.
    #[error("{listener} is on an address that another listener has; give each address once")]
    SameAddress {
        /// The second of them.
        listener: Listener,
    },
    /// `[plugins.NAME]` with a name that no plugin can have.
    #[error("`{name}` is no plugin name; use {expected}")]
    PluginName {
        /// The name.
        name: String,
        /// What would be right.
        expected: String,
    },
}
