//! What two keys of the configuration must agree on. Ranges of single keys are in
//! `rules`.

use std::collections::{HashMap, HashSet};

use super::error::Problem;
use super::overlay::Overlay;
use super::{AdminListen, Config, EVERYTHING, admin, canary, source};

/// Notes in `overlay` what is wrong with `config`, which was made from it.
pub(super) fn validate(config: &Config, overlay: &mut Overlay<'_>) {
    message_queue(config, overlay);
    listeners(config, overlay);
    admin::validate(config, overlay);
    certificates(config, overlay);
    paths(config, overlay);
    shards(config, overlay);
    source::validate(config, overlay);
    canary::validate(config, overlay);
    roles(config, overlay);
    client_certificates(config, overlay);
}

/// Who must show a certificate must be able to show a good one.
fn client_certificates(config: &Config, overlay: &mut Overlay<'_>) {
    if config.tls.client_required && config.tls.client_ca.as_os_str().is_empty() {
        let problem = Problem::Invalid {
            key: "tls.client_ca".to_owned(),
            value: "\"\"".to_owned(),
            expected: "the path of a file, because `tls.client_required` is true".to_owned(),
        };
        overlay.error(overlay.location("tls.client_required"), problem);
    }
}

/// Roles and views that are named are there.
fn roles(config: &Config, overlay: &mut Overlay<'_>) {
    let known = |names: Vec<&String>| match names.is_empty() {
        true => "there is none".to_owned(),
        false => format!("known are {names:?}"),
    };
    let mut wrong = |key: String, value: &str, expected: String| {
        let problem = Problem::Invalid {
            value: format!("{value:?}"),
            expected,
            key: key.clone(),
        };
        overlay.error(overlay.location(&key), problem);
    };
    let named = [
        ("auth.anonymous", &config.auth.anonymous),
        ("oauth.role", &config.oauth.role),
        ("tls.client_role", &config.tls.client_role),
    ];
    for (key, role) in named {
        let is_role = role == EVERYTHING || config.roles.contains_key(role);
        if !role.is_empty() && !is_role {
            let roles = known(config.roles.keys().collect());
            let expected = format!("`{EVERYTHING}`, or the name of a table [roles.NAME]: {roles}");
            wrong(key.to_owned(), role, expected);
        }
    }
    if !config.oauth.issuer.is_empty() && config.oauth.audience.is_empty() {
        let expected = "the address of this host's endpoint, such as https://mcp.example.com/mcp, because `oauth.issuer` is set: tokens for others must be refused";
        wrong("oauth.audience".to_owned(), "", expected.to_owned());
    }
    for (name, role) in &config.roles {
        for view in &role.views {
            if !config.views.contains_key(view) {
                let views = known(config.views.keys().collect());
                let expected = format!("the names of tables [views.NAME]: {views}");
                wrong(format!("roles.{name}.views"), view, expected);
            }
        }
    }
}

/// The tables take a power of two.
fn shards(config: &Config, overlay: &mut Overlay<'_>) {
    const KEY: &str = "registry_shards";
    if !config.registry_shards.is_power_of_two() && !overlay.is_rejected(KEY) {
        let problem = Problem::Invalid {
            key: KEY.to_owned(),
            value: config.registry_shards.to_string(),
            expected: "a power of two, such as 256".to_owned(),
        };
        overlay.error(overlay.location(KEY), problem);
    }
}

/// Each path serves one thing.
fn paths(config: &Config, overlay: &mut Overlay<'_>) {
    let http = &config.http;
    let mut paths = Vec::new();
    if !http.sse_path.is_empty() {
        paths.push(("http.sse_path".to_owned(), &http.sse_path));
        paths.push(("http.messages_path".to_owned(), &http.messages_path));
    }
    for (name, view) in &config.views {
        paths.push((format!("views.{name}.path"), &view.path));
    }
    let probes = ["/health", "/metrics", "/live", "/ready"].map(|path| (path, path));
    let mut taken: HashMap<&str, &str> = HashMap::from(probes);
    taken.insert(&http.path, "http.path");
    for (key, path) in &paths {
        if overlay.is_rejected(key) {
            continue;
        }
        if let Some(other) = taken.insert(path, key) {
            let problem = Problem::Invalid {
                key: key.clone(),
                value: format!("{path:?}"),
                expected: format!("another path than `{other}`"),
            };
            let location = overlay.location(key).or(overlay.location(other));
            overlay.error(location, problem);
        }
    }
}

fn message_queue(config: &Config, overlay: &mut Overlay<'_>) {
    let queue = config.message_queue;
    let warn = ("message_queue.warn_threshold", queue.warn_threshold);
    let reject = ("message_queue.reject_threshold", queue.reject_threshold);
    let max = ("message_queue.max_size", queue.max_size);
    for (lower, upper) in [(warn, reject), (reject, max)] {
        // A rejected value was replaced by the default, which says nothing here.
        let is_known = !overlay.is_rejected(lower.0) && !overlay.is_rejected(upper.0);
        if is_known && lower.1 > upper.1 {
            let problem = Problem::Invalid {
                key: lower.0.to_owned(),
                value: lower.1.to_string(),
                expected: format!("at most `{}`, which is {}", upper.0, upper.1),
            };
            // The key to look at is the one that the operator wrote.
            let location = overlay.location(lower.0).or(overlay.location(upper.0));
            overlay.error(location, problem);
        }
    }
}

fn listeners(config: &Config, overlay: &mut Overlay<'_>) {
    if ["host", "port", "listen"]
        .iter()
        .any(|key| overlay.is_rejected(key))
    {
        return;
    }
    let location = overlay.location("listen").or(overlay.location("host"));
    let listeners = config.listeners();
    if listeners.is_empty() {
        let problem = Problem::Invalid {
            key: "listen".to_owned(),
            value: "[]".to_owned(),
            expected: "an array with a listener in it, because `host` is empty".to_owned(),
        };
        overlay.error(location, problem);
    }
    let mut seen = HashSet::new();
    for listener in listeners {
        // Each port 0 becomes a port of its own; UDP has ports of its own.
        let place = (listener.scheme.is_udp(), listener.addr);
        if listener.addr.port() != 0 && !seen.insert(place) {
            overlay.error(location, Problem::SameAddress { listener });
        }
    }
}

/// A certificate and its key come together, and nobody else can make one for an
/// address that other machines reach.
fn certificates(config: &Config, overlay: &mut Overlay<'_>) {
    let is_empty = |path: &std::path::Path| path.as_os_str().is_empty();
    let both = [("tls.cert", &config.tls.cert), ("tls.key", &config.tls.key)];
    for [(given, path), (missing, other)] in [both, [both[1], both[0]]] {
        if !is_empty(path) && is_empty(other) {
            let problem = Problem::Invalid {
                key: missing.to_owned(),
                value: "\"\"".to_owned(),
                expected: format!("the path of a file, because `{given}` has one"),
            };
            overlay.error(overlay.location(given), problem);
        }
    }
    let Some(listener) = config.lacks_certificate() else {
        return;
    };
    if !overlay.is_rejected("listen") && is_empty(&config.tls.key) {
        let problem = Problem::Invalid {
            key: "tls.cert".to_owned(),
            value: "\"\"".to_owned(),
            expected: format!(
                "the path of a certificate, because {listener} is reached from other machines"
            ),
        };
        let is_admin = config.admin.listen == AdminListen::At(listener);
        let key = if is_admin { "admin.listen" } else { "listen" };
        overlay.error(overlay.location(key), problem);
    }
}
