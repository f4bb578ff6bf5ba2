//! The proofs that the schema for editors says what the host takes: it is the one
//! beside the default file, the default file and its examples fit it, and what the
//! host refuses for its name or range it refuses too.

use super::*;

/// Beside the default file, for editors that don't ask the program.
const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../config/fusebox.schema.json"
);

fn schema() -> jsonschema::Validator {
    jsonschema::draft202012::new(&Config::schema()).unwrap()
}

/// A TOML file as an editor sees it.
fn json(text: &str) -> serde_json::Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

/// The default file with its examples as lines of it.
fn with_examples() -> String {
    let lines = DEFAULT_TOML
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(code)
                if code
                    .starts_with(|first: char| "[\"".contains(first) || first.is_alphabetic()) =>
            {
                code
            }
            _ => line,
        });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_file_beside_the_default_file_is_this_schema() {
    let made = Config::schema_text();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, &made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(FILE).unwrap();
    assert!(
        there == made,
        "{FILE} is not up to date: run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn it_is_a_schema_of_its_dialect() {
    jsonschema::draft202012::meta::validate(&Config::schema()).unwrap();
}

#[test]
fn the_default_file_and_its_examples_fit() {
    for text in [
        DEFAULT_TOML,
        &with_examples(),
        "",
        &Config::default().effective_toml(),
    ] {
        let errors: Vec<String> = schema()
            .iter_errors(&json(text))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn it_refuses_what_the_host_refuses() {
    let schema = schema();
    for text in [
        "prt = 1",
        "[http]\nbdy = 1",
        "port = 65536",
        "port = 'a'",
        "listen = [1]",
        "listen = 'tcp://1'",
        "[socket]\nnodelay = 1",
        "[log]\nlevel = 'loud'",
        "[plugins.a]\nfuel = 1",
        "[plugins.a]\nx = 1",
        "[plugins.a.tools.b]\nx = 'c'",
        "[plugins.a.source]\ndigest = 'x'",
        "[plugins.a.grants]\nx = {}",
        "[plugins.a.grants.http]\nconcurrent_max = 0",
        "[plugins.a.grants.secrets]\na = 'b'",
        "[plugins.a.grants.secrets]\na = { env = 'A', file = '/b' }",
        "[plugins.a.grants.files]\n'/a' = {}",
        "[views.v]\nx = 1",
        "[roles.r]\nhealth = 'yes'",
    ] {
        assert!(!schema.is_valid(&json(text)), "it takes {text:?}");
        assert!(
            Config::from_toml("a", text).is_err(),
            "the host takes {text:?}"
        );
    }
}

#[test]
fn it_takes_what_the_host_takes() {
    let schema = schema();
    for text in [
        "metrics_interval = 1\n[circuit_breaker]\ntimeout = 4",
        "[log]\nlevel = '${LEVEL:debug}'",
        "[plugins.a.grants]\nenv = { A = 'b', C = { env = 'D' } }\nfiles = { '/d' = { path = 'd', write = true } }\nkeyvalue_session = { owners_max = 7 }",
    ] {
        assert!(schema.is_valid(&json(text)), "it refuses {text:?}");
        Config::from_toml("a", text).unwrap();
    }
}
