//! The image, and what runs beside it in `compose.yaml`.

use std::fs;

use fusebox_tests::{Setup, check_command, commands, fusebox, repository};
use serde_json::Value;

use crate::{check_config, check_line, documents, read, tool};

const DOCKERFILE: &str = "config/docker/Dockerfile";
const CONFIG: &str = "config/docker/fusebox.toml";
const COMPOSE: &str = "config/docker/compose.yaml";

/// The words of an instruction of the Dockerfile that is written as a list.
fn listed(instruction: &str) -> Vec<String> {
    let file = read(DOCKERFILE).replace("\\\n", " ");
    let mut lines = file.lines().map(str::trim);
    let line = lines.find(|line| line.contains(instruction));
    let line = line.unwrap_or_else(|| panic!("no {instruction}"));
    let (_, list) = line.split_once('[').expect("a list");
    serde_json::from_str(&format!("[{list}")).expect("a list of words")
}

#[test]
fn the_image_is_built_by_the_rules() {
    let line = format!("{} {DOCKERFILE}", tool("hadolint").display());
    check_line(&repository(), &line);
    let file = read(DOCKERFILE);
    let user = file.lines().find_map(|line| line.strip_prefix("USER "));
    let number = user.and_then(|user| user.split(':').next()?.parse::<u32>().ok());
    assert!(number.is_some_and(|number| number > 0), "{user:?}");
}

#[test]
fn what_the_image_runs_is_what_the_program_knows() {
    let program = listed("ENTRYPOINT");
    assert_eq!(program, ["/usr/bin/fusebox"]);
    check_command(&listed("CMD [\"serve\""));
    let health = listed("CMD [\"/usr/bin/fusebox\"");
    check_command(&health[1..]);
    let text = read(CONFIG);
    check_config(&text);
    assert!(text.contains("\nhost = \"0.0.0.0\"\n"));
    // The configuration keeps the default's port.
    assert!(read(DOCKERFILE).contains("\nEXPOSE 9999\n"));
    assert!(
        health.iter().any(|word| word.contains(":9999")),
        "{health:?}"
    );
}

/// The probe of the image, by the program of this build, at a host of this test.
#[test]
fn the_probe_of_the_image_tells_a_host_that_serves_from_none() {
    let host = Setup::new().plugin("hello").start();
    let address = host.address().to_string();
    let probe: Vec<String> = listed("CMD [\"/usr/bin/fusebox\"")
        .iter()
        .skip(1)
        .map(|word| word.replace("127.0.0.1:9999", &address))
        .collect();
    let words: Vec<&str> = probe.iter().map(String::as_str).collect();
    let good = fusebox(&repository(), &words);
    assert_eq!(good.code, Some(0), "{good:?}");
    drop(host);
    let gone = fusebox(&repository(), &words);
    assert_eq!(gone.code, Some(2), "{gone:?}");
}

#[test]
fn what_compose_mounts_is_there_and_its_host_serves() {
    let compose = documents(COMPOSE).remove(0);
    let services = compose["services"].as_object().expect("services");
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["collector", "fusebox", "grafana", "prometheus"]);
    let mut mounted = 0;
    for service in services.values() {
        let volumes = service["volumes"].as_array();
        let volumes = volumes.into_iter().flatten().filter_map(Value::as_str);
        for source in volumes.filter_map(|volume| volume.split(':').next()) {
            let is_path = source.starts_with('.');
            // What the operator makes himself, as the file's head says.
            if !is_path || source == "./plugins" {
                continue;
            }
            let path = repository().join("config/docker").join(source);
            assert!(path.exists(), "{source} is not there");
            mounted += 1;
        }
    }
    assert!(mounted >= 5, "{mounted}");
    let host = &services["fusebox"];
    assert_eq!(host["read_only"], true);
    assert_eq!(host["ports"], serde_json::json!(["127.0.0.1:9999:9999"]));
    for command in commands(&read(COMPOSE)) {
        check_command(&command);
    }
}

