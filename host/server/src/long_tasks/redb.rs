//! The store in a file of this machine, by the crate `redb`: one process at a
//! time, each change synced before it is told.
//!
//! It owns the tables of that file. It never looks into a task but for its end.

use std::path::Path;

use parking_lot::Mutex;
use redb::backends::InMemoryBackend;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use super::store::{Held, Record, Room, StoreError, TaskStore};

/// Records as JSON, by id.
const TASKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tasks");

/// Ids by the millisecond at which their task ends.
const ENDS: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("ends");

/// The store.
pub(super) struct RedbStore {
    database: Database,
    held: Mutex<Held>,
}

impl RedbStore {
    /// Opens the file, or makes it with its folder.
    ///
    /// # Errors
    /// In plain words: it belongs to another process, or is no such file.
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(broken)?;
        }
        let database = Database::create(file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::Taken,
            other => broken(other),
        })?;
        Self::over(database)
    }

    /// A store that ends with the process.
    ///
    /// # Errors
    /// None that can be foreseen.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        let builder = Database::builder();
        let database = builder.create_with_backend(InMemoryBackend::new());
        Self::over(database.map_err(broken)?)
    }

    fn over(database: Database) -> Result<Self, StoreError> {
        let mut held = Held::default();
        let writing = database.begin_write().map_err(broken)?;
        {
            writing.open_table(ENDS).map_err(broken)?;
            let tasks = writing.open_table(TASKS).map_err(broken)?;
            for entry in tasks.iter().map_err(broken)? {
                let (_, bytes) = entry.map_err(broken)?;
                held.tasks += 1;
                held.bytes += bytes.value().len() as u64;
            }
        }
        writing.commit().map_err(broken)?;
        Ok(Self {
            database,
            held: Mutex::new(held),
        })
    }
}

impl TaskStore for RedbStore {
    fn insert(&self, record: &Record, room: Room) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(record).map_err(broken)?;
        let added = bytes.len() as u64;
        // Held over the commit: writers come one at a time in any case.
        let mut held = self.held.lock();
        if held.tasks >= room.tasks {
            return Err(StoreError::TooMany);
        }
        if held.bytes + added > room.bytes {
            return Err(StoreError::TooLarge);
        }
        let writing = self.database.begin_write().map_err(broken)?;
        {
            let mut tasks = writing.open_table(TASKS).map_err(broken)?;
            tasks
                .insert(record.id.as_str(), bytes.as_slice())
                .map_err(broken)?;
            let mut ends = writing.open_table(ENDS).map_err(broken)?;
            ends.insert((record.ends_ms(), record.id.as_str()), ())
                .map_err(broken)?;
        }
        writing.commit().map_err(broken)?;
        held.tasks += 1;
        held.bytes += added;
        Ok(())
    }

    fn get(&self, id: &str) -> Result<Option<Record>, StoreError> {
        let reading = self.database.begin_read().map_err(broken)?;
        let tasks = reading.open_table(TASKS).map_err(broken)?;
        let found = tasks.get(id).map_err(broken)?;
        found
            .map(|bytes| serde_json::from_slice(bytes.value()).map_err(broken))
            .transpose()
    }

    fn change(
        &self,
        id: &str,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> Result<Option<Record>, StoreError> {
        let mut held = self.held.lock();
        let writing = self.database.begin_write().map_err(broken)?;
        let (record, before, after) = {
            let mut tasks = writing.open_table(TASKS).map_err(broken)?;
            let found = tasks.get(id).map_err(broken)?;
            let Some((mut record, before)) = found
                .map(|bytes| {
                    let bytes = bytes.value();
                    let record = serde_json::from_slice::<Record>(bytes).map_err(broken)?;
                    Ok::<_, StoreError>((record, bytes.len()))
                })
                .transpose()?
            else {
                return Ok(None);
            };
            if !change(&mut record) {
                return Ok(Some(record));
            }
            let bytes = serde_json::to_vec(&record).map_err(broken)?;
            tasks.insert(id, bytes.as_slice()).map_err(broken)?;
            (record, before as u64, bytes.len() as u64)
        };
        writing.commit().map_err(broken)?;
        held.bytes = (held.bytes + after).saturating_sub(before);
        Ok(Some(record))
    }

    fn forget_ended(&self, now_ms: u64) -> Result<Vec<String>, StoreError> {
        let mut held = self.held.lock();
        let writing = self.database.begin_write().map_err(broken)?;
        let mut gone = Vec::new();
        let mut freed = 0;
        {
            let mut ends = writing.open_table(ENDS).map_err(broken)?;
            let mut tasks = writing.open_table(TASKS).map_err(broken)?;
            let ended = ends
                .extract_from_if(..(now_ms, ""), |_, ()| true)
                .map_err(broken)?;
            for entry in ended {
                let (key, _) = entry.map_err(broken)?;
                let (_, id) = key.value();
                if let Some(bytes) = tasks.remove(id).map_err(broken)? {
                    freed += bytes.value().len() as u64;
                }
                gone.push(id.to_owned());
            }
        }
        if gone.is_empty() {
            return Ok(gone);
        }
        writing.commit().map_err(broken)?;
        held.tasks = held.tasks.saturating_sub(gone.len() as u64);
        held.bytes = held.bytes.saturating_sub(freed);
        Ok(gone)
    }

    fn ids(&self) -> Result<Vec<String>, StoreError> {
        let reading = self.database.begin_read().map_err(broken)?;
        let tasks = reading.open_table(TASKS).map_err(broken)?;
        let mut ids = Vec::new();
        for entry in tasks.iter().map_err(broken)? {
            let (id, _) = entry.map_err(broken)?;
            ids.push(id.value().to_owned());
        }
        Ok(ids)
    }

    fn held(&self) -> Held {
        *self.held.lock()
    }
}

