//! Roles by their names, and the callers that are made with them.
//!
//! It owns what a name of a role leads to. What a role is shown is the catalogue's.

use std::sync::Arc;
use std::time::SystemTime;

use super::Caller;
use crate::config::{Config, EVERYTHING};

/// The roles of the configuration, and whether each sees all of `/health`.
#[derive(Debug, Default)]
pub(super) struct Roles(Vec<(Arc<str>, bool)>);

impl Roles {
    pub(super) fn of(config: &Config) -> Self {
        let roles = config.roles.iter();
        Self(
            roles
                .map(|(name, role)| (Arc::from(name.as_str()), role.health))
                .collect(),
        )
    }

    /// Somebody with a role.
    ///
    /// # Errors
    /// In plain words, if there is no such role.
    pub(super) fn caller(
        &self,
        subject: String,
        role: &str,
        ends: Option<SystemTime>,
    ) -> Result<Caller, String> {
        if role == EVERYTHING {
            return Ok(Caller::new(subject, None, true, ends));
        }
        match self.0.iter().find(|(name, _)| &**name == role) {
            Some((name, health)) => Ok(Caller::new(subject, Some(name.clone()), *health, ends)),
            None => Err(format!(
                "there is no role `{role}`: define [roles.{role}], or use `{EVERYTHING}`"
            )),
        }
    }

    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        Self(vec![(Arc::from(name), false)])
    }
}
