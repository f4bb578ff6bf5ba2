//! Every message about a configuration file, word for word.

use super::*;

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_name() {
    check(
        "port = 1\n[circuit_breaker]\ntimeout_ms = 1\n  failure_treshold = 5\n",
        "fusebox.toml:4: unknown key `circuit_breaker.failure_treshold`; did you mean `failure_threshold`?",
    );
    check(
        "[htp]\npath = 3",
        "fusebox.toml:1: unknown key `htp`; did you mean `http`?",
    );
    check(
        "failure_threshold = 5",
        "fusebox.toml:1: unknown key `failure_threshold`; did you mean `circuit_breaker.failure_threshold`?",
    );
    check(
        "[log]\ncolour = true",
        "fusebox.toml:2: unknown key `log.colour`; known here are `level`, `format`",
    );
    check(
        "[plugins.hello]\nfule = 1000",
        "fusebox.toml:2: unknown key `plugins.hello.fule`; did you mean `fuel`?",
    );
    check(
        "[plugins.'a b']\nenable = true",
        "fusebox.toml:2: unknown key `plugins.\"a b\".enable`; did you mean `enabled`?",
    );
    check(
        "circuit_breaker.timeout.ms = 1",
        "fusebox.toml:1: `circuit_breaker.timeout` is a table; it must be an integer from 1 to 86400000",
    );
}

#[test]
fn what_is_said_of_one_tool_has_its_own_keys_and_bounds() {
    check(
        "[plugins.a.tools.b]\nrenam = \"c\"",
        "fusebox.toml:2: unknown key `plugins.a.tools.b.renam`; did you mean `rename`?",
    );
    check(
        "[plugins.a.tools.b]\nrename = \"two words\"",
        "fusebox.toml:2: `plugins.a.tools.b.rename` is \"two words\"; it must be 1 to 128 of `A-Z a-z 0-9 _ - . /`",
    );
    check(
        "[plugins.a.tools.b]\ndescription = \"\"",
        "fusebox.toml:2: `plugins.a.tools.b.description` is \"\"; it must be a text of 1 to 16384 bytes",
    );
    check(
        "[plugins.a.tools.\"two words\"]\nrename = \"c\"",
        "fusebox.toml:1: `plugins.a.tools.\"two words\"` is a table; it must be one of 1000 tables at most, each named as a tool",
    );
    check(
        "[plugins.a]\ntools = \"b\"",
        "fusebox.toml:2: `plugins.a.tools` is \"b\"; it must be a table: [plugins.a.tools]",
    );
    check(
        "[plugins.a]\ninclude = \"b\"",
        "fusebox.toml:2: `plugins.a.include` is \"b\"; it must be an array of at most 64 strings such as \"add\" or \"list_*\"",
    );
    check(
        "[views.a]\nexclude = [\"\"]",
        "fusebox.toml:2: `views.a.exclude` is [\"\"]; it must be an array of at most 64 strings such as \"add\" or \"list_*\"",
    );
}

#[test]
fn a_value_of_the_wrong_type_is_shown_as_it_is_written() {
    let port = "it must be an integer from 0 to 65535";
    for (value, shown) in [
        ("\"9999\"", "\"9999\""),
        ("1e3", "1e3"),
        ("true", "true"),
        ("[ 1 ]", "[ 1 ]"),
        ("{ a = 1 }", "a table"),
        ("[{ a = 1 }]", "an array of tables"),
        ("2024-01-01", "2024-01-01"),
        ("0x1_0000", "0x1_0000"),
        ("99999999999999999999", "99999999999999999999"),
        ("'''a\n b'''", "'''a b'''"),
    ] {
        check(
            &format!("port = {value}"),
            &format!("fusebox.toml:1: `port` is {shown}; {port}"),
        );
    }
    check(
        &format!("port = '{}'", "ä".repeat(100)),
        &format!("fusebox.toml:1: `port` is '{}...; {port}", "ä".repeat(59)),
    );
    check(
        "[socket]\nnodelay = 1",
        "fusebox.toml:2: `socket.nodelay` is 1; it must be true or false",
    );
    check(
        "limits.isolation = 'Call'",
        "fusebox.toml:1: `limits.isolation` is 'Call'; it must be one of \"call\", \"caller\", \"pooled\"",
    );
    check(
        "http = 3",
        "fusebox.toml:1: `http` is 3; it must be a table: [http]",
    );
    check(
        "[[http]]",
        "fusebox.toml:1: `http` is an array of tables; it must be a table: [http]",
    );
    check(
        "plugins = []",
        "fusebox.toml:1: `plugins` is []; it must be a table: [plugins]",
    );
    check(
        "plugins.hello = false",
        "fusebox.toml:1: `plugins.hello` is false; it must be a table: [plugins.hello]",
    );
}

