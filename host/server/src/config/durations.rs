//! Times in the configuration: whole numbers of milliseconds. Knows no key.

use std::time::Duration;

/// A [`Duration`] as a whole number of milliseconds.
pub(super) mod millis {
    use super::Duration;
    use serde::{Deserialize, Deserializer, Serializer, ser};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).map_err(ser::Error::custom)?)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// The same, with 0 for "never".
pub(super) mod optional_millis {
    use super::{Duration, millis};
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        millis::serialize(&time.unwrap_or(Duration::ZERO), to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Some(millis::deserialize(from)?).filter(|time| !time.is_zero()))
    }
}