fn broken(error: impl std::fmt::Display) -> StoreError {
    StoreError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use fusebox_protocol::reply::TaskStatus;
    use serde_json::value::RawValue;

    use super::*;

    const ROOM: Room = Room {
        tasks: 2,
        bytes: 10_000,
    };

    fn record(id: &str, created_ms: u64) -> Record {
        Record {
            id: id.to_owned(),
            tool: "tool".to_owned(),
            view: None,
            owner: String::new(),
            version: None,
            trace: None,
            arguments: RawValue::from_string(r#"{"a": 1.0}"#.to_owned()).unwrap(),
            status: TaskStatus::Working,
            status_message: None,
            created_ms,
            updated_ms: created_ms,
            ttl_ms: 100,
            questions: Vec::new(),
            answers: std::collections::BTreeMap::new(),
            state: None,
            result: None,
            error: None,
        }
    }

    #[test]
    fn what_is_kept_survives_the_process_that_kept_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deeper").join("tasks.redb");
        let store = RedbStore::open(&file).unwrap();
        store.insert(&record("a", 1), ROOM).unwrap();
        let second = RedbStore::open(&file).err().map(|error| error.to_string());
        assert_eq!(second.as_deref(), Some("another process has it open"));
        let held = store.held();
        drop(store);
        let store = RedbStore::open(&file).unwrap();
        assert_eq!(store.held(), held);
        let found = store.get("a").unwrap().unwrap();
        assert_eq!(found.arguments.get(), r#"{"a": 1.0}"#);
        assert!(store.get("b").unwrap().is_none());
    }

    #[test]
    fn room_is_bounded_and_given_back() {
        let store = RedbStore::in_memory().unwrap();
        store.insert(&record("a", 1), ROOM).unwrap();
        store.insert(&record("b", 2), ROOM).unwrap();
        let full = store.insert(&record("c", 3), ROOM);
        assert!(matches!(full, Err(StoreError::TooMany)));
        assert_eq!(store.forget_ended(101).unwrap(), Vec::<String>::new());
        assert_eq!(store.forget_ended(102).unwrap(), ["a"]);
        assert_eq!(store.ids().unwrap(), ["b"]);
        let small = Room {
            tasks: 9,
            bytes: 300,
        };
        let full = store.insert(&record("c", 3), small);
        assert!(matches!(full, Err(StoreError::TooLarge)));
        assert_eq!(store.forget_ended(u64::MAX).unwrap(), ["b"]);
        assert_eq!(store.held(), Held::default());
    }

    #[test]
    fn a_change_is_made_once_and_only_before_the_end() {
        let store = RedbStore::in_memory().unwrap();
        store.insert(&record("a", 1), ROOM).unwrap();
        let end = |status| {
            store
                .change("a", &mut |record| record.end(status, 5))
                .unwrap()
                .map(|record| record.status)
        };
        assert_eq!(end(TaskStatus::Cancelled), Some(TaskStatus::Cancelled));
        assert_eq!(end(TaskStatus::Completed), Some(TaskStatus::Cancelled));
        assert!(store.change("b", &mut |_| true).unwrap().is_none());
    }
}
