//! Completions and manual pages, which the program makes of its own command line.

use std::fs;

use fusebox_tests::fusebox;

use crate::check_line;

#[test]
fn each_shell_gets_a_script_that_it_can_read() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = fusebox(folder.path(), &["completions", shell]);
        assert_eq!(script.code, Some(0), "{script:?}");
        assert!(script.stdout.contains("serve"), "{shell}: {script:?}");
    }
    let unknown = fusebox(folder.path(), &["completions", "csh"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(
        unknown.stderr.contains("possible values: bash"),
        "{unknown:?}"
    );
}

#[test]
fn bash_completes_commands_and_flags() {
    let folder = tempfile::tempdir().expect("a folder");
    let complete = |words: &str| {
        let count = words.split(' ').count() - 1;
        let line = format!(
            "fusebox completions bash > fusebox.bash && bash -c '. ./fusebox.bash; \
             COMP_WORDS=({words}); COMP_CWORD={count}; \
             _fusebox fusebox \"${{COMP_WORDS[$COMP_CWORD]}}\" \"${{COMP_WORDS[$COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\"'"
        );
        check_line(folder.path(), &line)
    };
    assert_eq!(complete("fusebox ser"), "serve\n");
    assert_eq!(complete("fusebox serve --ins"), "--insecure\n");
    assert_eq!(complete("fusebox key re"), "revoke\n");
    assert_eq!(complete("fusebox nothing"), "\n");
}

#[test]
fn a_reader_of_completions_may_go_away() {
    let folder = tempfile::tempdir().expect("a folder");
    check_line(folder.path(), "fusebox completions zsh | head -c 1 > first");
}

#[test]
fn each_command_has_a_manual_page_that_man_shows_without_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = fusebox(folder.path(), &["man", "a/new/folder"]);
    assert_eq!(
        (written.code, written.stdout.as_str()),
        (Some(0), ""),
        "{written:?}"
    );
    let pages = folder.path().join("a/new/folder");
    for name in [
        "fusebox",
        "fusebox-serve",
        "fusebox-plugin-call",
        "fusebox-key-new",
    ] {
        let page = pages.join(format!("{name}.1"));
        assert!(page.is_file(), "{name}");
        let line = format!("man --local-file --warnings {} | col -b", page.display());
        let shown = check_line(folder.path(), &line);
        assert!(shown.contains("SYNOPSIS"), "{name}: {shown}");
    }
    let serve = fs::read_to_string(pages.join("fusebox-serve.1")).expect("a page");
    assert!(serve.contains("\\-\\-listen"), "{serve}");

    fs::write(folder.path().join("taken"), "").expect("a file");
    let refused = fusebox(folder.path(), &["man", "taken/below"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("failed to make the folder taken/below"),
        "{refused:?}"
    );
}
