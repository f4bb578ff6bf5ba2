//! The proofs that the default file, the rules and the fields hold the same keys,
//! and that what a file says is what the configuration holds.

mod layers;
mod messages;
mod page;
mod schema;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;

use super::rules::RULES;
use super::*;

fn parse(text: &str) -> Config {
    Config::from_toml("fusebox.toml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// `expected` is what is said of `text`, one error a line; "" if it is fine.
fn check(text: &str, expected: &str) {
    let said = match Config::from_toml("fusebox.toml", text) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    };
    assert_eq!(said, expected, "for {text:?}");
}

/// Whole keys of a tree, without those of single plugins.
fn keys(table: &toml::Table, prefix: &str, into: &mut BTreeSet<String>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) => keys(inner, &format!("{prefix}{name}."), into),
            _ => {
                into.insert(format!("{prefix}{name}"));
            }
        }
    }
}

#[test]
fn the_default_file_the_rules_and_the_fields_hold_the_same_keys() {
    let in_rules: BTreeSet<String> = RULES.iter().map(|(key, _)| (*key).to_owned()).collect();
    let (mut in_file, mut in_fields) = (BTreeSet::new(), BTreeSet::new());
    keys(&DEFAULT_TOML.parse().unwrap(), "", &mut in_file);
    let fields = toml::Table::try_from(Config::default()).unwrap();
    keys(&fields, "", &mut in_fields);
    assert_eq!(in_file, in_rules);
    assert_eq!(in_fields, in_rules);
    assert_eq!(RULES.len(), in_rules.len(), "a key has two rules");
}

/// The ranges in the comments are those of the rules.
#[test]
fn the_default_file_says_each_range() {
    for (key, rule) in RULES {
        let rules::Rule::Int { min, max } = rule else {
            continue;
        };
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        let section = if table.is_empty() {
            DEFAULT_TOML
        } else {
            DEFAULT_TOML
                .split_once(&format!("\n[{table}]\n"))
                .unwrap()
                .1
        };
        let above = section.split_once(&format!("\n{name} = ")).unwrap().0;
        let comment: Vec<&str> = above
            .rsplit('\n')
            .take_while(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches(['#', ' ']))
            .collect();
        let comment: Vec<&str> = comment.into_iter().rev().collect();
        let comment = comment.join(" ");
        assert!(
            comment.contains(&format!("{min} to {max}")),
            "{key}: {comment}"
        );
    }
}

#[test]
fn the_default_is_what_the_default_file_says() {
    let config = Config::default();
    assert_eq!(parse(""), config);
    assert_eq!(parse(DEFAULT_TOML), config);
    assert_eq!(Config::load(None, &NOTHING).unwrap(), config);
    let listeners = config.listeners();
    assert_eq!(listeners, ["http://127.0.0.1:9999".parse().unwrap()]);
    assert_eq!(config.plugins_dir, Path::new("plugins"));
    assert_eq!(config.max_connections, 15_000);
    assert_eq!(config.http.path, "/mcp");
    assert_eq!(config.stream.idle_timeout, Some(Duration::from_secs(1800)));
    assert_eq!(
        config.message_queue,
        MessageQueue {
            max_size: 10_000,
            warn_threshold: 7_500,
            reject_threshold: 9_500,
            connection_max: 128,
        }
    );
    assert_eq!(
        config.circuit_breaker,
        CircuitBreaker {
            failure_threshold: NonZeroU32::new(5).unwrap(),
            timeout: Duration::from_secs(30),
            half_open_requests: NonZeroU32::new(3).unwrap(),
        }
    );
    assert_eq!(
        config.limits,
        Limits {
            fuel: 10_000_000_000,
            deadline: Duration::from_secs(30),
            memory_max_bytes: 128 << 20,
            table_elements_max: 20_000,
            output_max_bytes: 16 << 20,
            log_max_bytes: 64 << 10,
            concurrent_calls_max: 256,
            queue_max: 1000,
            isolation: Isolation::Call,
            max_calls_per_instance: 1000,
            ready_instances: 0,
            validate_arguments: true,
            validate_output: true,
            result_cache: false,
        }
    );
    assert_eq!(config.registry_shards, 256);
    assert_eq!(config.capability_cache_ttl, Duration::from_secs(300));
    assert_eq!(config.health_check_interval, Duration::from_secs(5));
    assert_eq!(config.metrics_interval, Some(Duration::from_secs(60)));
    let backpressure = config.backpressure;
    assert_eq!(
        (
            backpressure.enabled,
            backpressure.memory_threshold,
            backpressure.cpu_threshold,
            backpressure.queue_threshold
        ),
        (true, 90, 95, 80)
    );
}

