//! The differences between the host and rmcp that stay, each with its reason and the
//! place in the specification. It compares nothing.

use fusebox_tests::Era;
use serde_json::Value;

/// A difference that is meant.
pub(crate) struct Difference {
    /// in these eras
    pub(crate) eras: &'static [Era],
    /// in the answers to these requests; empty for all
    pub(crate) requests: &'static [&'static str],
    /// the field; `*` stands for one step
    pub(crate) at: &'static str,
    /// what the host has there
    pub(crate) ours: Has,
    /// what rmcp has there
    pub(crate) theirs: Has,
    /// why, and the place in the specification
    pub(crate) why: &'static str,
}

/// What a server has in a field.
pub(crate) enum Has {
    /// it is not there
    Nothing,
    /// something
    Some,
    /// a number
    Number(i64),
    /// a text
    Text(&'static str),
    /// this truth value
    Flag(bool),
}

impl Has {
    pub(crate) fn is(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Self::Nothing, found) => found.is_none(),
            (_, None) => false,
            (Self::Some, _) => true,
            #[expect(clippy::cast_precision_loss, reason = "codes and times are small")]
            (Self::Number(number), Some(found)) => found.as_f64() == Some(*number as f64),
            (Self::Text(text), Some(found)) => found == text,
            (Self::Flag(flag), Some(found)) => found == flag,
        }
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::Nothing => "–".to_owned(),
            Self::Some => "its own".to_owned(),
            Self::Number(number) => format!("`{number}`"),
            Self::Text(text) => format!("`\"{text}\"`"),
            Self::Flag(flag) => format!("`{flag}`"),
        }
    }
}

const BOTH: &[Era] = &[Era::Legacy, Era::Modern];
const LEGACY: &[Era] = &[Era::Legacy];
const MODERN: &[Era] = &[Era::Modern];

