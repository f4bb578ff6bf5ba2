//! The proofs that the environment lies over the file and nothing else does, and
//! that a mistake is told of whichever of the two has it.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let pairs = variables.iter();
    Environment::of(pairs.map(|(name, value)| (name.into(), value.into())))
}

fn read(text: &str, variables: &[(&str, &str)]) -> (Config, Origins) {
    let read = Config::read("my.toml", text, &environment(variables));
    read.unwrap_or_else(|errors| panic!("{errors}"))
}

/// `expected` is what is said, one error a line.
fn check(text: &str, variables: &[(&str, &str)], expected: &str) {
    let said = Config::read("my.toml", text, &environment(variables));
    let said = said.map_or_else(|errors| errors.to_string(), |_| String::new());
    assert_eq!(said, expected, "for {text:?} and {variables:?}");
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let text = "port = 1\nmax_connections = 2\n[http]\npath = '/a'\nsse_path = '/s'";
    let variables = [("FUSEBOX_PORT", "3"), ("FUSEBOX_HTTP__PATH", "/b")];
    let (config, _) = read(text, &variables);
    assert_eq!((config.port, config.max_connections), (3, 2));
    assert_eq!((&*config.http.path, &*config.http.sse_path), ("/b", "/s"));
    assert_eq!(config.registry_shards, 256);
}

#[test]
fn a_limit_of_the_environment_is_that_of_plugins_that_have_none_of_their_own() {
    let text = "[limits]\nfuel = 2000\n[plugins.a]\nfuel = 3000\n[plugins.b]\nqueue_max = 1";
    let variables = [
        ("FUSEBOX_LIMITS__FUEL", "4000"),
        ("FUSEBOX_PLUGINS__C__PREFIX", "c_"),
        ("FUSEBOX_PLUGINS__B__QUEUE_MAX", "7"),
    ];
    let (config, _) = read(text, &variables);
    let fuel = |name: &str| config.plugin(name).limits.fuel;
    assert_eq!((fuel("a"), fuel("b"), fuel("c")), (3000, 4000, 4000));
    assert_eq!(config.plugin("b").limits.queue_max, 7);
    assert_eq!(config.plugin("c").prefix, "c_");
}

#[test]
fn a_variable_wins_under_either_name_of_a_key_and_replaces_a_whole_value() {
    let text = "metrics_interval = 5\n[plugins.a.source]\nurl = 'https://a.example/b'\n\
                token = { env = 'A' }\n";
    let digest = format!("sha256:{}", "a".repeat(64));
    let variables = [
        ("FUSEBOX_METRICS_INTERVAL_MS", "7"),
        ("FUSEBOX_PLUGINS__A__SOURCE__TOKEN", "{ file = \"/t\" }"),
        ("FUSEBOX_PLUGINS__A__SOURCE__DIGEST", &digest),
    ];
    let (config, _) = read(text, &variables);
    assert_eq!(config.metrics_interval, Some(Duration::from_millis(7)));
    let source = config.plugin("a").source.unwrap();
    assert_eq!(source.token, Some(Source::File("/t".into())));
}

#[test]
fn mistakes_are_told_of_the_variable_or_of_the_line() {
    check(
        "port = 1\nmax_connections = 0\n",
        &[("FUSEBOX_PORT", "many"), ("FUSEBOX_HTP__PATH", "/")],
        "FUSEBOX_HTP__PATH: sets no key; did you mean FUSEBOX_HTTP__PATH?\n\
         FUSEBOX_PORT: `port` is \"many\"; it must be an integer from 0 to 65535\n\
         my.toml:2: `max_connections` is 0; it must be an integer from 1 to 1000000",
    );
    // What two keys must agree on, too.
    check(
        "message_queue.reject_threshold = 7000",
        &[("FUSEBOX_MESSAGE_QUEUE__WARN_THRESHOLD", "8000")],
        "FUSEBOX_MESSAGE_QUEUE__WARN_THRESHOLD: `message_queue.warn_threshold` is 8000; it must be at most `message_queue.reject_threshold`, which is 7000",
    );
    // A table that is none stays a mistake of the file.
    check(
        "http = 1",
        &[("FUSEBOX_HTTP__PATH", "/")],
        "my.toml:1: `http` is 1; it must be a table: [http]",
    );
}