#[test]
fn texts_say_what_they_must_be() {
    check(
        "host = 'example.com'",
        "fusebox.toml:1: `host` is 'example.com'; it must be an IP address, \"localhost\" or \"\"",
    );
    check(
        "plugins_dir = ''",
        "fusebox.toml:1: `plugins_dir` is ''; it must be the path of a folder",
    );
    check(
        "http.path = '/health'",
        "fusebox.toml:1: `http.path` is '/health'; it must be a path such as \"/mcp\", and none of /health, /live and /ready",
    );
    check(
        "listen = ['9998', 'udp://1']",
        "fusebox.toml:1: `listen` is ['9998', 'udp://1']; it must be an array of at most 64 strings such as \"http://127.0.0.1:9999\" or \"quic://[::1]:9999\"",
    );
    check(
        "http.allowed_origins = ['example.com']",
        "fusebox.toml:1: `http.allowed_origins` is ['example.com']; it must be an array of at most 64 strings such as \"https://app.example.com\", or \"*\"",
    );
    check(
        "http.allowed_hosts = [3]",
        "fusebox.toml:1: `http.allowed_hosts` is [3]; it must be an array of at most 64 strings such as \"mcp.example.com\" or \"mcp.example.com:9999\", or \"*\"",
    );
    let hosts = |count| format!("http.allowed_hosts = [{}]", "'a',".repeat(count));
    check(&hosts(64), "");
    assert!(Config::from_toml("", &hosts(65)).is_err());
}

#[test]
fn thresholds_of_the_queue_are_in_order() {
    check(
        "[message_queue]\nmax_size = 1\nwarn_threshold = 1\nreject_threshold = 1",
        "",
    );
    check(
        "[message_queue]\nwarn_threshold = 9501",
        "fusebox.toml:2: `message_queue.warn_threshold` is 9501; it must be at most `message_queue.reject_threshold`, which is 9500",
    );
    check(
        "[message_queue]\nmax_size = 9499",
        "fusebox.toml:2: `message_queue.reject_threshold` is 9500; it must be at most `message_queue.max_size`, which is 9499",
    );
    // Nothing is said about the order of values that are wrong by themselves.
    check(
        "[message_queue]\nmax_size = 10\nreject_threshold = 0\nwarn_threshold = 10",
        "fusebox.toml:3: `message_queue.reject_threshold` is 0; it must be an integer from 1 to 10000000",
    );
}

#[test]
fn there_is_a_listener_and_none_twice() {
    check("host = ''\nlisten = ['tcp://9998']", "");
    check(
        "host = ''",
        "fusebox.toml:1: `listen` is []; it must be an array with a listener in it, because `host` is empty",
    );
    check("port = 0\nlisten = ['0', 'tcp://0']", "");
    // UDP has ports of its own.
    check("listen = ['quic://9999']", "");
    check(
        "listen = ['tcp://9999']",
        "fusebox.toml:1: tcp://127.0.0.1:9999 is on an address that another listener has; give each address once",
    );
}

#[test]
fn a_key_under_both_of_its_names_is_refused() {
    let said = "`circuit_breaker.timeout` is another name of `circuit_breaker.timeout_ms`; give only one of them";
    for names in [["timeout", "timeout_ms"], ["timeout_ms", "timeout"]] {
        check(
            &format!("[circuit_breaker]\n{} = 1\n{} = 1", names[0], names[1]),
            &format!("fusebox.toml:3: {said}"),
        );
    }
    check(
        "circuit_breaker.timeout = 0",
        "fusebox.toml:1: `circuit_breaker.timeout` is 0; it must be an integer from 1 to 86400000",
    );
}

#[test]
fn plugins_are_named_without_suffix_and_folder() {
    check(
        "[plugins.'hello.wasm']",
        "fusebox.toml:1: `hello.wasm` is no plugin name; use `hello`",
    );
    for name in ["", "a/b"] {
        check(
            &format!("[plugins.'{name}']"),
            &format!(
                "fusebox.toml:1: `{name}` is no plugin name; use the name of a file in `plugins_dir`, without .wasm"
            ),
        );
    }
}

