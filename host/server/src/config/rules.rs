//! Every key of the configuration, with the values that it takes. Owns types and
//! ranges of single keys; what two keys must agree on is in `validate`, and what
//! a key does is said in `fusebox.toml`.

use toml::de::DeValue;

use super::audit;
use super::canary::{CanaryChoice, accept_steps};
use super::fits::{
    is_admin_listener, is_empty_or_url, is_endpoint, is_given, is_host, is_host_pattern,
    is_listener, is_origin, is_prefix, is_scope, is_view_path,
};
use super::grants::{SOURCE_EXPECTED, source};
use super::source::{INTERVAL, PUBLIC_KEY, TIMEOUT, is_registry};
use super::telemetry::{ENDPOINT, RESOURCE, SERVICE_NAME, ratio, source_or_none};

/// The values that one key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// `true` or `false`.
    Bool,
    /// A whole number, both ends included.
    Int { min: i64, max: i64 },
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A string that `fits`.
    Text {
        fits: fn(&str) -> bool,
        expected: &'static str,
    },
    /// An array of such strings, not more than [`LIST_MAX`].
    Texts {
        fits: fn(&str) -> bool,
        expected: &'static str,
    },
    /// Where a secret comes from.
    Secret,
    /// The same, or `""` for none.
    SecretOrNone,
    /// Percentages, step by step.
    Steps,
    /// A share, from 0 to 1.
    Ratio,
}

/// Entries in one array.
pub(super) const LIST_MAX: usize = 64;

const MINUTE_MS: i64 = 60_000;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
pub(super) const WEEK_MS: i64 = 7 * DAY_MS;
const GIB: i64 = 1 << 30;
const MIB: i64 = 1 << 20;
const RATE_MAX: i64 = 1_000_000;

pub(super) const fn int(min: i64, max: i64) -> Rule {
    Rule::Int { min, max }
}