#[test]
fn references_stand_for_variables_in_strings_alone() {
    let text = "host = '${HOST:127.0.0.1}'\nlisten = ['tcp://${ADDRESS}']\n[log]\nlevel = \"${LEVEL}\"\n\
                [plugins.a.grants.config]\nkey = '$${A} $B'\n[plugins.'${LEVEL}']\nfuel = 5000";
    let variables = [("ADDRESS", "127.0.0.1:7"), ("LEVEL", "debug")];
    let (config, _) = read(text, &variables);
    assert_eq!(config.host, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(config.listen, ["tcp://127.0.0.1:7".parse().unwrap()]);
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.plugin("a").grants.config["key"], "${A} $B");
    assert_eq!(
        config.plugin("${LEVEL}").limits.fuel,
        5000,
        "a name is none"
    );
}

#[test]
fn a_reference_that_stands_for_nothing_or_for_what_does_not_fit_is_told() {
    check(
        "\nhost = '${NO_HOST}'\nlisten = [\n'tcp://1',\n'${X'\n]",
        &[],
        "my.toml:2: the environment has no variable `NO_HOST`; set it, or write ${NO_HOST:default}\n\
         my.toml:5: `${X` is no reference to a variable: write ${NAME} or ${NAME:default}, and $${ for the characters themselves",
    );
    check(
        "[log]\nlevel = '${LEVEL}'",
        &[("LEVEL", "loud")],
        "my.toml:2: `log.level` is '${LEVEL}', which is \"loud\"; it must be one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\"",
    );
}

#[test]
fn no_message_shows_what_a_secret_stands_for() {
    for text in [
        "[plugins.a.source]\nurl = 'oci://r.example/a'\ntoken = '${KEY}'",
        "[plugins.a.grants]\nsecrets = { t = '${KEY}' }",
        "[plugins.a.grants]\nsecrets = { t = ['${KEY}'] }",
        "[plugins.a.grants]\nconfig = { t = ['${KEY}'] }",
    ] {
        let said = Config::read("my.toml", text, &environment(&[("KEY", "hunter2")]));
        let said = said.unwrap_err().to_string();
        assert!(
            said.contains("plugins.a") && !said.contains("hunter2"),
            "{said}"
        );
    }
    let said = Config::read(
        "my.toml",
        "",
        &environment(&[("FUSEBOX_PLUGINS__A__GRANTS__SECRETS__T", "hunter2")]),
    );
    let said = said.unwrap_err().to_string();
    assert!(
        said.starts_with("FUSEBOX_PLUGINS__A__GRANTS__SECRETS__T: ") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn each_line_says_where_its_value_is_from_and_all_give_the_same_configuration() {
    let text = "port = 1\n[limits]\nfuel = 2000\n[plugins.'a.b']\nprefix = 'x'\n\
                [plugins.'a.b'.grants]\nconfig = { 'k.v' = '$${x}' }\nsecrets = { s = { env = 'S' } }\n\
                [views.v]\ntools = ['a']";
    let (config, origins) = read(text, &[("FUSEBOX_MAX_CONNECTIONS", "9")]);
    let lines = config.effective_lines(&origins);
    for line in [
        "port = 1 # my.toml:1",
        "max_connections = 9 # FUSEBOX_MAX_CONNECTIONS",
        "http.path = \"/mcp\" # default",
        "limits.fuel = 2000 # my.toml:3",
        "plugins.\"a.b\".prefix = \"x\" # my.toml:5",
        "plugins.\"a.b\".fuel = 2000 # my.toml:3",
        "plugins.\"a.b\".grants.config.\"k.v\" = \"$${x}\" # my.toml:7",
        "plugins.\"a.b\".grants.secrets.s = { \"env\" = \"S\" } # my.toml:8",
        "views.v.tools = [\"a\"] # my.toml:10",
    ] {
        assert!(lines.lines().any(|one| one == line), "no {line}\n{lines}");
    }
    assert_eq!(parse(&lines), config);
    assert_eq!(parse(&config.effective_toml()), config);
}
