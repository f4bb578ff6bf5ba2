//! How much a store may hold, and how a change that would pass it is refused.
//!
//! It owns the counting and the words. It keeps no value.

use fusebox_engine::KeyValueError;

use crate::config::{KeyValueGrant, OwnedKeyValueGrant};

/// The longest key.
const KEY_MAX_BYTES: usize = 1024;

/// What one store may hold.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    /// the table of the configuration that has it
    table: String,
    each: KeyValueGrant,
    /// stores of this kind that hold something
    owners_max: u64,
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) keys: u64,
    /// of keys and values
    pub(super) bytes: u64,
}

impl Quota {
    /// Of the one store that all callers share.
    pub(super) fn of_all(table: String, each: KeyValueGrant) -> Self {
        Self {
            table,
            each,
            owners_max: u64::MAX,
        }
    }

    /// Of a store for each owner.
    pub(super) fn of_each(table: String, grant: OwnedKeyValueGrant) -> Self {
        Self {
            table,
            each: grant.each,
            owners_max: grant.owners_max,
        }
    }

    /// Whether a key and its value may be kept at all.
    pub(super) fn check_pair(&self, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        if key.len() > KEY_MAX_BYTES {
            let len = key.len();
            return Err(KeyValueError(format!(
                "a key may have {KEY_MAX_BYTES} bytes, and this has {len}"
            )));
        }
        let max = self.each.value_max_bytes;
        if value.len() as u64 > max {
            return Err(self.over("no larger value", max, "value_max_bytes"));
        }
        Ok(())
    }

    /// Whether a store may hold so much.
    pub(super) fn check_used(&self, used: Used) -> Result<(), KeyValueError> {
        let each = &self.each;
        if used.keys > each.max_keys {
            return Err(self.over("no more keys", each.max_keys, "max_keys"));
        }
        if used.bytes > each.max_bytes {
            return Err(self.over("no more bytes", each.max_bytes, "max_bytes"));
        }
        Ok(())
    }

    /// Whether there may be another store that holds something, beside `owners`.
    pub(super) fn check_owners(&self, owners: u64) -> Result<(), KeyValueError> {
        if owners >= self.owners_max {
            let max = self.owners_max;
            return Err(self.over("something for no more owners", max, "owners_max"));
        }
        Ok(())
    }

    fn over(&self, what: &str, max: u64, key: &str) -> KeyValueError {
        KeyValueError(format!(
            "quota: this plugin may keep {what} ({max}); `{key}` in [{}] raises it",
            self.table
        ))
    }
}

impl Used {
    /// A key has this value from now on; `before` is the length of the one it had.
    pub(super) fn set(&mut self, key: &str, value: &[u8], before: Option<usize>) {
        self.keys += u64::from(before.is_none());
        self.bytes += value.len() as u64;
        match before {
            Some(before) => self.bytes = self.bytes.saturating_sub(before as u64),
            None => self.bytes += key.len() as u64,
        }
    }

    /// A key that had a value of this length is gone.
    pub(super) fn delete(&mut self, key: &str, before: usize) {
        self.keys = self.keys.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub((before + key.len()) as u64);
    }
}

/// Adds to a number as a store holds it; none: there is none yet.
pub(super) fn sum(number: Option<&[u8]>, delta: u64) -> Result<u64, KeyValueError> {
    let number = match number {
        None => 0,
        Some(bytes) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| KeyValueError("its value is not a whole number".to_owned()))?,
    };
    number
        .checked_add(delta)
        .ok_or_else(|| KeyValueError("the sum is larger than 2^64 - 1".to_owned()))
}
