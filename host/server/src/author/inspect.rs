//! All that a file says of itself: the tools with their schemas, its world in
//! WIT, its size, and what it was made with.
//!
//! It owns the report. It never calls a tool.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use fusebox_protocol::ProtocolVersion;
use fusebox_toolchain::wit;
use serde::Serialize;
use serde_json::Value;

use super::{AuthorError, Loaded};
use crate::folder;
use crate::listing;

/// What `fusebox plugin inspect` says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectReport {
    /// as it was given
    pub file: String,
    /// of the file
    pub bytes: usize,
    /// of the file's bytes, in hex
    pub sha256: String,
    /// languages and programs it was made with, and their versions
    pub producers: BTreeMap<String, BTreeMap<String, String>>,
    /// each as a client of 2026-07-28 sees it in a list
    pub tools: Vec<Value>,
    /// its world, with the packages that it names
    pub wit: String,
}

impl Loaded {
    /// Says what is in the file, which must be the one that was loaded.
    ///
    /// # Errors
    /// If it can't be read again, or isn't what was loaded any more.
    pub fn inspect(&self, file: &Path) -> Result<InspectReport, AuthorError> {
        let unfit = |reason: String| AuthorError::File {
            file: self.file.clone(),
            reason,
        };
        let (bytes, sha256) = folder::read(file, self.bytes as u64).map_err(unfit)?;
        if sha256 != self.plugin.core.sha256 {
            return Err(unfit("it was changed meanwhile".to_owned()));
        }
        let described = wit::describe(file, &bytes).map_err(|error| unfit(error.to_string()))?;
        let tools = listing::tools(&self.plugin.offers.tools, ProtocolVersion::V2026_07_28);
        let tools = tools.iter().map(serde_json::to_value);
        Ok(InspectReport {
            file: self.file.clone(),
            bytes: self.bytes,
            sha256,
            producers: described.producers,
            tools: tools
                .collect::<Result<_, _>>()
                .map_err(|error| unfit(error.to_string()))?,
            wit: described.wit,
        })
    }
}

impl fmt::Display for InspectReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.bytes as f64 / 1024.0;
        writeln!(f, "{}: {kib:.1} KiB, sha256 {}", self.file, self.sha256)?;
        for (field, values) in &self.producers {
            let values = values.iter();
            let values: Vec<String> = values
                .map(|(name, version)| format!("{name} {version}").trim_end().to_owned())
                .collect();
            writeln!(f, "{field}: {}", values.join(", "))?;
        }
        for tool in &self.tools {
            writeln!(f, "\ntool {tool:#}")?;
        }
        writeln!(f, "\n{}", self.wit.trim_end())
    }
}
