//! A page as a session at a terminal: its blocks of the kind `console` are run, line by
//! line and in order, beside a host of the test's own, and what they print is compared
//! with what the page shows.
//!
//! Figures, digests and keys differ from run to run, so any number stands for any other;
//! a line `...` stands for any lines. `127.0.0.1:9999` is the host, wherever it listens.
//! A block of the kind `sh` that begins with a function defines it for the commands
//! below, and one of the kind `toml` that begins with `# NAME.toml` is that file.

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
    Run { line: String, shown: Vec<String> },
}

/// Does what a page says beside a host, and gives how many commands that were.
///
/// # Panics
/// If some print something else than the page shows; with both, for all of them.
pub(crate) fn follow(page: &str, host: &Host, admin: Option<&str>) -> usize {
    let text = fs::read_to_string(repository().join(page))
        .unwrap_or_else(|error| panic!("failed to read {page}: {error}"));
    let folder = folder(host);
    let address = host.address().to_string();
    let here = |text: &str| {
        let text = text.replace(HOST, &address);
        match admin {
            Some(admin) => text.replace(ADMIN, admin),
            None => text,
        }
    };
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
            Step::Run { line, shown } => {
                let script = format!("exec 2>&1\n{defined}{}", here(&line));
                let printed = typed(&folder, &script).stdout;
                let lines: Vec<&str> = printed.lines().collect();
                if !fits(&shown, &lines) {
                    let shown = shown.join("\n");
                    wrong.push(format!(
                        "$ {line}\n--- printed ---\n{printed}--- shown ---\n{shown}\n"
                    ));
                }
                ran += 1;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{page} shows something else than is printed:\n{}",
        wrong.join("\n")
    );
    ran
}

/// The folder that the host's plugins lie in.
fn folder(host: &Host) -> PathBuf {
    let plugins = host.path("any");
    let folder = plugins.parent().and_then(|plugins| plugins.parent());
    folder.expect("the plugins lie in a folder").to_path_buf()
}

/// What a page does, in order.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        // A block in a list stands further to the right.
        let Some((margin, kind)) = line
            .split_once("```")
            .filter(|(margin, kind)| margin.trim().is_empty() && !kind.is_empty())
        else {
            continue;
        };
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        let block: Vec<&str> = block
            .map(|line| line.strip_prefix(margin).unwrap_or(line))
            .collect();
        let text = format!("{}\n", block.join("\n"));
        let first = block.first().copied().unwrap_or_default();
        match kind {
            "console" => steps.extend(commands(&block)),
            "sh" if first.contains("() {") => steps.push(Step::Define(text)),
            "toml" => {
                let name = first.strip_prefix("# ");
                if let Some(name) = name.filter(|name| name.ends_with(".toml")) {
                    steps.push(Step::Write(name.to_owned(), text));
                }
            }
            _ => {}
        }
    }
    steps
}

/// The commands of a session, each with the lines that it shows. One that goes on ends
/// its line with a backslash.
fn commands(block: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = block.iter().peekable();
    while let Some(line) = lines.next() {
        let line = line.strip_prefix("$ ");
        let mut line = line.expect("a session begins with a command").to_owned();
        while line.ends_with('\\') {
            line.push('\n');
            line += lines.next().expect("a line that goes on");
        }
        let mut shown = Vec::new();
        while let Some(next) = lines.next_if(|next| !next.starts_with("$ ")) {
            shown.push((*next).to_owned());
        }
        steps.push(Step::Run { line, shown });
    }
    steps
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

#[test]
fn a_page_is_read_as_it_is_written() {
    let page = "x\n```sh\ncall() {\n  true\n}\n```\n```toml\n# a.toml\nport = 1\n```\n\
                ```toml\nport = 2\n```\n   ```console\n   $ one \\\n     two\n   1\n   2\n   $ three\n   ```\n";
    assert_eq!(
        steps(page),
        [
            Step::Define("call() {\n  true\n}\n".to_owned()),
            Step::Write("a.toml".to_owned(), "# a.toml\nport = 1\n".to_owned()),
            Step::Run {
                line: "one \\\n  two".to_owned(),
                shown: vec!["1".to_owned(), "2".to_owned()],
            },
            Step::Run {
                line: "three".to_owned(),
                shown: vec![],
            },
        ]
    );
}
