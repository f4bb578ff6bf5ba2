//! Plugins on a web server: fetched once by their digest, never without TLS, and
//! only so much.

use fusebox_tests::{Client, Setup, greeting, plugin};
use serde_json::json;

use crate::registry::digest;
use crate::web::Files;
use crate::{Place, hello, refusal};

const PATH: &str = "/tools/hello.wasm";

/// A host with `hello` from this path, pinned to these bytes.
fn setup(place: &Place, files: &Files, path: &str, bytes: &[u8], more: &str) -> Setup {
    let ca = place.write("ca.pem", files.certificate());
    place.setup(&format!("ca = {ca:?}")).config(&format!(
        "[plugins.hello.source]\nurl = {:?}\ndigest = {:?}\n{more}\n",
        files.url(path),
        digest(bytes)
    ))
}

#[test]
fn a_file_is_fetched_once_and_then_never_again() {
    let (files, place) = (Files::start(), Place::new());
    let wasm = plugin("hello");
    files.put(PATH, &wasm);
    for start in ["from the server", "from the cache"] {
        let host = setup(&place, &files, PATH, &wasm, "").start();
        assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!", "{start}");
        let source = host.plugin_health("hello")["source"].clone();
        assert_eq!(source["url"], files.url(PATH));
        assert_eq!(source["digest"], digest(&wasm));
        assert_eq!(files.heads().len(), 1, "{start}");
    }
    // Another pin is another file.
    files.put(PATH, &greeting("Howdy, "));
    let host = setup(&place, &files, PATH, &greeting("Howdy, "), "").start();
    assert_eq!(hello(&mut Client::modern(&host)), "Howdy, Ada!");
}

#[test]
fn what_is_not_as_it_has_to_be_is_refused() {
    let (files, place) = (Files::start(), Place::new());
    let wasm = plugin("hello");
    files.put("/other.wasm", &greeting("Howdy, "));
    files.put("/large.wasm", &wasm);
    files.put_chunked("/endless.wasm", &wasm);
    files.redirect("/plain.wasm", "http://127.0.0.1:1/hello.wasm");
    files.redirect("/round.wasm", "/round.wasm");
    let host = files.host();
    let other = digest(&greeting("Howdy, "));
    let cases = [
        (
            "/other.wasm",
            "",
            format!("its digest is {other}, and it has to be {}", digest(&wasm)),
        ),
        (
            "/none.wasm",
            "",
            format!("there is no such plugin: {host} says 404 (not found)"),
        ),
        (
            "/large.wasm",
            "[reload]\nfile_max_bytes = 2000",
            "it is larger than 2000 bytes (raise `reload.file_max_bytes`)".to_owned(),
        ),
        (
            "/endless.wasm",
            "[reload]\nfile_max_bytes = 2000",
            "it is larger than 2000 bytes (raise `reload.file_max_bytes`)".to_owned(),
        ),
        (
            "/plain.wasm",
            "",
            format!("{host} can't be reached: URL scheme is not allowed"),
        ),
        (
            "/round.wasm",
            "",
            format!("{host} can't be reached: too many redirects"),
        ),
    ];
    for (path, more, expected) in cases {
        let said = refusal(setup(&place, &files, path, &wasm, more));
        assert_eq!(said, format!("{}: {expected}", files.url(path)), "{path}");
    }
    let rounds = files
        .heads()
        .iter()
        .filter(|head| head.contains("/round"))
        .count();
    assert_eq!(rounds % 6, 0, "five redirects are followed: {rounds}");
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_asked() {
    let (files, place) = (Files::start(), Place::new());
    let wasm = plugin("hello");
    files.put(PATH, &wasm);
    let url = files.url(PATH);
    let pinned = format!(
        "[plugins.hello.source]\nurl = {url:?}\ndigest = {:?}",
        digest(&wasm)
    );
    let said = refusal(place.setup("").config(&pinned));
    let expected = format!(
        "{url}: {} can't be reached: invalid peer certificate",
        files.host()
    );
    assert!(said.starts_with(&expected), "{said}");
    assert!(files.heads().is_empty(), "nothing was asked");
}

#[test]
fn a_server_is_shown_a_token_or_what_netrc_has() {
    let (files, place) = (Files::start(), Place::new());
    let wasm = plugin("hello");
    files.put(PATH, &wasm);
    let (host, url) = (files.host(), files.url(PATH));
    let token = "token = { env = \"HELLO_TOKEN\" }";
    let setup = |more: &str| setup(&place, &files, PATH, &wasm, more);

    files.want("Bearer hunter22");
    assert_eq!(
        refusal(setup("")),
        format!(
            "{url}: {host} refused it: it wants credentials; give a token in `plugins.hello.source.token`, or a user and a password in a netrc file"
        )
    );
    assert_eq!(
        refusal(setup(token)),
        format!(
            "{url}: `plugins.hello.source.token`: the host has no environment variable HELLO_TOKEN"
        )
    );
    let wrong = setup(token).variable("HELLO_TOKEN", "hunter23").start();
    let said = crate::failed(&wrong);
    assert_eq!(
        said,
        format!(
            "{url}: {host} refused it: it doesn't take the token of `plugins.hello.source.token`"
        )
    );
    assert!(!wrong.log().contains("hunter23"), "no credential is told");
    drop(wrong);
    let right = setup(token).variable("HELLO_TOKEN", "hunter22").start();
    assert_eq!(hello(&mut Client::modern(&right)), "Hello, Ada!");
    drop(right);

    // Base64 of `tester:between`.
    files.want("Basic dGVzdGVyOmJldHdlZW4=");
    let netrc = |password: &str| {
        let line = format!("machine 127.0.0.1 login tester password {password}\n");
        place.write("netrc", &line);
    };
    std::fs::remove_dir_all(place.path().join("cache")).expect("an empty cache");
    netrc("wrong");
    assert_eq!(
        refusal(setup("")),
        format!("{url}: {host} refused it: it doesn't take what the netrc file has for it")
    );
    netrc("between");
    let right = setup("").start();
    assert_eq!(hello(&mut Client::modern(&right)), "Hello, Ada!");
    assert_eq!(right.health()["causes"], json!([]));
}
