//! Prometheus itself, Debian's, as a process on loopback: what it makes of a busy
//! host's figures, of the dashboard's queries and of the alerts; and `promtool`, which
//! comes with it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use fusebox_tests::{Connection, Response, Scrape, repository, until};
use serde_json::Value;
use tempfile::TempDir;

use super::*;

const INSTALL: &str = "it starts; `cargo xtask test --only provision` installs it";

/// Runs `promtool` in the folder with the rules.
fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(repository().join("config/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(INSTALL);
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have seen enough before it has read all.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn check_promtool(arguments: &[&str], input: &str) {
    let output = promtool(arguments, input);
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

#[test]
fn the_alerts_are_rules_and_do_what_their_tests_say() {
    check_promtool(&["check", "rules", "alerts.yml"], "");
    check_promtool(&["test", "rules", "alerts_test.yml"], "");
    check_promtool(&["check", "config", "prometheus.yml"], "");
}

#[test]
fn promtool_has_nothing_against_the_figures_of_a_busy_host() {
    let host = busy();
    let output = promtool(&["check", "metrics"], &Scrape::of(&host).text);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{output:?}");
    // It does look.
    let bad = promtool(&["check", "metrics"], "# TYPE a counter\na 1\n");
    assert!(!bad.status.success(), "{bad:?}");
}

/// A Prometheus that looks at one host; it ends with this value.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It can have ended by itself just now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn of(host: &Host) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("prometheus.yml");
        let alerts = repository().join("config/prometheus/alerts.yml");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{alerts:?}]\nscrape_configs:\n  - job_name: fusebox\n    static_configs: [{{targets: [\"{}\"]}}]\n",
            host.address()
        );
        fs::write(&file, config).expect("a file is written");
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect(INSTALL);
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let said = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("msg=\"Listening on\" address=")?;
            address.split(' ').next()?.parse().ok()
        });
        // It must always be able to write.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let prometheus = Self {
            child,
            address: said.expect("it says where it listens"),
            _folder: folder,
        };
        until("it is ready", || {
            (prometheus.get("/-/ready").head.status == 200).then_some(())
        });
        prometheus
    }

    fn get(&self, path: &str) -> Response {
        let mut connection = Connection::open(self.address);
        connection.exchange("GET", path, &[("Connection", "close")], b"")
    }

    /// What a query gives now.
    fn query(&self, query: &str) -> Value {
        let mut encoded = String::new();
        for byte in query.bytes() {
            encoded += &format!("%{byte:02X}");
        }
        self.get(&format!("/api/v1/query?query={encoded}")).json()
    }

    /// How many series a query gives now.
    #[track_caller]
    fn series(&self, query: &str) -> usize {
        let answer = self.query(query);
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    }
}

/// The queries of the dashboard: of its panels, and of its annotations. What Grafana
/// puts into them is put in here.
fn queries() -> Vec<String> {
    let path = repository().join("config/grafana/fusebox.json");
    let text = fs::read_to_string(path).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array());
    let annotations = dashboard["annotations"]["list"].as_array();
    let all = targets.chain(annotations).flatten();
    let queries = all.map(|one| one["expr"].as_str().expect("a query").to_owned());
    queries
        .map(|query| {
            [
                ("$__rate_interval", "1m"),
                ("$__range", "5m"),
                ("$job", ".*"),
            ]
            .into_iter()
            .chain([("$instance", ".*"), ("$plugin", ".*")])
            .fold(query, |query, (name, value)| query.replace(name, value))
        })
        .collect()
}

#[test]
fn a_real_prometheus_answers_every_query_of_the_dashboard() {
    let host = busy();
    let prometheus = Prometheus::of(&host);
    until("it has looked twice", || {
        let looks = prometheus.series("count_over_time(up{job=\"fusebox\"}[1m]) >= 3");
        (looks == 1).then_some(())
    });
    assert_eq!(prometheus.series("up == 1"), 1);
    let queries = queries();
    assert!(
        queries.len() > 60,
        "the dashboard has panels: {}",
        queries.len()
    );
    for query in queries {
        let series = prometheus.series(&query);
        // What shows only what is not as it should be may show nothing.
        let may_be_empty = query.contains("> 0");
        assert!(series > 0 || may_be_empty, "{query} shows nothing");
    }
    // The rules run, too, and the open breaker is on its way to an alert.
    until("the rules were evaluated", || {
        let pending = "ALERTS{alertname=\"FuseboxBreakerOpen\", handler=\"trap\"}";
        (prometheus.series(pending) == 1).then_some(())
    });
    let rules = prometheus.get("/api/v1/rules").json();
    let groups = rules["data"]["groups"].as_array().expect("groups");
    let each = groups
        .iter()
        .flat_map(|group| group["rules"].as_array())
        .flatten();
    let failing: Vec<_> = each.filter(|rule| rule["health"] == "err").collect();
    assert!(failing.is_empty(), "{failing:#?}");
}

#[test]
fn every_alert_says_what_to_do() {
    let read =
        |path| fs::read_to_string(repository().join(path)).expect("a file of the repository");
    let (text, book) = (
        read("config/prometheus/alerts.yml"),
        read("docs/src/incidents.md"),
    );
    let alerts: Vec<&str> = text.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 20, "{}", alerts.len());
    for alert in alerts {
        let name = alert.lines().next().expect("a name");
        let anchor = name.to_lowercase();
        let heading = format!("# {name}\n");
        assert!(book.contains(&heading), "the book has nothing on {name}");
        for wanted in [
            "summary: \"".to_owned(),
            "description: \"".to_owned(),
            "severity: ".to_owned(),
            format!("runbook: docs/src/incidents.md#{anchor}\n"),
        ] {
            assert!(alert.contains(&wanted), "{name} has no {wanted}");
        }
    }
}
