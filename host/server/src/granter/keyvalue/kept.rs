//! What plugins keep beyond a call, in one file of this machine, by the crate
//! `redb`: one process at a time, each change synced before it is told.
//!
//! It owns the tables of that file, and that no store passes its quota. It knows no
//! call, and not whose a store is.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fusebox_engine::{KeyChange, KeyPage, KeyValue, KeyValueError};
use parking_lot::{Mutex, MutexGuard};
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition,
    TableError, WriteTransaction,
};

use super::quota::{Quota, Used, sum};

/// Values, by store and key.
const VALUES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("values");

/// How many keys, and bytes of keys and values, each store has that has any.
const USED: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("used");

/// Keys that are listed at once.
pub(super) const PAGE_KEYS: usize = 1000;

/// How long the file is waited for while another host has turns with it.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// How long it is left to the other after each turn.
const TURN_PAUSE: Duration = Duration::from_millis(1);

/// The file that all plugins share.
#[derive(Debug)]
pub(in crate::granter) struct Keeper {
    file: Option<PathBuf>,
    database: Mutex<Option<Arc<Database>>>,
    /// another host uses the same file, and this one has it open only in its turns
    shared: AtomicBool,
    turn: Mutex<()>,
    /// sessions for which a plugin keeps something, by plugin
    sessions: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
}

impl Keeper {
    /// Touches no file yet.
    pub(in crate::granter) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            database: Mutex::new(None),
            shared: AtomicBool::new(false),
            turn: Mutex::new(()),
            sessions: Mutex::default(),
        }
    }

    /// How many sessions a plugin keeps something for: the same number for each
    /// version of the plugin.
    pub(super) fn sessions_of(&self, plugin: &str) -> Arc<AtomicU64> {
        let mut sessions = self.sessions.lock();
        sessions.entry(plugin.to_owned()).or_default().clone()
    }

    /// Lets go of the file after each use, for another host uses it too.
    pub(in crate::granter) fn share(&self) {
        let mut open = self.database.lock();
        self.shared.store(true, Ordering::Relaxed);
        *open = None;
    }

    /// Keeps the file open, for no other host uses it.
    pub(in crate::granter) fn keep(&self) {
        self.shared.store(false, Ordering::Relaxed);
    }

    /// The file, opened at its first use, or for this use alone.
    fn database(&self) -> Result<Opened<'_>, KeyValueError> {
        // Which of the two it is may have changed while it was waited for.
        loop {
            if self.is_shared() {
                let turn = Turn(self.turn.lock());
                if self.is_shared() {
                    return Ok(Opened {
                        database: self.open()?,
                        _turn: Some(turn),
                    });
                }
            }
            let mut open = self.database.lock();
            if self.is_shared() {
                continue;
            }
            let database = match &*open {
                Some(database) => database.clone(),
                None => {
                    // The last turn may be under way.
                    let _turn = self.turn.lock();
                    let database = self.open()?;
                    *open = Some(database.clone());
                    database
                }
            };
            return Ok(Opened {
                database,
                _turn: None,
            });
        }
    }

    fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// Opens the file, or makes it with its folder. Another host that has it is waited
    /// for if it takes turns with this one.
    fn open(&self) -> Result<Arc<Database>, KeyValueError> {
        let patience = if self.is_shared() {
            TURN_PATIENCE
        } else {
            Duration::ZERO
        };
        let end = Instant::now() + patience;
        let Some(file) = &self.file else {
            let reason = "there is no folder for it: set `keyvalue.store`";
            return Err(KeyValueError(reason.to_owned()));
        };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(broken)?;
        }
        loop {
            match Database::create(file) {
                Ok(database) => return Ok(Arc::new(database)),
                Err(DatabaseError::DatabaseAlreadyOpen) if Instant::now() < end => {
                    std::thread::sleep(TURN_PAUSE);
                }
                Err(DatabaseError::DatabaseAlreadyOpen) => {
                    let reason = "another process has the file open; set `keyvalue.store`";
                    return Err(broken(reason));
                }
                Err(other) => return Err(broken(other)),
            }
        }
    }
}

/// The file while it is used.
struct Opened<'keeper> {
    database: Arc<Database>,
    /// after the file, which is closed then
    _turn: Option<Turn<'keeper>>,
}

impl Deref for Opened<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

/// A turn with a file that another host uses too.
struct Turn<'keeper>(#[expect(dead_code, reason = "held")] MutexGuard<'keeper, ()>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        std::thread::sleep(TURN_PAUSE);
    }
}

/// The values of one store.
#[derive(Debug)]
pub(super) struct KeptStore {
    keeper: Arc<Keeper>,
    /// no other store has it
    name: String,
    /// how the names of its owner's like begin, where they are counted
    siblings: Option<String>,
    quota: Quota,
}

