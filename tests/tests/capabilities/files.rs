//! Folders that a plugin may open, and the ways out of them that there are not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use fusebox_tests::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{EACH_ISOLATION, call, host, refused};

/// `inside/file`, `outside`, and links that try to lead from one to the other.
fn folders() -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let inside = root.path().join("inside");
    fs::create_dir_all(inside.join("deeper")).expect("a folder");
    fs::write(inside.join("file"), "inside").expect("a file");
    fs::write(root.path().join("outside"), "outside").expect("a file");
    symlink("../outside", inside.join("relative")).expect("a link");
    symlink(root.path().join("outside"), inside.join("absolute")).expect("a link");
    symlink("..", inside.join("parent")).expect("a link");
    symlink("../file", inside.join("deeper").join("good")).expect("a link");
    root
}

fn granted(root: &Path, write: bool) -> String {
    let inside = root.join("inside");
    format!("[plugins.reach.grants.files]\n\"/data\" = {{ path = {inside:?}, write = {write} }}\n")
}

fn read(client: &mut Client, path: &str) -> Result<Value, String> {
    call(
        client,
        "read_file",
        json!({"folder": "/data", "path": path}),
    )
}

fn write(client: &mut Client, path: &str) -> Result<Value, String> {
    let arguments = json!({"folder": "/data", "path": path, "text": "written"});
    call(client, "write_file", arguments)
}

#[test]
fn a_granted_folder_is_read_and_only_read() {
    for isolation in EACH_ISOLATION {
        let root = folders();
        let config = granted(root.path(), false);
        let host = host(&format!(
            "{config}[plugins.reach]\nisolation = \"{isolation}\"\n"
        ));
        let mut client = Client::modern(&host);
        let folders = call(&mut client, "folders", json!({}));
        assert_eq!(folders, Ok(json!(["/data"])));
        assert_eq!(read(&mut client, "file"), Ok("inside".into()));
        assert_eq!(read(&mut client, "deeper/good"), Ok("inside".into()));
        assert_eq!(
            read(&mut client, "absent"),
            Err("absent: no-entry".to_owned())
        );
        for path in ["file", "new"] {
            let expected = format!("{path}: not-permitted");
            assert_eq!(write(&mut client, path), Err(expected));
        }
        let unchanged = fs::read_to_string(root.path().join("inside/file"));
        assert_eq!(unchanged.expect("a file"), "inside");
        assert!(!root.path().join("inside/new").exists());
    }
}

#[test]
fn a_folder_that_may_be_changed_is_changed() {
    let root = folders();
    let host = host(&granted(root.path(), true));
    let mut client = Client::modern(&host);
    write(&mut client, "deeper/new").expect("it is written");
    let written = fs::read_to_string(root.path().join("inside/deeper/new"));
    assert_eq!(written.expect("a file"), "written");
}

#[test]
fn no_path_and_no_link_leads_out() {
    let root = folders();
    let host = host(&granted(root.path(), true));
    let mut client = Client::modern(&host);
    let absolute = root.path().join("outside").display().to_string();
    for path in [
        "../outside",
        "deeper/../../outside",
        "relative",
        "absolute",
        "parent/outside",
        "/etc/passwd",
        &absolute,
    ] {
        let expected = Err(format!("{path}: not-permitted"));
        assert_eq!(read(&mut client, path), expected);
        assert_eq!(write(&mut client, path), expected);
    }
    let unchanged = fs::read_to_string(root.path().join("outside"));
    assert_eq!(unchanged.expect("a file"), "outside");
}

#[test]
fn a_plugin_without_the_grant_has_no_folder() {
    let host = host("");
    let mut client = Client::modern(&host);
    assert_eq!(call(&mut client, "folders", json!({})), Ok(json!([])));
    assert_eq!(
        refused(
            &mut client,
            "read_file",
            json!({"folder": "/", "path": "etc/passwd"})
        ),
        "no folder /"
    );
}

#[test]
fn a_plugin_whose_folder_is_missing_is_not_served() {
    let host = host("[plugins.reach.grants.files]\n\"/data\" = { path = \"/no/such/folder\" }\n");
    let health = host.health().to_string();
    let reason = "`plugins.reach.grants.files./data`: /no/such/folder: No such file or directory";
    assert!(health.contains(reason), "{health}");
}
