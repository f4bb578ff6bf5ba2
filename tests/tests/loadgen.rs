//! Proves that the load generator speaks to the host in every way that it has, and
//! that no wrong answer passes it: figures are only worth what their checks are.

use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use fusebox_tests::{Host, Setup, load_generator};
use serde_json::Value;

fn host() -> Host {
    Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .tcp()
        .encrypted("")
        .start()
}

fn command(host: &Host, target: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(load_generator());
    command.arg(target.to_string());
    command.args(["--quiet", "--json", "-", "--warmup", "0"]);
    command.arg("--certificate").arg(host.certificate());
    command.args(arguments);
    command
}

fn run(host: &Host, target: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = command(host, target, arguments);
    let output = command.args(["--duration", "1"]).output();
    output.expect("it starts")
}

/// The report of a load on which nothing was wrong.
#[track_caller]
fn report(host: &Host, target: SocketAddr, arguments: &[&str]) -> Value {
    let output = run(host, target, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).expect("a report")
}

#[test]
fn every_protocol_and_both_eras() {
    let host = host();
    let ways = [
        ("http", host.address()),
        ("h2", host.address()),
        ("h3", host.quic_address()),
        ("tcp", host.tcp_address()),
        ("quic", host.quic_address()),
    ];
    for (protocol, target) in ways {
        for era in ["modern", "legacy"] {
            let load = ["--protocol", protocol, "--era", era, "-c", "2", "-d", "2"];
            let report = report(&host, target, &load);
            let right = report["requests"].as_u64();
            assert!(right.is_some_and(|right| right > 0), "{load:?}: {report}");
            assert_eq!(report["late_us"], Value::Null, "{load:?}");
        }
    }
}

#[test]
fn several_callers_share_a_connection_of_http_3() {
    let host = host();
    let load = ["--protocol", "h3", "-c", "6", "--streams", "3"];
    let mut command = command(&host, host.quic_address(), &load);
    command.args(["--duration", "600"]).stdout(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    host.health_when("six callers have two connections, and call", |health| {
        health["quic_connections"] == 2 && health["requests_total"].as_u64() > Some(100)
    });
    child.kill().expect("it ran until now");
    child.wait().expect("it has ended");
}

#[test]
fn a_wrong_answer_is_a_failure_in_every_protocol() {
    let host = host();
    for (protocol, target) in [
        ("http", host.address()),
        ("h2", host.address()),
        ("h3", host.quic_address()),
        ("tcp", host.tcp_address()),
    ] {
        let load = ["--protocol", protocol, "--expect", "Bye, {}!", "-c", "1"];
        let output = run(&host, target, &load);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{protocol}");
        assert!(said.contains("a wrong answer"), "{protocol}: {said}");
    }
}

#[test]
fn an_attacker_asks_no_more_often_than_each_of_the_others() {
    let host = host();
    let load = [
        "-c", "10", "--mix", "attack", "--attack", "trap", "--rate", "90",
    ];
    let report = report(&host, host.address(), &load);
    let late = report["late_us"]["p99"].as_f64();
    assert!(late.is_some_and(|late| late > 0.0), "{report}");
    let refused = report["others"]["refused"].as_object();
    let attacks: u64 = refused
        .into_iter()
        .flat_map(|reasons| reasons.values())
        .filter_map(Value::as_u64)
        .sum();
    assert!((1..=10).contains(&attacks), "{report}");
}
