//! What plugins keep beyond a call: which store a scope and an owner lead to.
//!
//! It owns the names of the stores, so that no plugin, session or caller ever comes
//! upon what another keeps. The values themselves are in `kept`, which outlives the
//! host, and in `passing`, which ends with a session.

mod kept;
mod passing;
mod quota;

use std::sync::Arc;

use fusebox_engine::{KeyValue, NoStore, Owner, Scope, Stores};

pub(super) use kept::Keeper;
use kept::KeptStore;
use passing::PassingStore;
use quota::Quota;

use crate::config::Grants;

/// Who a caller is that nobody has authenticated.
const ANYBODY: &str = "anonymous";

/// Stands between the parts of a store's name, and in none of them.
const SEPARATOR: char = '\0';

/// The stores of one plugin.
#[derive(Debug)]
pub(super) struct PluginStores {
    keeper: Arc<Keeper>,
    plugin: String,
    all: Option<Quota>,
    session: Option<Quota>,
    caller: Option<Quota>,
}

impl PluginStores {
    /// What these grants, which stand in `table`, allow `plugin` to keep; none:
    /// nothing.
    pub(super) fn new(
        keeper: Arc<Keeper>,
        plugin: &str,
        table: &str,
        grants: &Grants,
    ) -> Option<Self> {
        let table = |scope: Scope| format!("{table}.{}", scope.section());
        let stores = Self {
            keeper,
            plugin: plugin.to_owned(),
            all: grants
                .keyvalue
                .map(|grant| Quota::of_all(table(Scope::Plugin), grant)),
            session: grants
                .keyvalue_session
                .map(|grant| Quota::of_each(table(Scope::Session), grant)),
            caller: grants
                .keyvalue_caller
                .map(|grant| Quota::of_each(table(Scope::Caller), grant)),
        };
        let any = [&stores.all, &stores.session, &stores.caller];
        any.iter().any(|quota| quota.is_some()).then_some(stores)
    }

    fn kept(&self, quota: &Quota, name: String, siblings: Option<String>) -> Arc<dyn KeyValue> {
        let (keeper, quota) = (self.keeper.clone(), quota.clone());
        Arc::new(KeptStore::new(keeper, name, siblings, quota))
    }
}