#[test]
fn everything_wrong_is_said_at_once_in_the_order_of_the_file() {
    check(
        "prot = 1\nport = -1\n[message_queue]\nwarn_threshold = 9999\n[plugins.a]\nfuel = 1\nx = 1\n[log]\nlevel = 3",
        "fusebox.toml:1: unknown key `prot`; did you mean `port`?\n\
         fusebox.toml:2: `port` is -1; it must be an integer from 0 to 65535\n\
         fusebox.toml:4: `message_queue.warn_threshold` is 9999; it must be at most `message_queue.reject_threshold`, which is 9500\n\
         fusebox.toml:6: `plugins.a.fuel` is 1; it must be an integer from 1000 to 1000000000000000\n\
         fusebox.toml:7: unknown key `plugins.a.x`; known here are `fuel`, `deadline_ms`, `memory_max_bytes`, `table_elements_max`, `output_max_bytes`, `log_max_bytes`, `concurrent_calls_max`, `queue_max`, `isolation`, `max_calls_per_instance`, `ready_instances`, `validate_arguments`, `validate_output`, `result_cache`, `enabled`, `prefix`, `include`, `exclude`, `canary`, `tools`, `grants`, `source`\n\
         fusebox.toml:9: `log.level` is 3; it must be one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\"",
    );
}

#[test]
fn text_that_is_not_toml_is_located() {
    check(
        "port = 1\nport = 2",
        "fusebox.toml:2: not valid TOML at column 1: duplicate key",
    );
    check(
        "[log]\n[log]",
        "fusebox.toml:2: not valid TOML at column 2: duplicate key",
    );
    // All of it is said, but nothing about the keys that could be made out.
    check(
        "prot = \n a b\n",
        "fusebox.toml:1: not valid TOML at column 8: string values must be quoted, expected literal string\n\
         fusebox.toml:2: not valid TOML at column 4: key with no value, expected `=`",
    );
}

#[test]
fn errors_can_be_taken_apart() {
    let errors = Config::from_toml("f", "\n  port = 'ä'").unwrap_err();
    let expected = ConfigError {
        file: "f".to_owned(),
        location: Some(Location { line: 2, column: 3 }),
        problem: Problem::Invalid {
            key: "port".to_owned(),
            value: "'ä'".to_owned(),
            expected: "an integer from 0 to 65535".to_owned(),
        },
    };
    assert_eq!(errors.errors(), [expected]);
}

#[test]
fn a_certificate_comes_with_its_key_and_is_there_for_public_addresses() {
    check("[tls]\ncert = 'a.pem'\nkey = 'b.pem'", "");
    check(
        "[tls]\ncert = 'a.pem'",
        "fusebox.toml:2: `tls.key` is \"\"; it must be the path of a file, because `tls.cert` has one",
    );
    check(
        "[tls]\nkey = 'a.pem'",
        "fusebox.toml:2: `tls.cert` is \"\"; it must be the path of a file, because `tls.key` has one",
    );
    for scheme in ["quic", "https"] {
        check(&format!("listen = ['{scheme}://[::1]:1']"), "");
        check(
            &format!("port = 1\nlisten = ['{scheme}://0.0.0.0:1']"),
            &format!(
                "fusebox.toml:2: `tls.cert` is \"\"; it must be the path of a certificate, because {scheme}://0.0.0.0:1 is reached from other machines"
            ),
        );
        check(
            &format!("listen = ['{scheme}://0.0.0.0:1']\n[tls]\ncert = 'a'\nkey = 'b'"),
            "",
        );
    }
}

