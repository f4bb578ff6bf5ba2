//! The interface over TLS: commands trust the authority that they are told of, and
//! nobody else.

use std::fs;
use std::path::Path;

use fusebox_tests::{Authority, Ran, Setup, fusebox};

use crate::Administered;

/// A host whose interface shows a certificate of this authority's.
fn start(authority: &Authority) -> Administered {
    let shown = authority.sign("127.0.0.1 localhost", "host");
    let tls = format!("cert = {:?}\nkey = {:?}", shown.certificate, shown.key);
    let setup = Setup::new().plugin("hello").encrypted(&tls);
    Administered::start(setup.config("[admin]\nlisten = \"https://127.0.0.1:0\""))
}

/// Runs a command with the way to this host, and these arguments more.
fn run(one: &Administered, command: &[&str], more: &[&str]) -> Ran {
    let (address, file) = one.host.admin();
    let (url, file) = (format!("https://{address}"), file.display().to_string());
    let way = ["--admin", &*url, "--token-file", &*file];
    let ran = fusebox(Path::new("."), &[command, &way[..], more].concat());
    assert!(!ran.stderr.contains(&one.token), "{ran:?}");
    ran
}

const COMMANDS: [&[&str]; 5] = [
    &["health"],
    &["top", "--once"],
    &["plugin", "list"],
    &["admin", "sessions"],
    &["dashboard"],
];

#[test]
fn each_command_trusts_the_authority_that_it_is_told_of() {
    let authority = Authority::new();
    let one = start(&authority);
    let ca = authority.file().display().to_string();
    for command in COMMANDS {
        let ran = run(&one, command, &["--ca", &ca]);
        assert_eq!(ran.code, Some(0), "{command:?}: {ran:?}");
        assert!(!ran.stdout.is_empty(), "{command:?}");
    }
    let link = run(&one, &["dashboard"], &["--ca", &ca]).stdout;
    let address = one.address();
    assert!(
        link.starts_with(&format!("https://{address}/dashboard#token=")),
        "{link}"
    );
    // An order, too, is carried out.
    let ran = run(&one, &["admin", "drain"], &["--ca", &ca]);
    assert_eq!(ran.stdout, "the host takes nobody new\n", "{ran:?}");
}

#[test]
fn nobody_else_is_trusted_and_nothing_is_sent_to_them() {
    let authority = Authority::new();
    let one = start(&authority);
    let stranger = Authority::new();
    let strange = stranger.file().display().to_string();
    for command in COMMANDS {
        for more in [&[][..], &["--ca", &*strange]] {
            let ran = run(&one, command, more);
            assert!(matches!(ran.code, Some(1 | 2)), "{command:?}: {ran:?}");
            assert!(ran.stdout.is_empty(), "{ran:?}");
            let told = ran.stderr.to_lowercase();
            assert!(
                told.contains("certificate"),
                "{command:?} {more:?}: {ran:?}"
            );
        }
    }
    // Whoever says that it doesn't matter is believed.
    let ran = run(&one, &["admin", "sessions"], &["--insecure"]);
    assert_eq!(ran.stdout, "0 sessions\n", "{ran:?}");
    let ran = run(
        &one,
        &["admin", "sessions"],
        &["--insecure", "--ca", &strange],
    );
    assert_eq!(ran.code, Some(2), "one or the other: {ran:?}");
}

#[test]
fn a_file_that_has_no_certificate_is_named() {
    let authority = Authority::new();
    let one = start(&authority);
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "nothing").expect("a file is written");
    for file in [&empty, &folder.path().join("none.pem")] {
        let file = file.display().to_string();
        let ran = run(&one, &["admin", "sessions"], &["--ca", &file]);
        assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
        assert!(ran.stderr.contains(&file), "{ran:?}");
    }
}

#[test]
fn the_public_health_is_asked_over_tls_as_well() {
    let authority = Authority::new();
    let one = start(&authority);
    let url = format!("https://{}", one.host.https_address());
    let ca = authority.file().display().to_string();
    let ran = fusebox(Path::new("."), &["health", "--url", &url, "--ca", &ca]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("healthy\n"), "{ran:?}");
    let ran = fusebox(Path::new("."), &["health", "--url", &url]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = fusebox(Path::new("."), &["health", "--url", &url, "--insecure"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_interface_speaks_nothing_in_clear_then() {
    let authority = Authority::new();
    let one = start(&authority);
    let (address, file) = one.host.admin();
    let file = file.display().to_string();
    let arguments = [
        "admin",
        "sessions",
        "--admin",
        &address.to_string(),
        "--token-file",
        &file,
    ];
    let ran = fusebox(Path::new("."), &arguments);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains(&one.token), "{ran:?}");
}
