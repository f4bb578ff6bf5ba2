//! Roles by their names, and the callers that are made with them.
//!
//! It owns what a name of a role leads to. What a role is shown is the catalogue's.

use std::sync::Arc;
use std::time::SystemTime;

use wildmatch::WildMatch;

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

    /// The role that a name in a certificate gives.
    pub(super) fn of_certificate(config: &Config, name: &str) -> String {
        let fits =
            |patterns: &[String]| patterns.iter().any(|one| WildMatch::new(one).matches(name));
        let mut roles = config.roles.iter();
        roles
            .find(|(_, role)| fits(&role.certificates))
            .map_or_else(|| config.tls.client_role.clone(), |(role, _)| role.clone())
    }

    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        Self(vec![(Arc::from(name), false)])
    }
}