#[test]
fn what_is_wrong_with_a_grant_is_said_with_its_whole_key() {
    check(
        "[plugins.hello.grants.htp]\nallow = []",
        "fusebox.toml:1: unknown key `plugins.hello.grants.htp`; did you mean `http`?",
    );
    check(
        "[plugins.hello]\ngrant = {}",
        "fusebox.toml:2: unknown key `plugins.hello.grant`; did you mean `grants`?",
    );
    check(
        "[plugins.hello.grants.http]\nallowed = []",
        "fusebox.toml:2: unknown key `plugins.hello.grants.http.allowed`; did you mean `allow`?",
    );
    check(
        "[plugins.hello.grants]\nhttp = true",
        "fusebox.toml:2: `plugins.hello.grants.http` is true; it must be a table: [plugins.hello.grants.http]",
    );
    check(
        "[plugins.hello.grants.http]\nallow = ['https://a/b']",
        "fusebox.toml:2: `plugins.hello.grants.http.allow` is ['https://a/b']; it must be an array of at most 64 strings such as \"https://api.example.org\" or \"GET,POST http://*.example.org:8080\", without a path",
    );
    check(
        "[plugins.hello.grants.sockets]\nconnect = ['db.example.org']",
        "fusebox.toml:2: `plugins.hello.grants.sockets.connect` is ['db.example.org']; it must be an array of at most 64 strings such as \"tcp://db.example.org:5432\", \"udp://10.0.0.53:53\" or \"tcp://*.example.org:443\"",
    );
    check(
        "[plugins.hello.grants.secrets]\ntoken = 'hunter22'",
        "fusebox.toml:2: `plugins.hello.grants.secrets.token` is a string (not shown); it must be one of 64 entries at most, each { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", ...] }",
    );
    check(
        "[plugins.hello.grants.files]\ndata = { path = '/srv' }",
        "fusebox.toml:2: `plugins.hello.grants.files.data` is a table; it must be one of 64 entries at most, each { path = \"FOLDER\" } or { path = \"FOLDER\", write = true }, under a key such as \"/data\"",
    );
    check(
        "[plugins.hello.grants]\nconfig = { a = '' }\nsecrets = { a = { env = 'A' } }",
        "fusebox.toml:1: `plugins.hello.grants.config.a` is also a secret; it must be one of the two: leave it out here or in [plugins.hello.grants.secrets]",
    );
}

#[test]
fn what_is_wrong_with_a_source_is_said_with_its_whole_key() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let other = format!("sha256:{}", "b".repeat(64));
    let url = "it must be such as \"oci://registry.example/tools/weather:1.2\" or \"https://example.org/weather.wasm\", without a user";
    check(
        "[plugins.hello.source]\nurl = 'http://a.example/b'",
        &format!("fusebox.toml:2: `plugins.hello.source.url` is 'http://a.example/b'; {url}"),
    );
    check(
        "[plugins.hello.source]\ninterval_ms = 0",
        &format!("fusebox.toml:1: `plugins.hello.source.url` is missing; {url}"),
    );
    check(
        "[plugins.hello.source]\nurls = ''\nurl = 'oci://a.example/b'",
        "fusebox.toml:2: unknown key `plugins.hello.source.urls`; did you mean `url`?",
    );
    check(
        "[plugins.hello.source]\nurl = 'https://a.example/b'",
        "fusebox.toml:2: `plugins.hello.source.digest` is missing; it must be the digest of the file, \"sha256:\" and what `sha256sum` says of it, because `url` is https://",
    );
    check(
        "[plugins.hello.source]\nurl = 'oci://a.example/b'\ndigest = 'sha256:abc'",
        "fusebox.toml:3: `plugins.hello.source.digest` is 'sha256:abc'; it must be \"sha256:\" and 64 of `0-9 a-f`",
    );
    check(
        &format!("[plugins.hello.source]\nurl = 'oci://a.example/b@{digest}'\ndigest = '{other}'"),
        &format!(
            "fusebox.toml:3: `plugins.hello.source.digest` is \"{other}\"; it must be \"{digest}\", as in `url`"
        ),
    );
    check(
        "[plugins.hello.source]\nurl = 'oci://a.example/b'\ntoken = 'hunter22'",
        "fusebox.toml:3: `plugins.hello.source.token` is a string (not shown); it must be { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", ...] }",
    );
    check(
        "[plugins.hello.source]\nurl = 'oci://a.example/b'\ntoken = { env = 'A' }",
        "fusebox.toml:3: `plugins.hello.source.token` is given; it must be left out: the credentials for a registry are those of `docker login`",
    );
    check(
        "[plugins.'a b'.source]\nurl = 'oci://a.example/b'",
        "fusebox.toml:2: `plugins.\"a b\".source` is of a plugin called 'a b'; it must be of one with a name of 1 to 64 of `A-Z a-z 0-9 _ - .`",
    );
    check(
        "[signatures]\npolicy = 'require'",
        "fusebox.toml:2: `signatures.keys` is []; it must be an array with a key in it, because `signatures.policy` asks for signatures",
    );
    check(
        "[signatures]\nkeys = ['RWQ']",
        "fusebox.toml:2: `signatures.keys` is ['RWQ']; it must be an array of at most 64 strings such as \"RWQ...\", the second line of a minisign.pub",
    );
}
