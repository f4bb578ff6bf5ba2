//! The manifests for Kubernetes: by its schemas, against each other, and against a
//! host that is started as they say.

use std::collections::BTreeMap;
use std::fs;

use fusebox_tests::{Setup, check_command, commands, fusebox};
use serde_json::{Value, json};

use crate::{check_config, documents, files, read, yaml};

const FOLDER: &str = "config/kubernetes";
const LIST: &str = "config/kubernetes/kustomization.yaml";

/// All manifests, by their kind. Each has to fit the schema of its kind.
fn manifests() -> BTreeMap<String, Value> {
    let files = files(FOLDER, ".yaml");
    let files: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .filter(|file| *file != LIST)
        .collect();
    let read = yaml(&files, &["--kubernetes"]);
    let documents = read.into_iter().flatten();
    documents
        .map(|document| {
            (
                document["kind"].as_str().expect("a kind").to_owned(),
                document,
            )
        })
        .collect()
}

#[test]
fn each_manifest_fits_its_schema_and_is_in_the_list() {
    let manifests = manifests();
    let kinds: Vec<&str> = manifests.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "ConfigMap",
            "Deployment",
            "HorizontalPodAutoscaler",
            "Namespace",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "Service",
        ]
    );
    let list = documents(LIST).remove(0);
    let mut listed: Vec<String> = list["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .map(|name| format!("{FOLDER}/{}", name.as_str().expect("a name")))
        .collect();
    listed.sort();
    let mut there = files(FOLDER, ".yaml");
    there.retain(|file| file != LIST);
    assert_eq!(listed, there);
    for command in commands(&read(LIST)) {
        check_command(&command);
    }
}

#[test]
fn what_selects_the_pods_selects_them() {
    let manifests = manifests();
    let pod = &manifests["Deployment"]["spec"]["template"];
    let labels = &pod["metadata"]["labels"];
    for selector in [
        &manifests["Deployment"]["spec"]["selector"]["matchLabels"],
        &manifests["Service"]["spec"]["selector"],
        &manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        &manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
    let scaled = &manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"];
    assert_eq!(scaled["name"], manifests["Deployment"]["metadata"]["name"]);
    let port = &pod["spec"]["containers"][0]["ports"][0]["name"];
    assert_eq!(
        &manifests["Service"]["spec"]["ports"][0]["targetPort"],
        port
    );
    let let_in = &manifests["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"];
    assert_eq!(let_in, port);
    // As many may be missing as leave one.
    assert!(manifests["HorizontalPodAutoscaler"]["spec"]["minReplicas"].as_u64() >= Some(2));
    assert_eq!(
        manifests["PodDisruptionBudget"]["spec"]["maxUnavailable"],
        1
    );
}

#[test]
fn the_pod_has_no_rights_and_has_limits() {
    let manifests = manifests();
    let pod = &manifests["Deployment"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        })
    );
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    for kind in ["requests", "limits"] {
        for what in ["cpu", "memory"] {
            assert!(
                container["resources"][kind][what].is_string(),
                "{kind} of {what}"
            );
        }
    }
    // What it mounts is what there is.
    let volumes = pod["volumes"].as_array().expect("volumes");
    for mount in container["volumeMounts"].as_array().expect("mounts") {
        assert!(
            volumes.iter().any(|volume| volume["name"] == mount["name"]),
            "{mount}"
        );
    }
}

#[test]
fn a_host_that_is_started_as_the_pod_says_answers_its_probes() {
    let manifests = manifests();
    let pod = &manifests["Deployment"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let words = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|word| word.as_str().expect("a word").to_owned())
            .collect()
    };
    check_command(&words(&container["args"]));
    let config = manifests["ConfigMap"]["data"]["fusebox.toml"].as_str();
    let config = config.expect("a configuration");
    check_config(config);

    let folder = tempfile::tempdir().expect("a folder");
    let made = fusebox(folder.path(), &["key", "new", "ada"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let keys = folder.path().join("keys.toml");
    assert!(fs::metadata(&keys).is_ok());
    let config = config
        .replace(
            "/run/secrets/fusebox/keys.toml",
            &keys.display().to_string(),
        )
        .replace("plugins_dir = \"/plugins\"\n", "")
        // The test reads the log as people do.
        .replace("format = \"json\"\n", "");
    let host = Setup::new().plugin("hello").config(&config).start();
    let port = &container["ports"][0]["name"];
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let asked = &container[probe]["httpGet"];
        assert_eq!(&asked["port"], port, "{probe}");
        let path = asked["path"].as_str().expect("a path");
        assert_eq!(host.get(path).head.status, 200, "{probe}");
    }
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/live");
}

#[test]
fn a_pod_has_the_time_to_stop_that_its_host_takes() {
    let manifests = manifests();
    let pod = &manifests["Deployment"]["spec"]["template"]["spec"];
    let wait = &pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"];
    let config = manifests["ConfigMap"]["data"]["fusebox.toml"].as_str();
    let mut lines = config.expect("a configuration").lines();
    let stop = lines.find_map(|line| line.trim().strip_prefix("shutdown_timeout_ms = "));
    let stop: u64 = stop.and_then(|stop| stop.parse().ok()).expect("a time");
    let needed = wait.as_u64().expect("seconds") + stop / 1000;
    assert!(
        pod["terminationGracePeriodSeconds"].as_u64() > Some(needed),
        "{needed}"
    );
}
