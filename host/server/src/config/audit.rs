//! `[audit]`: the log of who called what. Owns its keys as plain types; writes nothing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::rules::{FILE, Rule, int};

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Where it is written; empty: nowhere.
    pub file: PathBuf,
    /// About how large one file gets.
    pub max_bytes: usize,
    /// Files that are kept beside the one that is written.
    pub keep: usize,
    /// Which calls.
    pub methods: Vec<String>,
    /// What of their arguments.
    pub arguments: Arguments,
    /// The most that is written of the arguments of one call.
    pub arguments_max_bytes: usize,
    /// What of them is never written.
    pub redact: Vec<String>,
    /// Refused requests of one caller that are written, in a minute.
    pub refusals_per_minute: u32,
    /// What becomes of calls that can't be written.
    pub on_overflow: Overflow,
}

/// What is written of arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arguments {
    /// Nothing.
    None,
    /// All but what `redact` names.
    Redacted,
    /// All.
    Full,
}

/// What becomes of calls when lines can't be written as fast as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// They are answered, and not written.
    Drop,
    /// They are refused.
    Refuse,
}

/// The methods that can be written.
pub(crate) const METHODS: [&str; 4] = [
    "tools/call",
    "resources/read",
    "prompts/get",
    "completion/complete",
];

const MIB: i64 = 1 << 20;

/// Its keys.
pub(super) const FILE_KEY: Rule = FILE;
pub(super) const MAX_BYTES: Rule = int(65_536, MIB << 20);
pub(super) const KEEP: Rule = int(1, 1000);
pub(super) const METHODS_KEY: Rule = Rule::Texts {
    fits: |text| METHODS.contains(&text),
    expected: "\"tools/call\", \"resources/read\", \"prompts/get\" or \"completion/complete\"",
};
pub(super) const ARGUMENTS: Rule = Rule::OneOf(&["none", "redacted", "full"]);
pub(super) const ARGUMENTS_MAX_BYTES: Rule = int(0, MIB);
pub(super) const REDACT: Rule = Rule::Texts {
    fits: |text| !text.is_empty() && text.len() <= 256,
    expected: "such as \"*password*\", a name, or \"/card/number\", a JSON pointer",
};
pub(super) const REFUSALS_PER_MINUTE: Rule = int(0, 1_000_000);
pub(super) const ON_OVERFLOW: Rule = Rule::OneOf(&["drop", "refuse"]);
