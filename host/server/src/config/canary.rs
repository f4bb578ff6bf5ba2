//! `[canary]`: how a new version of a plugin gets its share of calls, and when it
//! is worse than the old one. Owns the keys and what they must agree on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::Config;
use super::durations::{millis, optional_millis};
use super::error::Problem;
use super::overlay::Overlay;

/// Steps that there may be.
const STEPS_MAX: usize = 32;

/// `[canary]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// Whether new versions are tried at all; a plugin may say otherwise.
    pub enabled: bool,
    /// Percent of the calls, step by step; the last is 100.
    pub steps: Vec<u32>,
    /// How long a step lasts at least.
    #[serde(rename = "interval_ms", with = "millis")]
    pub interval: Duration,
    /// Calls of the new version that a step has to see.
    pub min_calls: u64,
    /// When a step that saw too few calls is left all the same; none: never.
    #[serde(rename = "idle_step_ms", with = "optional_millis")]
    pub idle_step: Option<Duration>,
    /// Percentage points by which more of its calls may fault.
    pub max_fault_increase: u32,
    /// Percent of the old version's time that its calls may take.
    pub max_latency_percent: u32,
    /// A difference in time that is never too large.
    #[serde(rename = "min_latency_increase_ms", with = "millis")]
    pub min_latency_increase: Duration,
}

/// The key `canary` of one plugin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CanaryChoice {
    /// as `canary.enabled` says
    #[default]
    #[serde(rename = "")]
    Default,
    /// its new versions are tried
    #[serde(rename = "on")]
    On,
    /// they are not
    #[serde(rename = "off")]
    Off,
}

impl CanaryChoice {
    /// The words in the file.
    pub(super) const WORDS: &'static [&'static str] = &["", "on", "off"];
}

impl Config {
    /// Whether a new version of a plugin gets its calls step by step.
    pub fn tries(&self, plugin: &str) -> bool {
        match self.plugin(plugin).canary {
            CanaryChoice::Default => self.canary.enabled,
            CanaryChoice::On => true,
            CanaryChoice::Off => false,
        }
    }
}

/// Percentages that rise to 100.
pub(super) fn accept_steps(value: &DeValue<'_>) -> Option<toml::Value> {
    let entries = value.as_array().filter(|list| list.len() <= STEPS_MAX)?;
    let steps = entries.iter().map(|entry| {
        let integer = entry.get_ref().as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    });
    let steps = steps.collect::<Option<Vec<i64>>>()?;
    let rises = steps.windows(2).all(|pair| pair[0] < pair[1]);
    let fits = rises && steps.first()? >= &1 && steps.last()? == &100;
    fits.then(|| steps.into_iter().map(toml::Value::Integer).collect())
        .map(toml::Value::Array)
}

/// What can be rolled back to has to be kept.
pub(super) fn validate(config: &Config, overlay: &mut Overlay<'_>) {
    let mut chosen = config.plugins.values().map(|plugin| plugin.canary);
    let tries = config.canary.enabled || chosen.any(|choice| choice == CanaryChoice::On);
    if tries && config.reload.keep_versions == 0 {
        let problem = Problem::Invalid {
            key: "reload.keep_versions".to_owned(),
            value: "0".to_owned(),
            expected: "at least 1, because there are canaries: a restart must find the version that was good".to_owned(),
        };
        let location = overlay.location("reload.keep_versions");
        overlay.error(location.or(overlay.location("canary.enabled")), problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Config, String> {
        Config::from_toml("f", text).map_err(|errors| errors.to_string())
    }

    #[test]
    fn steps_rise_to_all_calls() {
        let steps = |text: &str| said(&format!("canary.steps = {text}"));
        assert_eq!(steps("[1, 0x32, 100]").unwrap().canary.steps, [1, 50, 100]);
        assert_eq!(steps("[100]").unwrap().canary.steps, [100]);
        for bad in [
            "[]",
            "[5, 50]",
            "[50, 5, 100]",
            "[0, 100]",
            "[5, 5, 100]",
            "[5.0, 100]",
            "5",
        ] {
            let error = steps(bad).unwrap_err();
            assert!(error.contains("rise to 100"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_plugin_may_say_otherwise() {
        let config = said("[canary]\nenabled = true\n[plugins.a]\ncanary = 'off'\n[plugins.b]\n[plugins.c]\ncanary = 'on'").unwrap();
        let tries = ["a", "b", "c", "d"].map(|plugin| config.tries(plugin));
        assert_eq!(tries, [false, true, true, true]);
        assert!(!Config::default().tries("a"));
        let printed = said(&config.effective_toml()).unwrap();
        assert_eq!(printed, config);
    }

    #[test]
    fn a_canary_needs_something_to_go_back_to() {
        for canary in ["canary.enabled = true", "plugins.a.canary = 'on'"] {
            let error = said(&format!("{canary}\nreload.keep_versions = 0")).unwrap_err();
            assert!(
                error.starts_with("f:2: `reload.keep_versions` is 0"),
                "{error}"
            );
        }
    }
}
