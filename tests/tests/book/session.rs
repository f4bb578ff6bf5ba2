//! A page as a session at a terminal: its blocks of the kind `console` are run, line by
//! line and in order, beside a host of the test's own, and what they print is compared
//! with what the page shows.
//!
//! Figures, digests and keys differ from run to run, so any number stands for any other;
//! a line `...` stands for any lines. `127.0.0.1:9999` is the host, wherever it listens.
//! A block of the kind `sh` that begins with a function defines it for the commands
//! below, and one of the kind `toml` that begins with `# NAME.toml` is that file.
//! UPDATE_DOCS=1 writes what is printed into the page, where that differs.

use std::fs;
use std::path::PathBuf;

use fusebox_tests::{Host, repository, typed};

/// What stands in pages for the host of the test.
const HOST: &str = "127.0.0.1:9999";

/// And for its operator's interface.
const ADMIN: &str = "127.0.0.1:9990";

/// A piece of a page that does something.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Define(String),
    Write(String, String),
    Run(Command),
}

/// A command, and what the page shows below it.
#[derive(Debug, PartialEq, Eq)]
struct Command {
    line: String,
    shown: Vec<String>,
    /// the number of the page's line at which `shown` begins
    at: usize,
    /// what stands before each line of its block
    margin: String,
}

/// Does what a page says beside a host, and gives how many commands that were.
///
/// # Panics
/// If some print something else than the page shows; with both, for all of them.
pub(crate) fn follow(page: &str, host: &Host) -> usize {
    let text = fs::read_to_string(repository().join(page))
        .unwrap_or_else(|error| panic!("failed to read {page}: {error}"));
    let folder = folder(host);
    let (address, admin) = (host.address().to_string(), host.admin().0.to_string());
    let here = |text: &str| text.replace(HOST, &address).replace(ADMIN, &admin);
    let mut defined = format!(
        "export XDG_STATE_HOME='{}'\n",
        folder.join("state").display()
    );
    let (mut ran, mut wrong) = (0, Vec::new());
    for step in steps(&text) {
        match step {
            Step::Define(function) => defined += &here(&function),
            Step::Write(name, content) => {
                fs::write(folder.join(name), here(&content)).expect("a file is written");
            }
            Step::Run(command) => {
                let script = format!("exec 2>&1\n{defined}{}", here(&command.line));
                let printed = typed(&folder, &script).stdout;
                if !fits(&command.shown, &printed.lines().collect::<Vec<_>>()) {
                    wrong.push((command, printed));
                }
                ran += 1;
            }
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(repository().join(page), updated(&text, &wrong)).expect("the page is written");
        return ran;
    }
    let wrong: Vec<String> = wrong
        .iter()
        .map(|(command, printed)| misfit(command, printed))
        .collect();
    assert!(
        wrong.is_empty(),
        "{page} shows something else than is printed (UPDATE_DOCS=1 rewrites it):\n{}",
        wrong.join("\n")
    );
    ran
}

fn misfit(command: &Command, printed: &str) -> String {
    let shown = command.shown.join("\n");
    let line = &command.line;
    format!("$ {line}\n--- printed ---\n{printed}--- shown ---\n{shown}\n")
}

/// The page with what these commands printed in place of what it shows.
fn updated(page: &str, wrong: &[(Command, String)]) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    // From the end, so that the numbers of the lines before hold.
    for (command, printed) in wrong.iter().rev() {
        let made = printed
            .lines()
            .map(|line| format!("{}{line}", command.margin));
        lines.splice(command.at..command.at + command.shown.len(), made);
    }
    lines.join("\n") + "\n"
}

/// The folder that the host's plugins lie in.
fn folder(host: &Host) -> PathBuf {
    let plugins = host.path("any");
    let folder = plugins.parent().and_then(|plugins| plugins.parent());
    folder.expect("the plugins lie in a folder").to_path_buf()
}

/// What a page does, in order.
fn steps(page: &str) -> Vec<Step> {
    let lines: Vec<&str> = page.lines().collect();
    let mut steps = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let fence = lines[at].split_once("```");
        at += 1;
        // A block in a list stands further to the right.
        let Some((margin, kind)) =
            fence.filter(|(margin, kind)| margin.trim().is_empty() && !kind.is_empty())
        else {
            continue;
        };
        let block = lines[at..].iter().take_while(|line| line.trim() != "```");
        let block: Vec<&str> = block
            .map(|line| line.strip_prefix(margin).unwrap_or(line))
            .collect();
        let text = format!("{}\n", block.join("\n"));
        let first = block.first().copied().unwrap_or_default();
        match kind {
            "console" => steps.extend(commands(&block, at, margin).map(Step::Run)),
            "sh" if first.contains("() {") => steps.push(Step::Define(text)),
            "toml" => {
                let name = first.strip_prefix("# ");
                if let Some(name) = name.filter(|name| name.ends_with(".toml")) {
                    steps.push(Step::Write(name.to_owned(), text));
                }
            }
            _ => {}
        }
        at += block.len() + 1;
    }
    steps
}

