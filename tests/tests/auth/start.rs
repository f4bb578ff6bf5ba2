//! What a host refuses to begin with, and the commands that keep keys.

use std::fs;

use fusebox_tests::{Ran, plugin};

use super::*;

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("plugins")).expect("a folder is made");
    fs::write(folder.path().join("plugins/hello.wasm"), plugin("hello")).expect("a plugin");
    fs::write(folder.path().join("my.toml"), config).expect("a configuration");
    folder
}

fn serve(folder: &TempDir, more: &[&str]) -> Ran {
    let arguments = [&["serve", "--config", "my.toml"], more].concat();
    fusebox(folder.path(), &arguments)
}

#[track_caller]
fn check_told(ran: &Ran, words: &str) {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.ends_with(&format!("fusebox: {words}\n")),
        "{words}\n{ran:?}"
    );
}

#[test]
fn nothing_unprotected_is_reached_from_other_machines_by_accident() {
    let open = folder("");
    let rest = "or listen on 127.0.0.1; or say --insecure if something else protects it";
    for listen in ["0.0.0.0:0", "tcp://[::]:0"] {
        let url = if listen.contains("tcp") {
            listen.to_owned()
        } else {
            format!("http://{listen}")
        };
        check_told(
            &serve(&open, &["--listen", listen]),
            &format!(
                "{url} is reached from other machines and asks nobody who they are, and is not encrypted: set `auth.keys_file` (`fusebox key new NAME` makes one) or `oauth.issuer`, and listen on https:// or quic:// with a certificate in [tls]; {rest}"
            ),
        );
    }
    let keyed = folder("auth.keys_file = 'keys.toml'");
    let made = fusebox(keyed.path(), &["key", "new", "ada"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    check_told(
        &serve(&keyed, &["--listen", "0.0.0.0:0"]),
        &format!(
            "http://0.0.0.0:0 is reached from other machines and is not encrypted: keys could be read on their way: listen on https:// or quic:// with a certificate in [tls]; {rest}"
        ),
    );
}

#[test]
fn who_means_it_may_and_a_stranger_learns_little() {
    let any = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let host = Setup::new()
        .plugin("hello")
        .config("auth.insecure = true")
        .start_at(any);
    assert!(host.log().contains("insecure: http://0.0.0.0:0 is reached from other machines and asks nobody who they are, and is not encrypted"));
    assert_eq!(host.get("/health").json(), json!({"status": "healthy"}));
    assert_eq!(call(&host, &[]).head.status, 200);
}

#[test]
fn a_file_of_keys_that_can_not_be_used_stops_the_start() {
    let none = folder("auth.keys_file = 'no.toml'");
    check_told(
        &serve(&none, &[]),
        "the file of keys `no.toml` (`auth.keys_file`) can't be used: No such file or directory (os error 2); `fusebox key new NAME --file no.toml` makes one",
    );
    let strange = folder("auth.keys_file = 'keys.toml'");
    let made = fusebox(strange.path(), &["key", "new", "ada", "--role", "admin"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    check_told(
        &serve(&strange, &[]),
        "the file of keys `keys.toml` (`auth.keys_file`) can't be used: key `ada`: there is no role `admin`: define [roles.admin], or use `all`; `fusebox key new NAME --file keys.toml` makes one",
    );
}

#[test]
fn mistakes_in_roles_are_named_with_their_line() {
    let check = |config: &str, message: &str| {
        let folder = folder(config);
        let ran = fusebox(folder.path(), &["config", "check", "my.toml"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.stderr.lines().any(|line| line == message),
            "{message}\n{ran:?}"
        );
    };
    check(
        "[auth]\nanonymous = 'guest'",
        "my.toml:2: `auth.anonymous` is \"guest\"; it must be `all`, or the name of a table [roles.NAME]: there is none",
    );
    check(
        "[roles.a]\nviews = ['x']\n[views.y]",
        "my.toml:2: `roles.a.views` is \"x\"; it must be the names of tables [views.NAME]: known are [\"y\"]",
    );
    check(
        "[roles.a]\ntool = ['x']",
        "my.toml:2: unknown key `roles.a.tool`; did you mean `tools`?",
    );
    check(
        "[roles.all]",
        "my.toml:1: `roles` is 'all'; it must be another name: `all` is the role that may do everything",
    );
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let keys = Keys::new();
    let run = |arguments: &[&str]| fusebox(keys.0.path(), arguments);
    let made = run(&[
        "key",
        "new",
        "ci@example.com",
        "--role",
        "reader",
        "--expires",
        "90days",
    ]);
    let key = made.stdout.trim_end();
    assert!(
        key.starts_with("fbx_") && key.len() == 4 + 12 + 1 + 43,
        "{made:?}"
    );
    assert_eq!(
        made.stderr,
        "ci@example.com: role reader; this is the only time that the key is shown\n\
         keys.toml is new: say [auth] keys_file = \"keys.toml\" in the configuration, and restart the host\n"
    );
    let text = fs::read_to_string(keys.file()).expect("the file");
    assert!(!text.contains(key.rsplit_once('_').expect("a secret").1));
    let again = run(&["key", "new", "ci@example.com"]);
    let taken = "fusebox: there is a key `ci@example.com` already: revoke it first, or choose another name\n";
    assert_eq!((again.code, again.stderr.as_str()), (Some(1), taken));
    keys.make("ada", &[]);
    let listed = run(&["key", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let shown: Vec<(&Value, &Value, &Value)> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (&one["name"], &one["role"], &one["expired"]))
        .collect();
    assert_eq!(
        shown,
        [
            (&json!("ci@example.com"), &json!("reader"), &json!(false)),
            (&json!("ada"), &json!("all"), &json!(false)),
        ]
    );
    keys.revoke("ada");
    let gone = run(&["key", "revoke", "ada"]);
    assert_eq!(
        (gone.code, gone.stderr.as_str()),
        (Some(1), "fusebox: there is no key `ada`\n")
    );
    assert_eq!(run(&["key", "list"]).stdout.lines().count(), 1);
}
