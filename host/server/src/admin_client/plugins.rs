//! `fusebox plugin list`: the plugins of a running host.
//!
//! It owns the columns.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{Client, ClientError};

/// Characters of a version that are shown.
const SHA_SHOWN: usize = 12;

/// What a host says of its plugins, as in `/health`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct PluginList(Value);

impl PluginList {
    /// Asks a host.
    ///
    /// # Errors
    /// If it can't be asked, or says no.
    pub async fn of(client: &Client) -> Result<Self, ClientError> {
        let mut report = client.get(&["status"]).await?;
        Ok(Self(report["plugins"].take()))
    }
}

impl fmt::Display for PluginList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(plugins) = self.0.as_object().filter(|all| !all.is_empty()) else {
            return writeln!(f, "no plugins");
        };
        let mut rows =
            vec![["PLUGIN", "STATE", "VERSION", "CALLS", "FAULTS", "FUSES"].map(str::to_owned)];
        rows.extend(plugins.iter().map(|(name, plugin)| row(name, plugin)));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..rows[0].len())
            .map(|at| width(at).unwrap_or(0))
            .collect();
        for row in &rows {
            let cells = row.iter().zip(&widths);
            let line: Vec<String> = cells
                .map(|(cell, &width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "{}", line.join("  ").trim_end())?;
        }
        for (name, plugin) in plugins {
            let update = &plugin["failed_update"]["reason"];
            if let Some(reason) = plugin["reason"].as_str().or(update.as_str()) {
                writeln!(f, "{name}: {reason}")?;
            }
        }
        Ok(())
    }
}

fn row(name: &str, plugin: &Value) -> [String; 6] {
    let text = |key: &str| plugin[key].as_str().unwrap_or("-");
    let figure = |key: &str| plugin[key].as_u64().unwrap_or(0).to_string();
    let state = match plugin["failed_update"].is_object() {
        true => format!("{}, update failed", text("state")),
        false => text("state").to_owned(),
    };
    let version: String = text("sha256").chars().take(SHA_SHOWN).collect();
    let fuses: Vec<&Value> = plugin["breakers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, fuse)| fuse)
        .collect();
    let closed = fuses
        .iter()
        .filter(|fuse| fuse["state"] == "closed")
        .count();
    let fuses = match fuses.len() - closed {
        0 => format!("{closed} closed"),
        not => format!("{closed} closed, {not} not"),
    };
    [
        name.to_owned(),
        state,
        version,
        figure("calls"),
        figure("faults"),
        fuses,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plugins_stand_in_columns() {
        let list = PluginList(json!({
            "hello": {"state": "serving", "sha256": "0123456789abcdef", "calls": 12345, "faults": 0,
                      "reason": null, "breakers": {"a": {"state": "closed"}}},
            "x": {"state": "failed", "sha256": null, "calls": 0, "faults": 0,
                  "reason": "it is no component", "breakers": {}},
        }));
        assert_eq!(
            list.to_string(),
            "PLUGIN  STATE    VERSION       CALLS  FAULTS  FUSES\n\
             hello   serving  0123456789ab  12345  0       1 closed\n\
             x       failed   -             0      0       0 closed\n\
             x: it is no component\n"
        );
        assert_eq!(PluginList(json!({})).to_string(), "no plugins\n");
    }
}