/// Code in the comments of the default file begins right after its `#`.
#[test]
fn the_example_in_the_default_file_is_right() {
    let lines: Vec<&str> = DEFAULT_TOML
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(code) if code.starts_with(|first: char| first == '[' || first.is_alphabetic()) => {
                code
            }
            _ => line,
        })
        .collect();
    let hello = parse(&lines.join("\n")).plugin("hello");
    assert_eq!(hello.limits.isolation, Isolation::Pooled);
    assert_eq!(hello.limits.memory_max_bytes, 16 << 20);
    assert_eq!(hello.limits.deadline, Duration::from_secs(1));
    let weather = parse(&lines.join("\n")).plugin("weather");
    let source = weather.source.unwrap();
    assert_eq!(
        source.url.to_string(),
        "oci://registry.example/tools/weather:1.2"
    );
    assert_eq!(source.interval, Some(Duration::from_secs(60)));
}

#[test]
fn a_source_is_printed_as_it_is_read() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let config = parse(&format!(
        "[sources]\ninterval_ms = 1000\n[plugins.a.source]\nurl = 'https://a.example/b'\ndigest = '{digest}'\ntoken = {{ env = 'A' }}\n[plugins.b]\nenabled = false\nsource = {{ url = 'oci://a.example/b' }}",
    ));
    let names: Vec<&str> = config.plugin_sources().map(|(name, _)| name).collect();
    assert_eq!(names, ["a"], "what is switched off comes from nowhere");
    let source = config.plugin("a").source.unwrap();
    assert_eq!(source.interval, Some(Duration::from_secs(1)));
    assert_eq!(source.pin(), Some(digest.as_str()));
    assert_eq!(parse(&config.effective_toml()), config);
    let own = config.for_own_files();
    assert_eq!(own.plugin_sources().count(), 0);
}

#[test]
fn a_file_changes_only_what_it_gives() {
    let mut expected = Config {
        port: 1,
        ..Config::default()
    };
    expected.http.path = "/".to_owned();
    expected.http.allowed_hosts = vec!["a.example".to_owned()];
    expected.log.format = LogFormat::Json;
    expected.stream.idle_timeout = None;
    expected.circuit_breaker.timeout = Duration::from_millis(7);
    let text = "port = 0x1\nhttp = { path = '/', allowed_hosts = ['a.example'] }\n\
                log.format = 'json'\nstream.idle_timeout_ms = 0\n[circuit_breaker]\ntimeout = 7";
    assert_eq!(parse(text), expected);
}

#[test]
fn each_end_of_each_range_is_taken_and_no_further() {
    for (key, rule) in RULES {
        let rules::Rule::Int { min, max } = rule else {
            continue;
        };
        // These three also depend on each other.
        if key.starts_with("message_queue.") && !key.ends_with("connection_max") {
            continue;
        }
        check(&format!("{key} = {min}"), "");
        check(&format!("{key} = {max}"), "");
        for value in [min - 1, max + 1] {
            check(
                &format!("\n{key} = {value}"),
                &format!(
                    "fusebox.toml:2: `{key}` is {value}; it must be an integer from {min} to {max}"
                ),
            );
        }
    }
}

#[test]
fn the_names_of_erlmcp_are_taken() {
    let config = parse(
        "capability_cache_ttl = 1\nhealth_check_interval = 200\nmetrics_interval = 3\n\
         [backpressure]\nenable = false\n[circuit_breaker]\ntimeout = 4",
    );
    let millis = Duration::from_millis;
    assert_eq!(config.capability_cache_ttl, millis(1));
    assert_eq!(config.health_check_interval, millis(200));
    assert_eq!(config.metrics_interval, Some(millis(3)));
    assert!(!config.backpressure.enabled);
    assert_eq!(config.circuit_breaker.timeout, millis(4));
    check(
        "metrics_interval = 1\nmetrics_interval_ms = 1",
        "fusebox.toml:2: `metrics_interval` is another name of `metrics_interval_ms`; give only one of them",
    );
}

#[test]
fn tables_are_split_into_a_power_of_two() {
    assert_eq!(parse("registry_shards = 2").registry_shards, 2);
    check(
        "registry_shards = 48",
        "fusebox.toml:1: `registry_shards` is 48; it must be a power of two, such as 256",
    );
}

#[test]
fn each_word_of_each_set_is_taken() {
    for (key, rule) in RULES {
        if let rules::Rule::OneOf(words) = rule {
            for word in *words {
                // A policy on signatures is nothing without a key.
                let signatures = "signatures.keys = ['RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3']";
                let config = parse(&format!("{signatures}\n{key} = '{word}'"));
                assert!(config.effective_toml().contains(&format!("= \"{word}\"")));
            }
        }
    }
    for level in ["off", "error", "warn", "info", "debug", "trace"] {
        let config = parse(&format!("log.level = '{level}'"));
        assert_eq!(config.log.level.as_str(), level);
    }
}