/// All of them; the first that fits counts.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        eras: BOTH,
        requests: &[],
        at: "/error/message",
        ours: Has::Some,
        theirs: Has::Some,
        why: "Words are free: a short description, at most a sentence (schema, `Error`; JSON-RPC 2.0, 5.1).",
    },
    Difference {
        eras: BOTH,
        requests: &[
            "arguments as list",
            "complete without reference",
            "no resource",
            "unnamed tool",
        ],
        at: "/error/code",
        ours: Has::Number(-32602),
        theirs: Has::Number(-32601),
        why: "The method is there, its params are wrong (JSON-RPC 2.0, 5.1; schema, `InvalidParamsError`). rmcp takes a message that its types can't read for one of an unknown method.",
    },
    Difference {
        eras: LEGACY,
        requests: &["set wrong level"],
        at: "/error/code",
        ours: Has::Number(-32602),
        theirs: Has::Number(-32601),
        why: "Invalid log level: -32602 (2025-11-25, server/utilities/logging, Error Handling).",
    },
    Difference {
        eras: LEGACY,
        requests: &["discover"],
        at: "/error/code",
        ours: Has::Number(-32601),
        theirs: Has::Number(-32602),
        why: "2025-11-25 has no `server/discover`, so there is no such method (JSON-RPC 2.0, 5.1).",
    },
    Difference {
        eras: BOTH,
        requests: &["list with bad cursor", "list with wrong cursor"],
        at: "/error",
        ours: Has::Some,
        theirs: Has::Nothing,
        why: "Invalid cursors should result in -32602 (server/utilities/pagination, Error Handling). rmcp's router ignores cursors.",
    },
    Difference {
        eras: BOTH,
        requests: &["list with bad cursor", "list with wrong cursor"],
        at: "/result",
        ours: Has::Nothing,
        theirs: Has::Some,
        why: "As above.",
    },
    Difference {
        eras: MODERN,
        requests: &["ping", "set level"],
        at: "/error",
        ours: Has::Some,
        theirs: Has::Nothing,
        why: "2026-07-28 has neither method; a server answers what it doesn't implement with -32601 (2026-07-28, changelog; JSON-RPC 2.0, 5.1). Over standard streams rmcp serves both.",
    },
    Difference {
        eras: MODERN,
        requests: &["ping", "set level"],
        at: "/result",
        ours: Has::Nothing,
        theirs: Has::Some,
        why: "As above.",
    },
    Difference {
        eras: BOTH,
        requests: &[
            "text",
            "no arguments",
            "image",
            "audio",
            "embedded",
            "several",
            "structured",
            "argument",
        ],
        at: "/result/isError",
        ours: Has::Nothing,
        theirs: Has::Flag(false),
        why: "Not set, it is assumed to be false (schema, `CallToolResult`).",
    },
    Difference {
        eras: BOTH,
        requests: &["wrong argument", "missing argument", "further argument"],
        at: "/result/content/0/text",
        ours: Has::Some,
        theirs: Has::Some,
        why: "Both answer with a result whose `isError` is set, so that the model can correct itself (server/tools, Error Handling); words are free.",
    },
    Difference {
        eras: BOTH,
        requests: &["list tools"],
        at: "/result/tools/*/inputSchema/properties/*/format",
        ours: Has::Nothing,
        theirs: Has::Text("double"),
        why: "JSON Schema has no such format: what describes a type of Rust only is left out (JSON Schema 2020-12, validation, 7.3).",
    },
    Difference {
        eras: BOTH,
        requests: &["list tools"],
        at: "/result/tools/*/outputSchema/properties/*/format",
        ours: Has::Nothing,
        theirs: Has::Text("double"),
        why: "As above.",
    },
    Difference {
        eras: BOTH,
        requests: &["list tools"],
        at: "/result/tools/*/inputSchema/properties",
        ours: Has::Some,
        theirs: Has::Nothing,
        why: "Both take no arguments; some clients of older versions read `properties` unasked (server/tools, Tool; schema, `Tool`, where it is optional).",
    },
    Difference {
        eras: BOTH,
        requests: &[
            "simple prompt",
            "prompt",
            "prompt with resource",
            "prompt with image",
        ],
        at: "/result/description",
        ours: Has::Some,
        theirs: Has::Nothing,
        why: "An optional description of the prompt (schema, `GetPromptResult`); the listed one is repeated.",
    },
    Difference {
        eras: BOTH,
        requests: &["unknown prompt"],
        at: "/error/data",
        ours: Has::Nothing,
        theirs: Has::Some,
        why: "Optional, defined by the sender (schema, `Error`).",
    },
    Difference {
        eras: MODERN,
        requests: &[],
        at: "/result/_meta",
        ours: Has::Some,
        theirs: Has::Nothing,
        why: "Servers should name themselves in every response (2026-07-28, schema, `ResultMetaObject`). rmcp does so in `server/discover` alone.",
    },
    Difference {
        eras: MODERN,
        requests: &[
            "discover",
            "list tools",
            "list resources",
            "list templates",
            "list prompts",
            "read text",
            "read bytes",
            "read template",
        ],
        at: "/result/ttlMs",
        ours: Has::Some,
        theirs: Has::Number(0),
        why: "How long a result is fresh is the server's to say (2026-07-28, schema, `CacheableResult`).",
    },
    Difference {
        eras: MODERN,
        requests: &[
            "discover",
            "list resources",
            "list templates",
            "read text",
            "read bytes",
            "read template",
        ],
        at: "/result/cacheScope",
        ours: Has::Text("public"),
        theirs: Has::Text("private"),
        why: "What says nothing of a user is public (2026-07-28, schema, `CacheableResult`).",
    },
    Difference {
        eras: MODERN,
        requests: &["discover"],
        at: "/result/capabilities/extensions",
        ours: Has::Some,
        theirs: Has::Nothing,
        why: "The extension for tasks, which this oracle doesn't offer (2026-07-28, schema, `ServerCapabilities`).",
    },
    Difference {
        eras: MODERN,
        requests: &["discover"],
        at: "/result/supportedVersions/0",
        ours: Has::Text("2026-07-28"),
        theirs: Has::Text("2024-11-05"),
        why: "The client chooses from this list for its next requests, and a version before 2026-07-28 can't be chosen in a request (2026-07-28, basic/lifecycle; schema, `DiscoverResult`).",
    },
    Difference {
        eras: MODERN,
        requests: &["discover"],
        at: "/result/supportedVersions/*",
        ours: Has::Nothing,
        theirs: Has::Some,
        why: "As above.",
    },
];
