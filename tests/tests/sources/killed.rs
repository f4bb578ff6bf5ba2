//! A host that is killed while it fetches a plugin: what it has of it is whole or is
//! not there, and the next start fetches it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use fusebox_tests::{Client, Setup, plugin, until};

use crate::registry::{Registry, digest};
use crate::web::Files;
use crate::{Place, hello};

const PATH: &str = "/tools/hello.wasm";

/// A host that serves without waiting for its sources, with `hello` as these lines say.
fn fetching(place: &Place, sources: &str, source: &str) -> Setup {
    let cache = place.path().join("cache");
    Setup::new().config(&format!(
        "[sources]\ninterval_ms = 50\nstart_wait_ms = 0\ncache_dir = {cache:?}\n{sources}\n\
         [plugins.hello.source]\n{source}\n"
    ))
}

fn setup(place: &Place, files: &Files, wasm: &[u8]) -> Setup {
    let ca = place.write("ca.pem", files.certificate());
    let (url, digest) = (files.url(PATH), digest(wasm));
    let source = format!("url = {url:?}\ndigest = {digest:?}");
    fetching(place, &format!("ca = {ca:?}"), &source)
}

/// Bytes that pass a sluice on each connection: a manifest, and a part of a plugin.
const PASS_MAX: usize = 16 << 10;

/// A way to a registry on which answers stop in the middle, until it is opened.
struct Sluice {
    address: SocketAddr,
    is_open: Arc<AtomicBool>,
    /// connections on which something is held back
    held: Arc<AtomicUsize>,
}

impl Sluice {
    fn before(registry: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let sluice = Self {
            address: listener.local_addr().expect("an address"),
            is_open: Arc::default(),
            held: Arc::default(),
        };
        let (is_open, held) = (sluice.is_open.clone(), sluice.held.clone());
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let server = TcpStream::connect(&registry).expect("the registry is there");
                let (is_open, held) = (is_open.clone(), held.clone());
                // Ends with one of the two.
                thread::spawn(move || pass(client, server, &is_open, &held));
            }
        });
        sluice
    }
}

fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    is_open: &AtomicBool,
    held: &AtomicUsize,
) -> io::Result<()> {
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let asking = thread::spawn(move || io::copy(&mut from, &mut to));
    let (mut passed, mut buffer) = (0, [0; 1024]);
    while let count @ 1.. = server.read(&mut buffer)? {
        if passed + count > PASS_MAX && !is_open.load(Ordering::SeqCst) {
            held.fetch_add(1, Ordering::SeqCst);
            // Until whoever asked has gone.
            let _ = asking.join();
            return Ok(());
        }
        passed += count;
        client.write_all(&buffer[..count])?;
    }
    Ok(())
}

/// The names of the files that the cache has, and whether each is what it is called.
fn kept(place: &Place) -> Vec<(String, bool)> {
    let folder = place.path().join("cache").join("sha256");
    let Ok(files) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = files.map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|one| one == "wasm"));
    files
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let bytes = fs::read(&path).expect("a file is read");
            let is_whole = digest(&bytes) == format!("sha256:{name}");
            (name.into_owned(), is_whole)
        })
        .collect()
}

#[test]
fn killed_in_the_middle_of_a_fetch_it_starts_again_and_fetches_it() {
    let (files, place) = (Files::start(), Place::new());
    let wasm = plugin("hello");
    files.put_half(PATH, &wasm);
    for round in 1..=3 {
        let mut host = setup(&place, &files, &wasm).start();
        until("half of it is on its way", || {
            (files.halves() >= round).then_some(())
        });
        assert_ne!(host.plugin_health("hello")["state"], "serving");
        host.kill();
        assert_eq!(kept(&place), [], "nothing that isn't whole");
    }
    // The server is well again.
    files.put(PATH, &wasm);
    let mut host = setup(&place, &files, &wasm).start();
    host.health_when("it is served", |health| {
        health["plugins"]["hello"]["state"] == "serving"
    });
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    host.kill();
    let whole: Vec<bool> = kept(&place).into_iter().map(|one| one.1).collect();
    assert_eq!(whole, [true]);
    // And gone: what was kept is enough.
    let asked = files.heads().len();
    let host = setup(&place, &files, &wasm).start();
    host.health_when("it is served", |health| {
        health["plugins"]["hello"]["state"] == "serving"
    });
    assert_eq!(files.heads().len(), asked);
}

#[test]
fn so_it_does_with_a_registry() {
    let (registry, place) = (Registry::start(), Place::new());
    registry.push("tools/hello", "1", &plugin("hello"));
    let sluice = Sluice::before(registry.host());
    let url = format!("oci://{}/tools/hello:1", sluice.address);
    let setup = || fetching(&place, "", &format!("url = {url:?}"));
    for round in 1..=3 {
        let mut host = setup().start();
        until("a part of it is on its way", || {
            (sluice.held.load(Ordering::SeqCst) >= round).then_some(())
        });
        assert_ne!(host.plugin_health("hello")["state"], "serving");
        host.kill();
        assert_eq!(kept(&place), [], "nothing that isn't whole");
    }
    sluice.is_open.store(true, Ordering::SeqCst);
    let host = setup().start();
    host.health_when("it is served", |health| {
        health["plugins"]["hello"]["state"] == "serving"
    });
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    let whole: Vec<bool> = kept(&place).into_iter().map(|one| one.1).collect();
    assert_eq!(whole, [true]);
}

/// What a crash can leave on a disk that was not synced: a file of the right name with
/// half of its bytes, and one that was still being written.
#[test]
fn what_is_not_whole_in_the_cache_is_passed_over() {
    let (files, place) = (Files::start(), Place::new());
    let wasm = plugin("hello");
    files.put(PATH, &wasm);
    let digest = digest(&wasm);
    let name = digest.trim_start_matches("sha256:");
    let half = String::from_utf8_lossy(&wasm[..wasm.len() / 2]).into_owned();
    place.write(&format!("cache/sha256/{name}.wasm"), &half);
    place.write("cache/sha256/.left.tmp", &half);
    let host = setup(&place, &files, &wasm).start();
    host.health_when("it is served", |health| {
        health["plugins"]["hello"]["state"] == "serving"
    });
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    assert_eq!(kept(&place), [(name.to_owned(), true)]);
}
