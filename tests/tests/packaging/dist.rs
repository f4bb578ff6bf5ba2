//! What `cargo xtask dist` puts together of a program: the archive and the trees of the
//! image. The program is the one that is tested, so that nothing is linked once more;
//! the Debian package and the bill of materials need tools that it compiles first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fusebox_tests::host_binary;
use tempfile::TempDir;

use crate::check_line;

/// A folder with what was made.
struct Made(TempDir);

impl Made {
    /// Makes a part of the tested program and a bill of materials that says nothing.
    fn part(part: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bill = folder.path().join("bill.json");
        fs::write(&bill, "{\"bomFormat\": \"CycloneDX\"}").expect("a file");
        let xtask = host_binary().with_file_name("xtask");
        let made = Command::new(&xtask)
            .args(["dist", "--only", part, "--program"])
            .arg(host_binary())
            .arg("--bill")
            .arg(&bill)
            .env("CARGO_TARGET_DIR", folder.path())
            .env("SOURCE_DATE_EPOCH", "1700000000")
            .output()
            .unwrap_or_else(|error| panic!("failed to run {}: {error}", xtask.display()));
        let told = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{told}");
        Self(folder)
    }

    fn dist(&self) -> PathBuf {
        self.0.path().join("dist")
    }
}

/// Runs a line there, which must succeed.
#[track_caller]
fn says(folder: &Path, line: &str) -> String {
    check_line(folder, line)
}

#[test]
fn the_archive_is_whole_and_what_is_in_it_works() {
    let made = Made::part("archive");
    let dist = made.dist();
    says(&dist, "sha256sum --check --quiet SHA256SUMS");
    says(
        &dist,
        "mkdir unpacked && tar -xzf fusebox-*.tar.gz -C unpacked",
    );
    let unpacked = fs::read_dir(dist.join("unpacked")).expect("it was unpacked");
    let roots: Vec<PathBuf> = unpacked.map(|one| one.expect("a folder").path()).collect();
    let [root] = roots.as_slice() else {
        panic!("everything is below one folder: {roots:?}");
    };
    let name = root.file_name().expect("a name").to_string_lossy();
    assert!(name.starts_with("fusebox-"), "{name}");
    says(root, "sha256sum --check --quiet SHA256SUMS");
    let sums = fs::read_to_string(root.join("SHA256SUMS")).expect("sums");
    let all = says(root, "find . -type f | wc -l");
    let all: usize = all.trim().parse().expect("a number");
    assert_eq!(sums.lines().count() + 1, all, "each file has its sum");
    assert!(says(root, "./fusebox --version").starts_with("fusebox "));
    let valid = says(root, "./fusebox config check config/fusebox.toml");
    assert_eq!(valid, "config/fusebox.toml: valid\n");
    // Of what it says of itself nothing is missing.
    assert!(says(root, "gunzip -c man/man1/fusebox.1.gz").contains(".TH fusebox"));
    assert!(says(root, "gunzip -c man/man1/fusebox-serve.1.gz").contains("\\-\\-listen"));
    says(root, "bash -n completions/fusebox");
    for file in [
        "completions/_fusebox",
        "completions/fusebox.fish",
        "config/systemd/fusebox.service",
        "config/prometheus",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "deny.toml",
        "sbom.cdx.json",
    ] {
        assert!(root.join(file).exists(), "{file}");
    }
    // All of it is root's, and dated as the sources are.
    let listed = says(&dist, "tar -tvzf fusebox-*.tar.gz --numeric-owner --utc");
    for line in listed.lines() {
        assert!(line.contains(" 0/0 "), "{line}");
        assert!(line.contains(" 2023-11-14 "), "{line}");
        let mode = &line[..10];
        assert!(!mode[5..].contains('w'), "nobody else writes it: {line}");
    }
    // Made again, each byte is the same.
    let sums = |made: &Made| fs::read_to_string(made.dist().join("SHA256SUMS"));
    let again = Made::part("archive");
    assert_eq!(sums(&made).expect("sums"), sums(&again).expect("sums"));
}

#[test]
fn the_trees_of_the_image_have_what_the_host_needs() {
    let made = Made::part("image");
    let image = made.dist().join("image");
    let system = image.join("system");
    assert!(says(&system, "./usr/bin/fusebox --version").starts_with("fusebox "));
    let line = "./usr/bin/fusebox config check etc/fusebox/fusebox.toml";
    assert_eq!(says(&system, line), "etc/fusebox/fusebox.toml: valid\n");
    let trusted = fs::read_to_string(system.join("etc/ssl/certs/ca-certificates.crt"));
    assert!(trusted.expect("certificates").contains("BEGIN CERTIFICATE"));
    assert!(system.join("plugins").is_dir());
    for folder in ["lib/fusebox", "cache/fusebox", "cache/fusebox-plugins"] {
        assert!(image.join("var").join(folder).is_dir(), "{folder}");
    }
}
