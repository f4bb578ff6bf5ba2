//! The units of systemd, read by systemd's own tools.

use std::fs;

use fusebox_tests::{check_command, commands, host_binary};
use tempfile::TempDir;

use crate::{check_line, read};

const SERVICE: &str = "config/systemd/fusebox.service";
const SOCKET: &str = "config/systemd/sockets/fusebox-http.socket";

/// What `systemd-analyze security` may say at most, in tenths: 0 is sealed, 100 open.
const EXPOSURE_MAX: u32 = 20;

/// The units in a folder of their own, with the program where it is built.
fn units() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let program = host_binary().display().to_string();
    for path in [SERVICE, SOCKET] {
        let name = path.rsplit('/').next().expect("a name");
        let unit = read(path).replace("/usr/bin/fusebox", &program);
        fs::write(folder.path().join(name), unit).expect("a unit");
    }
    folder
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let units = units();
    let line = "systemd-analyze verify --man=no ./fusebox.service ./fusebox-http.socket";
    check_line(units.path(), line);
    // What it would say of a mistake.
    let service = units.path().join("fusebox.service");
    let broken = fs::read_to_string(&service).expect("a unit") + "\n[Service]\nNoSuchKey=1\n";
    fs::write(service, broken).expect("a unit");
    let ran = fusebox_tests::typed(units.path(), line);
    assert!(ran.stderr.contains("NoSuchKey"), "{ran:?}");
}

#[test]
fn the_service_is_sealed_as_far_as_it_can_be() {
    let units = units();
    check_line(
        units.path(),
        &format!(
            "systemd-analyze security --offline=true --no-pager --threshold={EXPOSURE_MAX} \
             ./fusebox.service > exposure"
        ),
    );
}

#[test]
fn the_service_starts_what_the_program_knows() {
    let service = read(SERVICE);
    let starts = service
        .lines()
        .filter_map(|line| line.strip_prefix("ExecStart="));
    let starts: Vec<_> = starts.flat_map(commands).collect();
    assert_eq!(starts.len(), 1, "{starts:?}");
    check_command(&starts[0]);
    // Fifteen thousand connections need as many open files.
    assert!(service.contains("\nLimitNOFILE=65536\n"));
    // Compiled plugins could not be run.
    assert!(!service.contains("\nMemoryDenyWriteExecute="));
}

#[test]
fn the_socket_is_where_the_host_would_listen() {
    let defaults = fusebox_tests::fusebox(std::path::Path::new("."), &["config", "print"]).stdout;
    let value = |key: &str| {
        let mut lines = defaults.lines();
        let found = lines.find_map(|line| line.strip_prefix(&format!("{key} = ")));
        found.expect(key).trim_matches('"').to_owned()
    };
    let socket = read(SOCKET);
    let listen = format!("\nListenStream={}:{}\n", value("host"), value("port"));
    assert!(socket.contains(&listen), "{listen}");
    assert!(socket.contains(&format!("\nBacklog={}\n", value("backlog"))));
}
