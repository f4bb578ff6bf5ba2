//! Who calls, and what of the host they are shown.
//!
//! It owns these two facts and what they allow to be compared. It never decides
//! whether somebody is who they say.

use std::sync::Arc;
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use crate::catalogue::ViewName;

/// The subject of all who show nothing where that is allowed. No other has it.
pub const STRANGER: &str = "anonymous";

/// Somebody whom the host knows. Clones are the same caller.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identity>);

#[derive(Debug)]
struct Identity {
    subject: Arc<str>,
    /// none: may see and call everything
    role: Option<Arc<str>>,
    sees_health: bool,
    ends: Option<SystemTime>,
    revoked: CancellationToken,
}

impl Caller {
    /// A caller; `role` none: the one that may do everything.
    pub fn new(
        subject: String,
        role: Option<Arc<str>>,
        sees_health: bool,
        ends: Option<SystemTime>,
    ) -> Self {
        Self(Arc::new(Identity {
            subject: subject.into(),
            role,
            sees_health,
            ends,
            revoked: CancellationToken::new(),
        }))
    }

    /// A name that no other caller has, such as `key:ci`. It is no secret.
    pub fn subject(&self) -> &Arc<str> {
        &self.0.subject
    }

    /// What is in `[roles.NAME]`; none: everything.
    pub fn role(&self) -> Option<&Arc<str>> {
        self.0.role.as_ref()
    }

    /// Whether all of `/health` is told.
    pub fn sees_health(&self) -> bool {
        self.0.sees_health
    }

    /// Takes back what was believed: whatever was let in by it ends.
    pub(super) fn revoke(&self) {
        self.0.revoked.cancel();
    }

    /// Whether it is still believed.
    pub fn holds(&self) -> bool {
        let expired = self.0.ends.is_some_and(|ends| ends <= SystemTime::now());
        !expired && !self.0.revoked.is_cancelled()
    }

    /// Resolves when it is believed no more.
    pub async fn over(&self) {
        let left = |ends: SystemTime| ends.duration_since(SystemTime::now());
        let expired = async {
            match self.0.ends {
                Some(ends) => tokio::time::sleep(left(ends).unwrap_or_default()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.0.revoked.cancelled() => {}
            () = expired => {}
        }
    }
}

impl PartialEq for Caller {
    /// The same subject in the same role, for as long: a key whose role changed is somebody else,
    /// so that nothing is left of what it had before.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.subject == other.0.subject
                && self.0.role == other.0.role
                && self.0.sees_health == other.0.sees_health
                && self.0.ends == other.0.ends)
    }
}

impl Eq for Caller {}

/// What a request is answered from: a view, as far as its caller is shown it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// the endpoint that was asked
    pub view: ViewName,
    /// who asks; none: nobody is asked who they are
    pub who: Option<Caller>,
}

impl Audience {
    /// Of a view, of whoever asks.
    pub fn new(view: ViewName, who: Option<Caller>) -> Self {
        Self { view, who }
    }

    /// The role whose part of the view it is.
    pub fn role(&self) -> Option<&Arc<str>> {
        self.who.as_ref().and_then(Caller::role)
    }

    /// The name of the caller, if it has shown who it is.
    pub fn authenticated(&self) -> Option<&str> {
        let who = self.who.as_ref().map(|who| &**who.subject());
        who.filter(|subject| *subject != STRANGER)
    }

    /// The name of the caller; empty: nobody is asked.
    pub fn subject(&self) -> &str {
        self.who.as_ref().map_or("", |who| who.subject())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_the_same_by_name_and_role() {
        let caller = |subject: &str, role: Option<&str>| {
            Caller::new(subject.to_owned(), role.map(Arc::from), false, None)
        };
        assert_eq!(caller("key:a", None), caller("key:a", None));
        assert_ne!(caller("key:a", None), caller("key:b", None));
        assert_ne!(caller("key:a", None), caller("key:a", Some("r")));
    }

    #[test]
    fn a_caller_holds_until_its_end_or_until_it_is_revoked() {
        let now = SystemTime::now();
        let hour = std::time::Duration::from_secs(3600);
        let until = |ends| Caller::new("key:a".to_owned(), None, true, ends);
        assert!(!until(Some(now)).holds());
        let caller = until(Some(now + hour));
        let clone = caller.clone();
        assert!(clone.holds());
        caller.revoke();
        assert!(!clone.holds());
    }

    #[tokio::test]
    async fn who_waits_hears_of_the_end() {
        let revoked = Caller::new("key:a".to_owned(), None, true, None);
        revoked.revoke();
        revoked.over().await;
        let now = SystemTime::now();
        Caller::new("key:b".to_owned(), None, true, Some(now))
            .over()
            .await;
    }
}