impl Stores for PluginStores {
    fn open(&self, scope: Scope, owner: &Owner) -> Result<Arc<dyn KeyValue>, NoStore> {
        let quota = match scope {
            Scope::Plugin => &self.all,
            Scope::Session => &self.session,
            Scope::Caller => &self.caller,
        };
        let quota = quota.as_ref().ok_or(NoStore::NotGranted)?;
        let plugin = &self.plugin;
        Ok(match scope {
            Scope::Plugin => self.kept(quota, plugin.clone(), None),
            Scope::Session => {
                let session = owner.session.as_ref().ok_or(NoStore::NoSession)?;
                session.of(plugin, || {
                    let sessions = self.keeper.sessions_of(plugin);
                    Arc::new(PassingStore::new(quota.clone(), sessions))
                })
            }
            Scope::Caller => {
                let callers = format!("{plugin}{SEPARATOR}caller{SEPARATOR}");
                // A name that is authenticated may well be `anonymous`.
                let caller = match &owner.caller {
                    Some(name) => format!("{callers}={name}"),
                    None => format!("{callers}{ANYBODY}"),
                };
                self.kept(quota, caller, Some(callers))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use fusebox_engine::{KeyChange, SessionStores};

    use super::*;
    use crate::config::{KeyValueGrant, OwnedKeyValueGrant};

    const EACH: KeyValueGrant = KeyValueGrant {
        max_keys: 2,
        max_bytes: 20,
        value_max_bytes: 8,
    };

    fn granted(owners_max: u64) -> Grants {
        let owned = OwnedKeyValueGrant {
            each: EACH,
            owners_max,
        };
        Grants {
            keyvalue: Some(EACH),
            keyvalue_session: Some(owned),
            keyvalue_caller: Some(owned),
            ..Grants::default()
        }
    }

    fn stores(folder: &tempfile::TempDir, owners_max: u64) -> PluginStores {
        let keeper = Arc::new(Keeper::new(Some(folder.path().join("kv"))));
        PluginStores::new(keeper, "p", "plugins.p.grants", &granted(owners_max)).unwrap()
    }

    fn caller(name: &str) -> Owner {
        Owner {
            caller: Some(name.to_owned()),
            session: Some(Arc::default()),
        }
    }

    fn set(store: &dyn KeyValue, key: &str, value: &str) -> Result<(), String> {
        let change = KeyChange::Set(key.to_owned(), value.into());
        store.apply(vec![change]).map_err(|error| error.0)
    }

    #[test]
    fn each_scope_and_owner_has_a_store_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let stores = stores(&folder, 9);
        let owners = [caller("a"), caller("anonymous"), Owner::default()];
        let mut opened = vec![stores.open(Scope::Plugin, &owners[0]).unwrap()];
        for owner in &owners {
            opened.push(stores.open(Scope::Caller, owner).unwrap());
        }
        for owner in &owners[..2] {
            opened.push(stores.open(Scope::Session, owner).unwrap());
        }
        for (number, store) in opened.iter().enumerate() {
            assert_eq!(store.get("k"), Ok(None), "{number}");
            set(&**store, "k", &number.to_string()).unwrap();
        }
        for (number, store) in opened.iter().enumerate() {
            assert_eq!(store.get("k"), Ok(Some(number.to_string().into())));
            assert_eq!(store.keys(0), Ok((vec!["k".to_owned()], None)));
        }
        // The same owner comes upon the same values.
        let again = stores.open(Scope::Session, &owners[0]).unwrap();
        assert_eq!(again.get("k"), Ok(Some("4".into())));
        let none = stores.open(Scope::Session, &owners[2]);
        assert_eq!(none.err(), Some(NoStore::NoSession));
    }

    #[test]
    fn so_many_owners_have_something_and_no_more() {
        let raises = |section: &str| {
            Err(format!(
                "quota: this plugin may keep something for no more owners (2); `owners_max` in [plugins.p.grants.{section}] raises it"
            ))
        };
        for (scope, section) in [
            (Scope::Caller, "keyvalue_caller"),
            (Scope::Session, "keyvalue_session"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let stores = stores(&folder, 2);
            let owners = ["a", "b", "c"].map(caller);
            let [a, b, c] = [0, 1, 2].map(|one| stores.open(scope, &owners[one]).unwrap());
            set(&*a, "k", "1").unwrap();
            set(&*b, "k", "1").unwrap();
            assert_eq!(set(&*c, "k", "1"), raises(section));
            set(&*a, "l", "1").unwrap();
            // Who has nothing left makes room.
            a.apply(vec![
                KeyChange::Delete("k".to_owned()),
                KeyChange::Delete("l".to_owned()),
            ])
            .unwrap();
            set(&*c, "k", "1").unwrap();
            assert_eq!(set(&*a, "k", "1"), raises(section));
        }
    }

    #[test]
    fn what_is_kept_for_a_session_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let stores = stores(&folder, 1);
        let session = Arc::new(SessionStores::default());
        let owner = |session: &Arc<SessionStores>| Owner {
            caller: None,
            session: Some(session.clone()),
        };
        let store = stores.open(Scope::Session, &owner(&session)).unwrap();
        set(&*store, "k", "1").unwrap();
        let other = Arc::new(SessionStores::default());
        let full = stores.open(Scope::Session, &owner(&other)).unwrap();
        set(&*full, "k", "1").unwrap_err();
        drop((store, session));
        set(&*full, "k", "1").unwrap();
        assert!(!folder.path().join("kv").exists(), "nothing is on the disk");
    }

    #[test]
    fn what_is_not_granted_is_not_opened() {
        let keeper = || Arc::new(Keeper::new(None));
        assert!(PluginStores::new(keeper(), "p", "t", &Grants::default()).is_none());
        let grants = Grants {
            keyvalue: Some(EACH),
            ..Grants::default()
        };
        let stores = PluginStores::new(keeper(), "p", "t", &grants).unwrap();
        for scope in [Scope::Session, Scope::Caller] {
            let opened = stores.open(scope, &caller("a"));
            assert_eq!(opened.err(), Some(NoStore::NotGranted));
        }
    }
}