/// In the order of `fusebox.toml`.
pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "host",
        Rule::Text {
            fits: is_host,
            expected: "an IP address, \"localhost\" or \"\"",
        },
    ),
    ("port", int(0, 65_535)),
    (
        "listen",
        Rule::Texts {
            fits: is_listener,
            expected: "such as \"http://127.0.0.1:9999\" or \"quic://[::1]:9999\"",
        },
    ),
    (
        "plugins_dir",
        Rule::Text {
            fits: is_given,
            expected: "the path of a folder",
        },
    ),
    ("max_connections", int(1, 1_000_000)),
    ("registry_shards", int(2, 65_536)),
    ("capability_cache_ttl_ms", int(0, WEEK_MS)),
    ("health_check_interval_ms", int(100, HOUR_MS)),
    ("metrics_interval_ms", int(0, DAY_MS)),
    ("shutdown_timeout_ms", int(0, HOUR_MS)),
    (
        "http.path",
        Rule::Text {
            fits: is_endpoint,
            expected: "a path such as \"/mcp\", and none of /health, /live and /ready",
        },
    ),
    ("http.body_max_bytes", int(1024, GIB)),
    ("http.header_timeout_ms", int(100, 10 * MINUTE_MS)),
    ("http.body_timeout_ms", int(100, HOUR_MS)),
    ("http.idle_timeout_ms", int(0, WEEK_MS)),
    ("http.head_max_bytes", int(8192, 16 * MIB)),
    ("http.head_max_fields", int(8, 1000)),
    ("http.http2_streams_max", int(1, 65_536)),
    ("http.http2_ping_ms", int(0, HOUR_MS)),
    ("http.sse_keep_alive_ms", int(1000, HOUR_MS)),
    ("http.sse_retry_ms", int(10, HOUR_MS)),
    (
        "http.sse_path",
        Rule::Text {
            fits: |text| text.is_empty() || is_endpoint(text),
            expected: "a path such as \"/sse\", and none of /health, /live and /ready, or \"\"",
        },
    ),
    (
        "http.messages_path",
        Rule::Text {
            fits: is_endpoint,
            expected: "a path such as \"/messages\", and none of /health, /live and /ready",
        },
    ),
    (
        "http.allowed_origins",
        Rule::Texts {
            fits: is_origin,
            expected: "such as \"https://app.example.com\", or \"*\"",
        },
    ),
    ("http.allowed_hosts", HOSTS),
    ("buffers.pool_max_bytes", int(0, 64 * GIB)),
    ("stream.frame_max_bytes", int(1024, GIB)),
    ("stream.calls_in_flight_max", int(1, 65_536)),
    ("stream.idle_timeout_ms", int(0, 7 * DAY_MS)),
    ("session.max_sessions", int(1, 10_000_000)),
    ("session.idle_timeout_ms", int(1000, 7 * DAY_MS)),
    ("session.ask_timeout_ms", int(1000, DAY_MS)),
    ("session.event_log_max_events", int(1, 100_000)),
    ("session.event_log_max_bytes", int(1024, GIB)),
    ("session.event_logs_max_bytes", int(1024, 64 * GIB)),
    ("session.event_log_keep_ms", int(1000, DAY_MS)),
    ("socket.backlog", int(1, 65_535)),
    ("socket.nodelay", Rule::Bool),
    ("socket.keepalive", Rule::Bool),
    ("socket.reuseaddr", Rule::Bool),
    ("socket.write_timeout_ms", int(100, HOUR_MS)),
    ("socket.undelivered_max_bytes", int(1024, GIB)),
    ("tls.cert", FILE),
    ("tls.key", FILE),
    ("tls.self_signed_cert", FILE),
    ("tls.client_ca", PATH_OR_NONE),
    ("tls.client_required", Rule::Bool),
    ("tls.client_role", ROLE_OR_NONE),
    ("tls.handshake_timeout_ms", int(100, 10 * MINUTE_MS)),
    ("auth.keys_file", PATH_OR_NONE),
    ("auth.anonymous", ROLE_OR_NONE),
    ("auth.insecure", Rule::Bool),
    ("oauth.issuer", URL_OR_NONE),
    ("oauth.audience", URL_OR_NONE),
    ("oauth.jwks_url", URL_OR_NONE),
    ("oauth.ca", PATH_OR_NONE),
    (
        "oauth.scopes",
        Rule::Texts {
            fits: is_scope,
            expected: "such as \"mcp\"",
        },
    ),
    ("oauth.role", ROLE_OR_NONE),
    ("oauth.jwks_refresh_ms", int(1000, DAY_MS)),
    ("rate_limits.address_per_second", int(0, RATE_MAX)),
    ("rate_limits.address_burst", int(0, RATE_MAX)),
    ("rate_limits.caller_per_second", int(0, RATE_MAX)),
    ("rate_limits.caller_burst", int(0, RATE_MAX)),
    ("rate_limits.tool_per_second", int(0, RATE_MAX)),
    ("rate_limits.tool_burst", int(0, RATE_MAX)),
    (
        "admin.listen",
        Rule::Text {
            fits: is_admin_listener,
            expected: "\"auto\", an address such as \"127.0.0.1:9990\" or \"https://[::1]:9990\", or \"\"",
        },
    ),
    ("admin.token_file", FILE),
    ("admin.allowed_hosts", HOSTS),
    ("quic.streams_max", int(1, 65_536)),
    ("quic.idle_timeout_ms", int(100, DAY_MS)),
    ("quic.retry_handshakes", int(0, 1_000_000)),
    ("lists.page_size", int(1, 100_000)),
    ("lists.cache_ttl_ms", int(0, WEEK_MS)),
    ("message_queue.max_size", int(1, 10_000_000)),
    ("message_queue.warn_threshold", int(1, 10_000_000)),
    ("message_queue.reject_threshold", int(1, 10_000_000)),
    ("message_queue.connection_max", int(1, 1_000_000)),
    ("backpressure.enabled", Rule::Bool),
    ("backpressure.memory_threshold", int(1, 100)),
    ("backpressure.cpu_threshold", int(1, 100)),
    ("backpressure.queue_threshold", int(1, 100)),
    ("backpressure.lag_threshold_ms", int(0, MINUTE_MS)),
    ("backpressure.sample_interval_ms", int(10, MINUTE_MS)),
    ("circuit_breaker.failure_threshold", int(1, 1_000_000)),
    ("circuit_breaker.timeout_ms", int(1, DAY_MS)),
    ("circuit_breaker.half_open_requests", int(1, 1000)),
    ("limits.fuel", int(1000, 1_000_000_000_000_000)),
    ("limits.deadline_ms", int(1, HOUR_MS)),
    ("limits.memory_max_bytes", int(65_536, 4 * GIB)),
    ("limits.table_elements_max", int(1, 10_000_000)),
    ("limits.output_max_bytes", int(1024, GIB)),
    ("limits.log_max_bytes", int(0, 64 * MIB)),
    ("limits.concurrent_calls_max", int(1, 100_000)),
    ("limits.queue_max", int(0, 1_000_000)),
    (
        "limits.isolation",
        Rule::OneOf(&["call", "caller", "pooled"]),
    ),
    ("limits.max_calls_per_instance", int(1, 1_000_000_000)),
    ("limits.ready_instances", int(0, 64)),
    ("limits.validate_arguments", Rule::Bool),
    ("limits.validate_output", Rule::Bool),
    ("limits.result_cache", Rule::Bool),
    ("result_cache.max_bytes", int(1024, 64 * GIB)),
    ("result_cache.entry_max_bytes", int(1024, GIB)),
    ("result_cache.ttl_max_ms", int(1, WEEK_MS)),
    ("engine.max_instances", int(1, 20_000)),
    ("engine.cache", Rule::Bool),
    ("engine.cache_dir", FOLDER_OR_NONE),
    ("engine.functions_max_bytes", int(0, 64 * GIB)),
    ("engine.long_call_threads", int(0, 1024)),
    ("tasks.enabled", Rule::Bool),
    ("tasks.store", FILE),
    ("tasks.max_tasks", int(1, 10_000_000)),
    ("tasks.max_bytes", int(1 << 20, 1 << 40)),
    ("tasks.ttl_ms", int(1000, WEEK_MS)),
    ("tasks.deadline_ms", int(1, WEEK_MS)),
    ("tasks.poll_interval_ms", int(1, HOUR_MS)),
    ("keyvalue.store", FILE),
    ("reload.enabled", Rule::Bool),
    ("reload.poll_interval_ms", int(50, HOUR_MS)),
    ("reload.settle_ms", int(0, MINUTE_MS)),
    ("reload.file_max_bytes", int(1024, GIB)),
    ("reload.keep_versions", int(0, 100)),
    ("reload.state_dir", FOLDER_OR_NONE),
    ("canary.enabled", Rule::Bool),
    ("canary.steps", Rule::Steps),
    ("canary.interval_ms", int(100, WEEK_MS)),
    ("canary.min_calls", int(1, 1_000_000)),
    ("canary.idle_step_ms", int(0, WEEK_MS)),
    ("canary.max_fault_increase", int(0, 100)),
    ("canary.max_latency_percent", int(100, 100_000)),
    ("canary.min_latency_increase_ms", int(0, MINUTE_MS)),
    ("sources.cache_dir", FOLDER_OR_NONE),
    ("sources.interval_ms", INTERVAL),
    ("sources.timeout_ms", TIMEOUT),
    ("sources.start_wait_ms", int(0, HOUR_MS)),
    (
        "sources.insecure",
        Rule::Texts {
            fits: is_registry,
            expected: "such as \"registry.example:5000\"",
        },
    ),
    ("sources.ca", FILE),
    (
        "signatures.policy",
        Rule::OneOf(&["off", "warn", "require"]),
    ),
    ("signatures.keys", PUBLIC_KEY),
    ("audit.file", audit::FILE_KEY),
    ("audit.max_bytes", audit::MAX_BYTES),
    ("audit.keep", audit::KEEP),
    ("audit.methods", audit::METHODS_KEY),
    ("audit.arguments", audit::ARGUMENTS),
    ("audit.arguments_max_bytes", audit::ARGUMENTS_MAX_BYTES),
    ("audit.redact", audit::REDACT),
    ("audit.refusals_per_minute", audit::REFUSALS_PER_MINUTE),
    ("audit.on_overflow", audit::ON_OVERFLOW),
    (
        "log.level",
        Rule::OneOf(&["off", "error", "warn", "info", "debug", "trace"]),
    ),
    ("log.format", Rule::OneOf(&["text", "json"])),
    ("telemetry.enabled", Rule::Bool),
    ("telemetry.protocol", Rule::OneOf(&["grpc", "http"])),
    ("telemetry.endpoint", ENDPOINT),
    ("telemetry.headers", Rule::SecretOrNone),
    ("telemetry.ca", PATH_OR_NONE),
    ("telemetry.traces", Rule::Bool),
    ("telemetry.metrics", Rule::Bool),
    ("telemetry.logs", Rule::Bool),
    ("telemetry.sample_ratio", Rule::Ratio),
    ("telemetry.plugin_spans_max", int(0, 10_000)),
    ("telemetry.service_name", SERVICE_NAME),
    ("telemetry.resource", RESOURCE),
    ("telemetry.queue_max", int(1, 1_000_000)),
    ("telemetry.batch_max", int(1, 10_000)),
    ("telemetry.batch_interval_ms", int(10, HOUR_MS)),
    ("telemetry.metrics_interval_ms", int(100, HOUR_MS)),
    ("telemetry.timeout_ms", int(100, 10 * MINUTE_MS)),
    ("telemetry.flush_timeout_ms", int(0, 10 * MINUTE_MS)),
    ("metrics.plugins_max", int(1, 10_000)),
    ("metrics.handlers_max", int(0, 100_000)),
];

