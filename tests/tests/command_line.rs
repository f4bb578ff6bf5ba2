//! Proves what the command line promises: help that names everything, mistakes
//! that are named with their place, and exit codes that mean something.

use std::fs;
use std::net::TcpListener;

use fusebox_tests::{Ran, fusebox};
use tempfile::TempDir;

/// A wrong argument or configuration.
const USAGE: i32 = 2;

/// A host that could not start.
const FAILED: i32 = 1;

const MISSPELT: &str = "port = 0\n\n[circuit_breaker]\nfailure_treshold = 3\n";
const MISTAKE: &str =
    "my.toml:4: unknown key `circuit_breaker.failure_treshold`; did you mean `failure_threshold`?";

/// A folder with this configuration in `my.toml`.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("my.toml"), config).expect("a configuration is written");
    folder
}

fn run(folder: &TempDir, command: &str) -> Ran {
    let arguments: Vec<&str> = command.split_whitespace().collect();
    fusebox(folder.path(), &arguments)
}

/// The command failed, printed nothing on standard output, and its message has
/// a line that ends like this.
#[track_caller]
fn check_failed(ran: &Ran, code: i32, message: &str) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{ran:?}");
    assert!(
        ran.stderr.lines().any(|line| line.ends_with(message)),
        "{ran:?}"
    );
}

#[track_caller]
fn check_stdout(ran: &Ran, stdout: &str) {
    let succeeded = Ran {
        code: Some(0),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    assert_eq!(*ran, succeeded);
}

#[test]
fn a_valid_file_is_called_valid() {
    for config in ["", "port = 0\n[plugins.hello]\nenabled = false\n"] {
        check_stdout(
            &run(&folder(config), "config check my.toml"),
            "my.toml: valid\n",
        );
    }
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let folder = folder(&format!("{MISSPELT}\n[limits]\nfuel = \"much\"\n"));
    let ran = run(&folder, "config check my.toml");
    check_failed(&ran, USAGE, MISTAKE);
    check_failed(
        &ran,
        USAGE,
        "my.toml:7: `limits.fuel` is \"much\"; it must be an integer from 1000 to 1000000000000000",
    );
    // A line that says what it is about, and one for each mistake.
    assert_eq!(ran.stderr.lines().count(), 3, "{ran:?}");
}

#[test]
fn what_is_no_toml_or_no_file_is_named_too() {
    let ran = run(&folder("port = \n"), "config check my.toml");
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(USAGE), ""),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("my.toml:1: not valid TOML at column 8: "),
        "{ran:?}"
    );
    let ran = run(&folder(""), "config check other.toml");
    check_failed(
        &ran,
        USAGE,
        "other.toml: cannot be read: No such file or directory (os error 2)",
    );
}

#[test]
fn what_is_printed_is_a_file_that_means_the_same() {
    let folder = folder(
        "port = 1234\n[plugins.hello]\nfuel = 5000\nexclude = [\"b*\"]\n\
         tools.add.rename = \"sum\"\n[views.one]\nexclude = [\"c\"]\n",
    );
    for arguments in ["config print", "config print --config my.toml"] {
        let printed = run(&folder, arguments);
        check_stdout(&printed, &printed.stdout);
        fs::write(folder.path().join("printed.toml"), &printed.stdout).expect("a file is written");
        check_stdout(
            &run(&folder, "config check printed.toml"),
            "printed.toml: valid\n",
        );
        let again = run(&folder, "config print --config printed.toml");
        check_stdout(&again, &printed.stdout);
    }
    let printed = run(&folder, "config print --config my.toml").stdout;
    for line in [
        "port = 1234",
        "[plugins.hello]",
        "fuel = 5000",
        "exclude = [\"b*\"]",
        "[plugins.hello.tools.add]",
        "rename = \"sum\"",
        "exclude = [\"c\"]",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "no line {line:?} in\n{printed}"
        );
    }
}

#[test]
fn an_unknown_key_stops_the_start() {
    let folder = folder(MISSPELT);
    fs::create_dir(folder.path().join("plugins")).expect("a folder is made");
    for command in ["serve", "stdio"] {
        check_failed(
            &run(&folder, &format!("{command} --config my.toml")),
            USAGE,
            MISTAKE,
        );
    }
}

#[test]
fn a_missing_plugins_folder_stops_the_start() {
    let folder = folder("port = 0\n");
    for command in ["serve", "stdio"] {
        let ran = run(
            &folder,
            &format!("{command} --config my.toml --plugins nowhere"),
        );
        check_failed(
            &ran,
            FAILED,
            "failed to open the plugins folder `nowhere`: No such file or directory (os error 2); \
             create it, or name another with --plugins",
        );
    }
    // Without --plugins it is the one that the configuration names.
    let ran = run(&folder, "serve --config my.toml");
    check_failed(&ran, FAILED, "create it, or name another with --plugins");
    assert!(ran.stderr.contains("`plugins`"), "{ran:?}");
}

#[test]
fn a_port_that_is_taken_stops_the_start() {
    let folder = folder("");
    fs::create_dir(folder.path().join("plugins")).expect("a folder is made");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound socket has an address");
    for (listener, shown) in [
        (address.to_string(), format!("http://{address}")),
        (format!("tcp://{address}"), format!("tcp://{address}")),
    ] {
        // The first listener is bound, the second is not: nothing is served.
        let ran = run(
            &folder,
            &format!("serve --listen 127.0.0.1:0 --listen {listener}"),
        );
        let message = format!(
            "failed to listen on {shown}: Address already in use (os error 98); \
             stop the program that has the port, or choose another with --listen"
        );
        check_failed(&ran, FAILED, &message);
    }
}

#[test]
fn help_names_every_command() {
    let folder = folder("");
    let help = run(&folder, "--help");
    check_stdout(&help, &help.stdout);
    let names = |help: &str| -> Vec<String> {
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        lines
            .take_while(|line| !line.is_empty())
            // What begins further right goes on with the words about a command.
            .filter(|line| !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect()
    };
    let commands = names(&help.stdout);
    for command in ["serve", "stdio", "config", "help"] {
        assert!(
            commands.iter().any(|name| name == command),
            "{command}: {help:?}"
        );
    }
    // Each of them has help of its own.
    for command in commands.iter().filter(|name| *name != "help") {
        let help = run(&folder, &format!("{command} --help"));
        check_stdout(&help, &help.stdout);
        assert!(
            help.stdout.contains(&format!("Usage: fusebox {command}")),
            "{help:?}"
        );
    }
    assert_eq!(
        names(&run(&folder, "config --help").stdout),
        ["check", "print", "schema", "diff", "help"]
    );
}

#[test]
fn what_is_no_command_is_a_wrong_argument() {
    let folder = folder("");
    for command in ["", "swerve", "serve --plugin x", "serve --listen nowhere"] {
        let ran = run(&folder, command);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(USAGE), ""),
            "{command}: {ran:?}"
        );
    }
}