#[test]
fn the_keys_that_compose_asks_for_let_prometheus_see_and_call_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("secrets")).expect("a folder");
    let compose = read(COMPOSE);
    let makes = compose
        .lines()
        .filter_map(|line| line.strip_prefix("#   fusebox key new "));
    let mut made = 0;
    for rest in makes {
        let line = format!("fusebox key new {rest}");
        let ran = fusebox_tests::typed(folder.path(), &line);
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
        made += 1;
    }
    assert_eq!(made, 2);
    let keys = folder.path().join("secrets/keys.toml");
    let config = read(CONFIG)
        .replace("/run/secrets/keys.toml", &keys.display().to_string())
        .replace("plugins_dir = \"/plugins\"\n", "")
        // The test reads the log as people do.
        .replace("format = \"json\"\n", "");
    let host = Setup::new().plugin("hello").config(&config).start();
    let key = |name: &str| {
        let path = folder.path().join("secrets").join(name);
        format!("Bearer {}", fs::read_to_string(path).expect("a key").trim())
    };
    let get = |path: &str, key: &str| {
        let headers = [("Connection", "close"), ("Authorization", key)];
        fusebox_tests::Connection::open(host.address()).exchange("GET", path, &headers, b"")
    };
    let monitor = key("prometheus.key");
    let health = get("/health", &monitor).json();
    assert!(health["plugins"]["hello"].is_object(), "{health:#}");
    assert_eq!(get("/metrics", &monitor).head.status, 200);
    assert!(
        host.health().get("plugins").is_none(),
        "a stranger is told the status alone"
    );

    let ask = |key: &str| {
        let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list",
            "params": {"_meta": fusebox_tests::modern_meta()}});
        let headers = [
            ("Authorization", key),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/list"),
        ];
        let body = body.to_string();
        let mut connection = fusebox_tests::Connection::open(host.address());
        let answer = connection
            .exchange("POST", "/mcp", &headers, body.as_bytes())
            .json();
        answer["result"]["tools"].as_array().map(Vec::len)
    };
    assert_eq!(ask(&monitor), Some(0));
    assert_eq!(ask(&key("ada.key")), Some(2));
}

#[test]
fn prometheus_takes_its_configuration_beside_compose() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = repository().join("config/prometheus");
    let key = folder.path().join("prometheus.key");
    fs::write(&key, "fbx_key").expect("a file");
    // What compose mounts, where it is here.
    let config = read("config/docker/prometheus.yml")
        .replace("/etc/prometheus/fusebox", &rules.display().to_string())
        .replace("/run/secrets/prometheus.key", &key.display().to_string());
    let path = folder.path().join("prometheus.yml");
    fs::write(&path, config).expect("a file");
    let said = check_line(folder.path(), "promtool check config prometheus.yml");
    assert!(said.contains("1 rule files found"), "{said}");
    // It finds the host by the name and the port that it has in compose.
    let scraped = &documents("config/docker/prometheus.yml")[0]["scrape_configs"][0];
    assert_eq!(
        scraped["job_name"], "fusebox",
        "the alerts know it by this name"
    );
    assert_eq!(scraped["static_configs"][0]["targets"][0], "fusebox:9999");
}

#[test]
fn what_compose_sets_by_variables_is_understood() {
    let compose = documents(COMPOSE).remove(0);
    let variables = &compose["services"]["fusebox"]["environment"];
    let variables = variables.as_object().expect("variables");
    let mut line = String::new();
    for (name, value) in variables {
        line += &format!("{name}='{}' ", value.as_str().expect("a text"));
    }
    line += &format!("fusebox config print --config {CONFIG}");
    let printed = check_line(&repository(), &line);
    let (_, telemetry) = printed.split_once("\n[telemetry]\n").expect("telemetry");
    assert!(telemetry.starts_with("enabled = true\n"), "{telemetry}");
    let endpoint = telemetry
        .lines()
        .find_map(|line| line.strip_prefix("endpoint = "));
    assert_eq!(endpoint, Some("\"http://collector:4317\""));
    // Where the collector listens.
    let collector = documents("config/docker/collector.yaml").remove(0);
    let listens = &collector["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"];
    assert_eq!(*listens, "0.0.0.0:4317");
    assert!(compose["services"]["collector"].is_object());
}
