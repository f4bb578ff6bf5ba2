//! What to say about a key that does not exist: the name that was probably meant.

use super::rules::{ALIASES, PLUGINS, ROLES, RULES, VIEWS};

/// Below this likeness (0 to 1) a name is no help.
const LIKENESS_MIN: f64 = 0.65;

/// From this length on, the beginning of a name stands for it.
const BEGINNING_MIN_BYTES: usize = 4;

/// The names that the table `prefix` (such as `http.`, or nothing for the top of
/// the file) holds: keys, second names and, at the top, tables.
pub(super) fn names_in(prefix: &str) -> Vec<&'static str> {
    let keys = RULES.iter().map(|(key, _)| *key);
    let aliases = ALIASES.iter().map(|(alias, _)| *alias);
    let mut names = Vec::new();
    for key in keys.chain(aliases) {
        let Some(rest) = key.strip_prefix(prefix) else {
            continue;
        };
        let name = rest.split_once('.').map_or(rest, |(table, _)| table);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if prefix.is_empty() {
        names.push(PLUGINS);
        names.push(VIEWS);
        names.push(ROLES);
    }
    names
}

/// Follows "unknown key `...`; ". `name` is the key without its table, `here`
/// the names that this table knows.
pub(super) fn hint(name: &str, here: &[&str]) -> String {
    if let Some(near) = nearest(name, here.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    // The right name in the wrong table, as after a forgotten [table] line.
    let elsewhere: Vec<String> = RULES
        .iter()
        .map(|(key, _)| *key)
        .filter(|key| key.rsplit_once('.').is_some_and(|(_, last)| last == name))
        .map(|key| format!("`{key}`"))
        .collect();
    if !elsewhere.is_empty() {
        return format!("did you mean {}?", elsewhere.join(" or "));
    }
    if let Some(key) = RULES.iter().map(|(key, _)| *key).find(|key| *key == name) {
        return format!("did you mean `{key}`, at the top of the file?");
    }
    let known: Vec<String> = here.iter().map(|known| format!("`{known}`")).collect();
    format!("known here are {}", known.join(", "))
}

pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // `memory_max` is far from `memory_max_bytes` by its letters alone.
    let likeness = |known: &str| {
        if name.len() >= BEGINNING_MIN_BYTES && known.starts_with(name) {
            return 1.0;
        }
        strsim::normalized_damerau_levenshtein(name, known)
    };
    candidates
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prefix: &str, name: &str, expected: &str) {
        assert_eq!(
            hint(name, &names_in(prefix)),
            expected,
            "for {prefix}{name}"
        );
    }

    #[test]
    fn a_near_name_in_the_same_table_comes_first() {
        check(
            "circuit_breaker.",
            "failure_treshold",
            "did you mean `failure_threshold`?",
        );
        check("circuit_breaker.", "timeuot", "did you mean `timeout`?");
        check("", "prot", "did you mean `port`?");
        check("", "circuitbreaker", "did you mean `circuit_breaker`?");
        check("", "plugin", "did you mean `plugins`?");
        check("limits.", "memory_max", "did you mean `memory_max_bytes`?");
    }

    #[test]
    fn a_name_of_another_table_is_found_there() {
        check(
            "",
            "failure_threshold",
            "did you mean `circuit_breaker.failure_threshold`?",
        );
        check(
            "",
            "idle_timeout_ms",
            "did you mean `http.idle_timeout_ms` or `stream.idle_timeout_ms` or `session.idle_timeout_ms` or `quic.idle_timeout_ms`?",
        );
        check(
            "http.",
            "max_connections",
            "did you mean `max_connections`, at the top of the file?",
        );
    }

    #[test]
    fn else_the_names_of_the_table_are_listed() {
        check("log.", "colour", "known here are `level`, `format`");
        check(
            "",
            "zzz",
            "known here are `host`, `port`, `listen`, `plugins_dir`, `max_connections`, \
             `registry_shards`, `capability_cache_ttl_ms`, `health_check_interval_ms`, \
             `metrics_interval_ms`, `shutdown_timeout_ms`, `http`, `buffers`, `stream`, `session`, `socket`, \
             `tls`, `auth`, `oauth`, `rate_limits`, `admin`, `quic`, `lists`, `message_queue`, `backpressure`, `circuit_breaker`, `limits`, `result_cache`, \
             `engine`, `tasks`, `keyvalue`, `reload`, `canary`, `sources`, `signatures`, `audit`, `log`, `telemetry`, `metrics`, `capability_cache_ttl`, `health_check_interval`, \
             `metrics_interval`, `enable_otel_traces`, `otel_exporter`, `otel_endpoint`, `plugins`, `views`, `roles`",
        );
    }
}
