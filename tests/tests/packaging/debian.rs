//! The Debian package: its scripts, and that each file it is made of is there or made
//! by `cargo xtask dist`.

use std::fs;

use fusebox_tests::repository;

use crate::{check_config, check_line, read, tool};

const MANIFEST: &str = "host/server/Cargo.toml";

#[test]
fn its_scripts_are_in_order() {
    let shellcheck = tool("shellcheck");
    for script in ["postinst", "prerm", "postrm"] {
        let path = repository().join("config/debian").join(script);
        let line = format!("{} {}", shellcheck.display(), path.display());
        check_line(&repository(), &line);
        // Where the lines for systemd go.
        let text = fs::read_to_string(path).expect("a script");
        assert!(text.contains("\n#DEBHELPER#\n"), "{script}");
        assert!(text.contains("\nset -e\n"), "{script}");
    }
}

#[test]
fn its_configuration_is_valid_and_stays_when_it_is_upgraded() {
    check_config(&read("config/debian/fusebox.toml"));
    let manifest = read(MANIFEST);
    assert!(manifest.contains("conf-files = [\"/etc/fusebox/fusebox.toml\"]"));
    // The unit reads that very file.
    assert!(
        read("config/systemd/fusebox.service").contains("--config /etc/fusebox/fusebox.toml\n")
    );
}

#[test]
fn what_it_is_made_of_is_there() {
    let manifest = read(MANIFEST);
    let (_, assets) = manifest.split_once("\nassets = [\n").expect("the assets");
    let (assets, _) = assets.split_once("\n]").expect("their end");
    let sources: Vec<&str> = assets
        .lines()
        .filter_map(|line| line.split("source = \"").nth(1)?.split('"').next())
        .collect();
    assert!(sources.len() > 5, "{sources:?}");
    let made = read("xtask/src/dist/program.rs");
    assert!(made.contains("\"release/package\""), "where it is made");
    for source in sources {
        match source.strip_prefix("target/release/package/") {
            Some(name) => {
                let name = name.rsplit('/').next().expect("a name");
                assert!(
                    name.contains('*') || made.contains(&format!("\"{name}\"")),
                    "nothing makes {source}"
                );
            }
            None => {
                let path = repository().join("host/server").join(source);
                assert!(path.is_file(), "{source} is not there");
            }
        }
    }
}