#[test]
fn a_plugin_has_its_own_limits_over_the_common_ones() {
    let config = parse(
        "[plugins.hello]\nfuel = 5000\nenabled = false\n[plugins.'a.b']\n[limits]\nfuel = 2000\nqueue_max = 1",
    );
    let hello = config.plugin("hello");
    assert_eq!(
        hello,
        PluginSettings {
            name: "hello".to_owned(),
            enabled: false,
            prefix: String::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            tools: BTreeMap::new(),
            limits: Limits {
                fuel: 5000,
                ..config.limits
            },
            grants: Grants::default(),
            source: None,
            canary: CanaryChoice::Default,
        }
    );
    assert_eq!(hello.limits.queue_max, 1);
    for name in ["a.b", "other"] {
        let settings = config.plugin(name);
        let expected = PluginSettings {
            name: name.to_owned(),
            enabled: true,
            prefix: String::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            tools: BTreeMap::new(),
            limits: config.limits,
            grants: Grants::default(),
            source: None,
            canary: CanaryChoice::Default,
        };
        assert_eq!(settings, expected);
    }
    assert_eq!(
        hello.key_of(Limit::Memory),
        "plugins.hello.memory_max_bytes"
    );
    assert_eq!(
        config.plugin("a.b").key_of(Limit::Fuel),
        "plugins.\"a.b\".fuel"
    );
}

#[test]
fn each_limit_is_a_key() {
    let limits = [
        Limit::Fuel,
        Limit::Deadline,
        Limit::Memory,
        Limit::TableElements,
        Limit::Output,
        Limit::Log,
        Limit::ConcurrentCalls,
        Limit::Queue,
    ];
    for limit in limits {
        assert!(
            rules::rule(&format!("limits.{}", limit.key())).is_some(),
            "{limit:?}"
        );
    }
}

#[test]
fn the_effective_settings_give_the_same_configuration() {
    let rich = "host = '::1'\nlisten = ['tcp://1']\nmax_connections = 1\n[plugins.a]\nfuel = 1000\n\
                [plugins.'b c']\nenabled = false\n[stream]\nidle_timeout_ms = 0\n[http]\nallowed_hosts = ['*']";
    let flags = parse(rich)
        .with_listeners(vec!["tcp://[::1]:2".parse().unwrap()])
        .with_plugins_dir("a \"b\"");
    let grants = "[plugins.hello.grants]\nconfig = { a = 'b' }\n\
        secrets = { t = { command = ['a', 'b'] }, u = { file = '/f' } }\n\
        env = { A = 'b', C = { env = 'D' } }\n\
        http = { allow = ['GET http://*.a'], addresses = ['10.0.0.0/8'] }\n\
        sockets = { connect = ['tcp://*.a:1', 'udp://[::1]:2'], addresses = ['::1'] }\n\
        keyvalue = { max_keys = 3 }\n\
        keyvalue_session = { owners_max = 7 }\nkeyvalue_caller = {}\nfiles = { '/d' = { path = 'd' } }";
    for config in [Config::default(), parse(rich), parse(grants), flags] {
        assert_eq!(parse(&config.effective_toml()), config);
    }
}

#[test]
fn flags_replace_what_the_file_says() {
    let config = parse("listen = ['tcp://1']");
    let listeners: Vec<Listener> = vec!["tcp://7".parse().unwrap(), "8".parse().unwrap()];
    assert_eq!(
        config.clone().with_listeners(listeners.clone()).listeners(),
        listeners
    );
    assert_eq!(config.clone().with_listeners(Vec::new()), config);
    assert_eq!(config.with_plugins_dir("/p").plugins_dir, Path::new("/p"));
}

#[test]
fn a_file_is_loaded_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    let name = path.display();
    let said = |contents: &[u8]| {
        std::fs::write(&path, contents).unwrap();
        Config::load(Some(&path), &NOTHING).map_err(|errors| errors.to_string())
    };
    assert_eq!(said(b"port = 7").unwrap().port, 7);
    assert_eq!(said(b"\xef\xbb\xbfport = 7\r\n").unwrap().port, 7);
    assert_eq!(
        said(b"\nprt = 7").unwrap_err(),
        format!("{name}:2: unknown key `prt`; did you mean `port`?")
    );
    assert_eq!(
        said(b"# \xff").unwrap_err(),
        format!("{name}: cannot be read: it is not UTF-8 text (byte 3)")
    );
    assert!(said(&b"#".repeat(256 << 10)).is_ok());
    assert_eq!(
        said(&b"#".repeat((256 << 10) + 1)).unwrap_err(),
        format!("{name}: is more than 262144 bytes long: that is no configuration file")
    );
    std::fs::remove_file(&path).unwrap();
    let missing = Config::load(Some(&path), &NOTHING).unwrap_err().to_string();
    assert_eq!(
        missing,
        format!("{name}: cannot be read: No such file or directory (os error 2)")
    );
}