impl KeptStore {
    /// The store of this name, under its quota; those whose names begin with
    /// `siblings` count as owners of the same kind.
    pub(super) fn new(
        keeper: Arc<Keeper>,
        name: String,
        siblings: Option<String>,
        quota: Quota,
    ) -> Self {
        Self {
            keeper,
            name,
            siblings,
            quota,
        }
    }

    /// Changes values, in one step with what is used.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut Change<'_, '_>) -> Result<T, KeyValueError>,
    ) -> Result<T, KeyValueError> {
        let file = self.keeper.database()?;
        let writing: WriteTransaction = file.begin_write().map_err(broken)?;
        let changed = {
            let mut used = writing.open_table(USED).map_err(broken)?;
            let name = self.name.as_str();
            let found = used.get(name).map_err(broken)?.map(|found| found.value());
            let (keys, bytes) = found.unwrap_or_default();
            let mut under_way = Change {
                store: self,
                values: writing.open_table(VALUES).map_err(broken)?,
                used: Used { keys, bytes },
            };
            // Dropping a transaction that is not committed undoes it.
            let changed = change(&mut under_way)?;
            let Used { keys, bytes } = under_way.used;
            drop(under_way);
            match (keys, found) {
                // Who keeps nothing is nobody.
                (0, _) => drop(used.remove(name).map_err(broken)?),
                (_, Some(_)) => drop(used.insert(name, (keys, bytes)).map_err(broken)?),
                (_, None) => {
                    self.quota.check_owners(self.owners(&used)?)?;
                    used.insert(name, (keys, bytes)).map_err(broken)?;
                }
            }
            changed
        };
        writing.commit().map_err(broken)?;
        Ok(changed)
    }

    /// Those of its kind that keep something.
    fn owners(&self, used: &Table<'_, &'static str, (u64, u64)>) -> Result<u64, KeyValueError> {
        let Some(siblings) = &self.siblings else {
            return Ok(0);
        };
        let mut owners = 0;
        for entry in used.range(siblings.as_str()..).map_err(broken)? {
            let (name, _) = entry.map_err(broken)?;
            if !name.value().starts_with(siblings.as_str()) {
                break;
            }
            owners += 1;
        }
        Ok(owners)
    }
}

/// A change under way.
struct Change<'store, 'txn> {
    store: &'store KeptStore,
    values: Table<'txn, (&'static str, &'static str), &'static [u8]>,
    used: Used,
}

impl Change<'_, '_> {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let found = self.values.get((self.store.name.as_str(), key));
        Ok(found.map_err(broken)?.map(|found| found.value().to_vec()))
    }

    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        let store = self.store;
        store.quota.check_pair(key, value)?;
        let full = (store.name.as_str(), key);
        let before = self.values.insert(full, value).map_err(broken)?;
        let before = before.map(|before| before.value().len());
        self.used.set(key, value, before);
        store.quota.check_used(self.used)
    }

    fn delete(&mut self, key: &str) -> Result<(), KeyValueError> {
        let full = (self.store.name.as_str(), key);
        let before = self.values.remove(full).map_err(broken)?;
        if let Some(before) = before {
            self.used.delete(key, before.value().len());
        }
        Ok(())
    }
}

impl KeyValue for KeptStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let file = self.keeper.database()?;
        let reading = file.begin_read().map_err(broken)?;
        let values = match reading.open_table(VALUES) {
            Ok(values) => values,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(broken(error)),
        };
        let found = values.get((self.name.as_str(), key)).map_err(broken)?;
        Ok(found.map(|found| found.value().to_vec()))
    }

    fn apply(&self, changes: Vec<KeyChange>) -> Result<(), KeyValueError> {
        self.write(|under_way| {
            for change in &changes {
                match change {
                    KeyChange::Set(key, value) => under_way.set(key, value)?,
                    KeyChange::Delete(key) => under_way.delete(key)?,
                }
            }
            Ok(())
        })
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, KeyValueError> {
        self.write(|under_way| {
            let sum = sum(under_way.get(key)?.as_deref(), delta)?;
            under_way.set(key, sum.to_string().as_bytes())?;
            Ok(sum)
        })
    }

    fn keys(&self, cursor: u64) -> Result<KeyPage, KeyValueError> {
        let file = self.keeper.database()?;
        let reading = file.begin_read().map_err(broken)?;
        let values = match reading.open_table(VALUES) {
            Ok(values) => values,
            Err(TableError::TableDoesNotExist(_)) => return Ok((Vec::new(), None)),
            Err(error) => return Err(broken(error)),
        };
        let name = self.name.as_str();
        let skip = usize::try_from(cursor).unwrap_or(usize::MAX);
        let mut page = Vec::new();
        for entry in values.range((name, "")..).map_err(broken)?.skip(skip) {
            let (full, _) = entry.map_err(broken)?;
            let (owner, key) = full.value();
            if owner != name {
                break;
            }
            if page.len() == PAGE_KEYS {
                return Ok((page, Some(cursor + PAGE_KEYS as u64)));
            }
            page.push(key.to_owned());
        }
        Ok((page, None))
    }
}