/// The path of a folder, if one is given.
const FOLDER_OR_NONE: Rule = Rule::Text {
    fits: |_| true,
    expected: "the path of a folder, or \"\"",
};

const HOSTS: Rule = Rule::Texts {
    fits: is_host_pattern,
    expected: "such as \"mcp.example.com\" or \"mcp.example.com:9999\", or \"*\"",
};

/// The path of a file, if one is given.
pub(super) const FILE: Rule = Rule::Text {
    fits: |_| true,
    expected: "the path of a file, or \"\"",
};

/// The keys of `[plugins.NAME]` that `[limits]` doesn't have.
pub(super) const PLUGIN_RULES: &[(&str, Rule)] = &[
    ("enabled", Rule::Bool),
    (
        "prefix",
        Rule::Text {
            fits: is_prefix,
            expected: "at most 64 of `A-Z a-z 0-9 _ - . /`",
        },
    ),
    ("include", NAMES),
    ("exclude", NAMES),
    ("canary", Rule::OneOf(CanaryChoice::WORDS)),
];

/// The keys of `[views.NAME]`.
pub(super) const VIEW_RULES: &[(&str, Rule)] = &[
    (
        "path",
        Rule::Text {
            fits: is_view_path,
            expected: "a path that starts with \"/\", or \"\"",
        },
    ),
    ("plugins", NAMES),
    ("tools", NAMES),
    ("resources", NAMES),
    ("prompts", NAMES),
    ("exclude", NAMES),
];

