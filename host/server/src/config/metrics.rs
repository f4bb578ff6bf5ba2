//! `[metrics]`: how many plugins and handlers `/metrics` tells apart.
//!
//! It owns the shape of this table. What the keys do is said in `fusebox.toml`.

use serde::{Deserialize, Serialize};

/// `[metrics]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Plugins with series of their own.
    pub plugins_max: usize,
    /// Handlers with series of their own, of all plugins together.
    pub handlers_max: usize,
}