fn broken(error: impl std::fmt::Display) -> KeyValueError {
    KeyValueError(format!("the store fails: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeyValueGrant;

    const QUOTA: KeyValueGrant = KeyValueGrant {
        max_keys: 3,
        max_bytes: 20,
        value_max_bytes: 8,
    };

    fn stores(file: PathBuf, names: [&str; 2]) -> [KeptStore; 2] {
        let keeper = Arc::new(Keeper::new(Some(file)));
        names.map(|name| {
            let table = format!("plugins.{name}.grants.keyvalue");
            let quota = Quota::of_all(table, QUOTA);
            KeptStore::new(keeper.clone(), name.to_owned(), None, quota)
        })
    }

    fn set(store: &KeptStore, key: &str, value: &str) -> Result<(), String> {
        let change = KeyChange::Set(key.to_owned(), value.into());
        store.apply(vec![change]).map_err(|error| error.0)
    }

    #[test]
    fn each_plugin_has_its_own_keys_and_they_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deeper").join("keyvalue.redb");
        let [one, two] = stores(file.clone(), ["one", "one-more"]);
        assert_eq!(one.get("a"), Ok(None));
        assert_eq!(one.keys(0), Ok((Vec::new(), None)));
        set(&one, "a", "1").unwrap();
        set(&two, "a", "2").unwrap();
        set(&two, "b", "3").unwrap();
        assert_eq!(one.keys(0), Ok((vec!["a".to_owned()], None)));
        let [other, _] = stores(file.clone(), ["one", "two"]);
        assert_eq!(
            other.get("a").unwrap_err().0,
            "the store fails: another process has the file open; set `keyvalue.store`"
        );
        drop((one, two));
        assert_eq!(other.get("a"), Ok(Some(b"1".to_vec())));
    }

    #[test]
    fn a_quota_holds_and_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let [store, _] = stores(folder.path().join("kv"), ["p", "q"]);
        let raises = |what: &str, max: u64, key: &str| {
            Err(format!(
                "quota: this plugin may keep {what} ({max}); `{key}` in [plugins.p.grants.keyvalue] raises it"
            ))
        };
        assert_eq!(
            set(&store, "a", "123456789"),
            raises("no larger value", 8, "value_max_bytes")
        );
        for key in ["a", "b", "c"] {
            set(&store, key, "1234").unwrap();
        }
        assert_eq!(set(&store, "d", "1"), raises("no more keys", 3, "max_keys"));
        assert_eq!(set(&store, "c", "12345678"), Ok(()));
        assert_eq!(
            set(&store, "b", "123456"),
            raises("no more bytes", 20, "max_bytes")
        );
        // What was refused has left nothing.
        assert_eq!(store.get("b"), Ok(Some(b"1234".to_vec())));
        store
            .apply(vec![KeyChange::Delete("c".to_owned())])
            .unwrap();
        assert_eq!(set(&store, "b", "123456"), Ok(()));
        let both = [("x", "1"), ("y", "123456789")]
            .map(|(key, value)| KeyChange::Set(key.to_owned(), value.into()));
        store.apply(both.to_vec()).unwrap_err();
        assert_eq!(store.get("x"), Ok(None));
        assert!(
            set(&store, &"k".repeat(1025), "")
                .unwrap_err()
                .starts_with("a key may have")
        );
    }

    #[test]
    fn a_number_grows_and_only_a_number_does() {
        let folder = tempfile::tempdir().unwrap();
        let [store, _] = stores(folder.path().join("kv"), ["p", "q"]);
        assert_eq!(store.increment("n", 2), Ok(2));
        assert_eq!(store.increment("n", 40), Ok(42));
        assert_eq!(store.get("n"), Ok(Some(b"42".to_vec())));
        assert!(store.increment("n", u64::MAX).is_err());
        set(&store, "t", "text").unwrap();
        assert_eq!(
            store.increment("t", 1).unwrap_err().0,
            "its value is not a whole number"
        );
    }

    #[test]
    fn two_hosts_take_turns_with_the_file_until_one_is_alone() {
        const TIMES: u64 = 20;
        let folder = tempfile::tempdir().unwrap();
        let [first, _] = stores(folder.path().join("kv"), ["p", "q"]);
        let [second, _] = stores(folder.path().join("kv"), ["p", "q"]);
        first.increment("n", 1).unwrap();
        // Who keeps the file open leaves it to nobody.
        assert!(second.increment("n", 1).is_err());
        first.keeper.share();
        second.keeper.share();
        std::thread::scope(|scope| {
            for store in [&first, &second, &second] {
                scope.spawn(|| {
                    for _ in 0..TIMES {
                        store.increment("n", 1).unwrap();
                    }
                });
            }
        });
        second.keeper.keep();
        assert_eq!(second.increment("n", 1), Ok(3 * TIMES + 2));
        assert!(
            Database::create(folder.path().join("kv")).is_err(),
            "it is kept"
        );
    }
}
