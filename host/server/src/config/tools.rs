//! `[plugins.NAME.tools.TOOL]`: what the operator changes about one tool of a
//! plugin. Changes nothing by itself.

use serde::{Deserialize, Serialize};

use super::overlay::{Key, Overlay, Place, Value, named_table, plugin_key};
use super::rules::Rule;

/// The table of a plugin with a table for each such tool.
pub(super) const TOOLS: &str = "tools";

/// Tools of one plugin that may have such a table: as many as it may offer.
const TOOLS_MAX: usize = 1000;

/// What holds for one tool; what is empty stays as the plugin has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolSettings {
    /// What it is called; the prefix of its plugin still stands before it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rename: String,
    /// What a model reads of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// Its keys.
pub(super) const TOOL_RULES: &[(&str, Rule)] = &[
    (
        "rename",
        Rule::Text {
            fits: is_tool_name,
            expected: "1 to 128 of `A-Z a-z 0-9 _ - . /`",
        },
    ),
    (
        "description",
        Rule::Text {
            fits: |text| !text.is_empty() && text.len() <= 16 << 10,
            expected: "a text of 1 to 16384 bytes",
        },
    ),
];

fn is_tool_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(good)
}

impl Overlay<'_> {
    /// Takes over what is said of the tools of one plugin, or notes what is wrong.
    pub(super) fn tools(
        &mut self,
        plugin: &str,
        key: &Key<'_>,
        value: &Value<'_>,
        into: &mut toml::Table,
    ) {
        let family = plugin_key(plugin, TOOLS);
        let Some(entries) = self.entries(&family, key, value) else {
            return;
        };
        let mut tools = toml::Table::new();
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let table = named_table(&family, name);
            if !is_tool_name(name) || tools.len() == TOOLS_MAX {
                let expected = format!("one of {TOOLS_MAX} tables at most, each named as a tool");
                self.invalid(self.place_of(key), table, value, expected);
            } else if let Some(entries) = self.entries(&table, key, value) {
                let place = Place::Tool(plugin, name);
                let settings = self.table(&place, entries, toml::Table::new());
                tools.insert(name.to_owned(), settings.into());
            }
        }
        into.insert(TOOLS.to_owned(), tools.into());
    }
}
