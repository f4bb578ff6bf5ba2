//! What pages, scripts and units show: blocks of Markdown, and commands of the host
//! with their flags. Asks the program itself whether there are such commands.

use std::path::Path;

use crate::program::fusebox;

/// What ends a command of a shell.
const ENDS: [&str; 10] = ["|", ">", ">>", "<", "2>", "2>&1", "&", "&&", "||", "#"];

/// What a command may follow on its line: a prompt, a comment's sign, another command.
const BEGINS: [&str; 7] = ["$", "#", "|", "&&", "||", "do", "&"];

/// The text of all blocks of this kind in a page of Markdown.
///
/// # Panics
/// If one doesn't end.
pub fn blocks(page: &str, kind: &str) -> Vec<String> {
    let fence = format!("```{kind}\n");
    page.split(&fence)
        .skip(1)
        .map(|rest| {
            let (block, _) = rest.split_once("```").expect("a block ends");
            block.to_owned()
        })
        .collect()
}

/// The commands of the host in a text: the words that follow the program's name, up to
/// the end of the command.
pub fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            // An argument may have the same name: of a service, or a namespace.
            let is_first = at == 0 || BEGINS.contains(&words[at - 1]);
            if (is_first && *word == "fusebox") || word.ends_with("/bin/fusebox") {
                let rest = words[at + 1..]
                    .iter()
                    .take_while(|word| !ENDS.contains(word));
                found.push(rest.map(|word| (*word).to_owned()).collect());
            }
        }
    }
    found.retain(|command: &Vec<String>| !command.is_empty());
    found
}

/// Checks that the program has this command, with these flags.
///
/// # Panics
/// If it hasn't.
#[track_caller]
pub fn check_command(command: &[String]) {
    let here = Path::new(".");
    let mut path: Vec<&str> = Vec::new();
    let mut words = command.iter().map(String::as_str).peekable();
    let help = loop {
        let mut asked = path.clone();
        asked.push("--help");
        let help = fusebox(here, &asked);
        assert_eq!(help.code, Some(0), "{command:?}: {help:?}");
        let known = subcommands(&help.stdout);
        match words.peek() {
            Some(word) if !known.is_empty() && !word.starts_with('-') => {
                assert!(
                    known.contains(word),
                    "{command:?}: there is no `{word}`, but {known:?}"
                );
                path.extend(words.next());
            }
            _ => break help.stdout,
        }
    };
    for word in words.filter(|word| word.starts_with("--")) {
        let flag = word.split('=').next().expect("a flag");
        let mut there = help.split([' ', ',', '\n', '=']);
        assert!(there.any(|known| known == flag), "{command:?}: no {flag}");
    }
}

/// The commands below one, by its help.
fn subcommands(help: &str) -> Vec<&str> {
    let Some((_, listed)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    // A name stands two columns in; its words go on further to the right.
    let lines = listed.lines().take_while(|line| line.starts_with("  "));
    lines
        .filter(|line| !line[2..].starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}
