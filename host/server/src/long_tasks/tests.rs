//! Proves that two hosts take turns with one file of tasks, and that each knows which
//! tasks are its own.

use super::*;

fn tasks(folder: &Path) -> LongTasks {
    let settings = config::Tasks {
        store: folder.join("tasks.redb"),
        ..config::Config::default().tasks
    };
    LongTasks::new(settings, 4)
}

/// Keeps a new task; its id.
async fn begin(tasks: &LongTasks) -> String {
    let audience = Audience::new(None, None);
    let record = tasks.record("tool", &audience, "{}").unwrap();
    let (id, room) = (record.id.clone(), tasks.room());
    let inserted = tasks
        .on_store(move |store| store.insert(&record, room))
        .await;
    inserted.unwrap();
    id
}

async fn status(tasks: &LongTasks, id: &str) -> TaskStatus {
    let id = id.to_owned();
    let found = tasks.on_store(move |store| store.get(&id)).await.unwrap();
    found.unwrap().status
}

#[tokio::test]
async fn what_the_host_before_left_running_has_failed_and_what_runs_here_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (tasks(folder.path()), tasks(folder.path()));
    let old = begin(&before).await;
    after.share_from_the_start();
    before.share().await;
    // Both know of it, and neither has ended it.
    assert_eq!(status(&after, &old).await, TaskStatus::Working);
    assert_eq!(status(&before, &old).await, TaskStatus::Working);
    let new = begin(&after).await;
    after.running.insert(new.clone(), CancellationToken::new());
    assert_eq!(status(&before, &new).await, TaskStatus::Working);
    drop(before);
    after.keep().await;
    assert_eq!(status(&after, &old).await, TaskStatus::Failed);
    assert_eq!(status(&after, &new).await, TaskStatus::Working);
    assert_eq!(after.held().tasks, 2);
}