/// The keys of `[roles.NAME]`.
pub(super) const ROLE_RULES: &[(&str, Rule)] = &[
    ("plugins", NAMES),
    ("tools", NAMES),
    ("resources", NAMES),
    ("prompts", NAMES),
    ("exclude", NAMES),
    ("views", NAMES),
    ("health", Rule::Bool),
    ("certificates", NAMES),
    (
        "scope",
        Rule::Text {
            fits: |text| text.is_empty() || is_scope(text),
            expected: "such as \"mcp:read\", or \"\"",
        },
    ),
];

const PATH_OR_NONE: Rule = Rule::Text {
    fits: |_| true,
    expected: "the path of a file, or \"\"",
};

const ROLE_OR_NONE: Rule = Rule::Text {
    fits: |_| true,
    expected: "the name of a role, or \"\"",
};

const URL_OR_NONE: Rule = Rule::Text {
    fits: is_empty_or_url,
    expected: "an address that begins with https:// (http:// only on loopback), or \"\"",
};

const NAMES: Rule = Rule::Texts {
    fits: |text| !text.is_empty() && text.len() <= 2048,
    expected: "such as \"add\" or \"list_*\"",
};

/// The rule of one of [`PLUGIN_RULES`].
pub(super) fn plugin_rule(name: &str) -> Option<Rule> {
    let found = PLUGIN_RULES.iter().find(|(key, _)| *key == name);
    found.map(|(_, rule)| *rule)
}