/// The commands of a session that begins at this line of its page, each with the lines
/// that it shows. One that goes on ends its line with a backslash.
fn commands(block: &[&str], begins: usize, margin: &str) -> impl Iterator<Item = Command> {
    let mut commands = Vec::new();
    let mut lines = block.iter().zip(begins..).peekable();
    while let Some((line, mut at)) = lines.next() {
        let line = line.strip_prefix("$ ");
        let mut line = line.expect("a session begins with a command").to_owned();
        while line.ends_with('\\') {
            let (next, number) = lines.next().expect("a line that goes on");
            line = format!("{line}\n{next}");
            at = number;
        }
        let mut shown = Vec::new();
        while let Some((next, _)) = lines.next_if(|(next, _)| !next.starts_with("$ ")) {
            shown.push((*next).to_owned());
        }
        commands.push(Command {
            line,
            shown,
            at: at + 1,
            margin: margin.to_owned(),
        });
    }
    commands.into_iter()
}

/// Whether what was printed is what is shown.
fn fits(shown: &[String], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        Some((first, rest)) => match printed.split_first() {
            Some((line, others)) => plain(first) == plain(line) && fits(rest, others),
            None => false,
        },
    }
}

/// A line with one number for all numbers, one digest for all digests, and one space for
/// any.
fn plain(line: &str) -> String {
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        // 0.0002 and 2e-4 are the same kind of thing.
        if word.parse::<f64>().is_ok() {
            words.push("0".to_owned());
            continue;
        }
        let mut text = String::new();
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let length = match is_part(first) {
                true => rest.find(|character| !is_part(character)),
                false => rest.find(is_part),
            };
            let (piece, others) = rest.split_at(length.unwrap_or(rest.len()));
            text += &any(piece);
            rest = others;
        }
        // 1.5 and 2 are both numbers.
        while text.contains("0.0") {
            text = text.replace("0.0", "0");
        }
        words.push(text);
    }
    words.join(" ")
}

/// A digest, a key or digits stand for all of their kind.
fn any(piece: &str) -> String {
    let is_hex = piece.len() >= 12 && piece.chars().all(|digit| digit.is_ascii_hexdigit());
    if is_hex {
        return "DIGEST".to_owned();
    }
    if piece.starts_with("fbx_") {
        return "fbx_KEY".to_owned();
    }
    let mut text = String::new();
    for character in piece.chars() {
        match character.is_ascii_digit() {
            true if text.ends_with('0') => {}
            true => text.push('0'),
            false => text.push(character),
        }
    }
    text
}

#[test]
fn what_differs_from_run_to_run_is_passed_over_and_nothing_else() {
    let check = |shown: &[&str], printed: &[&str], expected: bool| {
        let shown: Vec<String> = shown.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(fits(&shown, printed), expected, "{shown:?} and {printed:?}");
    };
    check(&["a 1.5"], &["a   20"], true);
    check(&["a 0.0002"], &["a 2e-4"], true);
    check(&["a 1"], &["b 1"], false);
    check(&["a 1"], &["a"], false);
    check(&["a"], &["a", "b"], false);
    check(&["a", "..."], &["a", "b", "c"], true);
    check(&["...", "c"], &["a", "b", "c"], true);
    check(&["...", "d"], &["a", "b", "c"], false);
    check(&[], &["a"], false);
    check(&["tls=\"on\""], &["tls=\"off\""], false);
    check(&["127.0.0.1:9999/mcp"], &["127.0.0.1:41234/mcp"], true);
    check(&["sha256:0a0a0a0a0a0a0a"], &["sha256:ffffffffffffff"], true);
    check(&["fbx_abc"], &["fbx_xyz_w"], true);
}

/// A page with each kind of block.
const PAGE: &str = "x\n```sh\ncall() {\n  true\n}\n```\n```toml\n# a.toml\nport = 1\n```\n\
    ```toml\nport = 2\n```\n   ```console\n   $ one \\\n     two\n   1\n   2\n   $ three\n   ```\n";

#[test]
fn a_page_is_read_as_it_is_written() {
    let command = |line: &str, shown: &[&str], at| {
        Step::Run(Command {
            line: line.to_owned(),
            shown: shown.iter().map(|line| (*line).to_owned()).collect(),
            at,
            margin: "   ".to_owned(),
        })
    };
    assert_eq!(
        steps(PAGE),
        [
            Step::Define("call() {\n  true\n}\n".to_owned()),
            Step::Write("a.toml".to_owned(), "# a.toml\nport = 1\n".to_owned()),
            command("one \\\n  two", &["1", "2"], 16),
            command("three", &[], 19),
        ]
    );
}

#[test]
fn what_is_printed_takes_the_place_of_what_is_shown() {
    let runs = steps(PAGE).into_iter().filter_map(|step| match step {
        Step::Run(command) => Some(command),
        _ => None,
    });
    let wrong: Vec<_> = runs.zip(["3\n".to_owned(), "4\n5\n".to_owned()]).collect();
    let expected = PAGE.replace("   1\n   2\n", "   3\n");
    let expected = expected.replace("   $ three\n", "   $ three\n   4\n   5\n");
    assert_eq!(updated(PAGE, &wrong), expected);
}
