//! The versions of MCP, and what each of them knows.
//!
//! Owns the names, the order and the features of the versions. It never looks
//! at a message: which era a message belongs to is for [`crate::era`].

/// How a version conveys who is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// Up to 2025-11-25: an `initialize` handshake, then a session.
    Legacy,
    /// From 2026-07-28: each request carries everything in `_meta`.
    Modern,
}

/// A version of MCP that this host speaks. Older is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProtocolVersion {
    /// 2024-11-05, the first
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches, audio, tool annotations
    V2025_03_26,
    /// 2025-06-18: structured content, titles, resource links, form elicitation
    V2025_06_18,
    /// 2025-11-25: icons, URL elicitation
    V2025_11_25,
    /// 2026-07-28: no handshake, no sessions
    V2026_07_28,
}

impl ProtocolVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];
    /// The versions that begin with `initialize`, oldest first.
    pub const LEGACY: [Self; 4] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
    ];
    /// The versions that carry everything in each request, oldest first.
    pub const MODERN: [Self; 1] = [Self::V2026_07_28];
    /// What `initialize` answers to a version that it doesn't know.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;
    /// What an HTTP request without a version header and without a session speaks.
    pub const WITHOUT_HEADER: Self = Self::V2025_03_26;

    /// The name on the wire, such as `2025-06-18`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The version of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == name)
    }

    /// The version that `initialize` settles on: the requested one if it has a
    /// handshake, else the newest that has. So a client that asks for
    /// 2026-07-28 by `initialize` is served as 2025-11-25.
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested)
            .filter(|version| !version.is_modern())
            .unwrap_or(Self::LATEST_LEGACY)
    }

    /// The era of this version.
    pub fn era(self) -> Era {
        if self.is_modern() {
            Era::Modern
        } else {
            Era::Legacy
        }
    }

    /// Whether each request carries everything in `_meta`.
    pub fn is_modern(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether a frame may be an array of messages. Only 2025-03-26 says so.
    pub fn accepts_batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// Audio content, annotations of tools, the `completions` capability, the
    /// `message` of a progress notification.
    pub fn has_audio(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Structured content and output schemas, titles, resource links,
    /// `lastModified`, and `_meta` inside lists and content.
    pub fn has_structured_content(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// A response without an id, to a message whose id could not be read. Older
    /// schemas have none; there JSON-RPC's own rule holds, an id of `null`.
    pub fn has_response_without_id(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// Icons, and the description and website of a peer.
    pub fn has_icons(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// `execution.taskSupport` of a tool. Only 2025-11-25 has it: afterwards
    /// tasks are an extension, in which the server alone decides.
    pub fn has_task_support(self) -> bool {
        self == Self::V2025_11_25
    }
}

impl serde::Serialize for ProtocolVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl std::fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