/// Second names of keys, from erlmcp, and the names that they stand for.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("circuit_breaker.timeout", "circuit_breaker.timeout_ms"),
    ("capability_cache_ttl", "capability_cache_ttl_ms"),
    ("health_check_interval", "health_check_interval_ms"),
    ("metrics_interval", "metrics_interval_ms"),
    ("backpressure.enable", "backpressure.enabled"),
    ("enable_otel_traces", "telemetry.enabled"),
    ("otel_exporter", "telemetry.protocol"),
    ("otel_endpoint", "telemetry.endpoint"),
];

/// The table that holds one table for each plugin.
pub(super) const PLUGINS: &str = "plugins";

/// The table with a table for each view.
pub(super) const VIEWS: &str = "views";

/// The table with a table for each role.
pub(super) const ROLES: &str = "roles";

/// Whether `name` is a table of fixed keys, such as `http`.
pub(super) fn is_table(name: &str) -> bool {
    RULES
        .iter()
        .any(|(key, _)| key.split_once('.').is_some_and(|(table, _)| table == name))
}

/// The rule of a whole key such as `http.path`.
pub(super) fn rule(key: &str) -> Option<Rule> {
    RULES
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, rule)| *rule)
}

impl Rule {
    /// What would be right, to follow "it must be".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int { min, max } => format!("an integer from {min} to {max}"),
            Self::OneOf(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Text { expected, .. } => expected.to_owned(),
            Self::Texts { expected, .. } => {
                format!("an array of at most {LIST_MAX} strings {expected}")
            }
            Self::Secret => SOURCE_EXPECTED.to_owned(),
            Self::Steps => {
                "an array of whole percentages that rise to 100, such as [5, 25, 50, 100]"
                    .to_owned()
            }
            Self::SecretOrNone => format!("{SOURCE_EXPECTED}, or \"\""),
            Self::Ratio => "a number from 0 to 1".to_owned(),
        }
    }

    /// What stands for a key that isn't given, where nothing else does.
    pub(super) fn nothing(self) -> toml::Value {
        match self {
            Self::Bool => false.into(),
            Self::Int { min, .. } => min.into(),
            Self::OneOf(_) | Self::Text { .. } | Self::Secret | Self::SecretOrNone => "".into(),
            Self::Ratio => 0.0.into(),
            Self::Texts { .. } | Self::Steps => toml::Value::Array(Vec::new()),
        }
    }

    /// The value, if the key takes it.
    pub(super) fn accept(self, value: &DeValue<'_>) -> Option<toml::Value> {
        match self {
            Self::Bool => value.as_bool().map(toml::Value::Boolean),
            Self::Int { min, max } => {
                let integer = value.as_integer()?;
                let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
                (min..=max)
                    .contains(&number)
                    .then_some(toml::Value::Integer(number))
            }
            Self::OneOf(words) => accept_text(value, |text| words.contains(&text)),
            Self::Text { fits, .. } => accept_text(value, fits),
            Self::Texts { fits, .. } => {
                let entries = value.as_array().filter(|list| list.len() <= LIST_MAX)?;
                entries
                    .iter()
                    .map(|entry| accept_text(entry.get_ref(), fits))
                    .collect::<Option<Vec<_>>>()
                    .map(toml::Value::Array)
            }
            Self::Secret => source(value),
            Self::Steps => accept_steps(value),
            Self::SecretOrNone => source_or_none(value),
            Self::Ratio => ratio(value),
        }
    }
}

fn accept_text(value: &DeValue<'_>, fits: impl Fn(&str) -> bool) -> Option<toml::Value> {
    let text = value.as_str().filter(|text| fits(text))?;
    Some(toml::Value::String(text.to_owned()))
}
