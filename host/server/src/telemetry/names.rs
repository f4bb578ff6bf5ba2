//! The names of what spans and figures carry: those of OpenTelemetry's semantic
//! conventions for MCP and GenAI, and our own below `fusebox.`. Owns names alone.

/// `tools/call` and the like.
pub(crate) const METHOD: &str = "mcp.method.name";
/// The version of MCP that is spoken.
pub(crate) const VERSION: &str = "mcp.protocol.version";
/// Which session it was, of the versions that have some.
pub(crate) const SESSION: &str = "mcp.session.id";
/// The id of the request, as the client gave it.
pub(crate) const REQUEST_ID: &str = "jsonrpc.request.id";
/// The tool that was called.
pub(crate) const TOOL: &str = "gen_ai.tool.name";
/// The prompt that was asked for.
pub(crate) const PROMPT: &str = "gen_ai.prompt.name";
/// `execute_tool`, of calls of tools.
pub(crate) const OPERATION: &str = "gen_ai.operation.name";
/// What kind of error it was: the code, or `tool_error`.
pub(crate) const ERROR: &str = "error.type";
/// The code of the error in the response.
pub(crate) const STATUS: &str = "rpc.response.status_code";
/// `tcp`, `quic` or `pipe`.
pub(crate) const TRANSPORT: &str = "network.transport";
/// `http`, where it is spoken.
pub(crate) const PROTOCOL: &str = "network.protocol.name";
/// The version of HTTP.
pub(crate) const PROTOCOL_VERSION: &str = "network.protocol.version";
/// Where the request comes from.
pub(crate) const CLIENT: &str = "client.address";
/// And from which port.
pub(crate) const CLIENT_PORT: &str = "client.port";
/// Whom a plugin's own request goes to.
pub(crate) const SERVER: &str = "server.address";
/// And to which port.
pub(crate) const SERVER_PORT: &str = "server.port";
/// The method of a plugin's own request.
pub(crate) const HTTP_METHOD: &str = "http.request.method";
/// The status of its response.
pub(crate) const HTTP_STATUS: &str = "http.response.status_code";
/// Whether it is encrypted.
pub(crate) const SCHEME: &str = "url.scheme";
/// What is done with a value that is kept.
pub(crate) const STORE_OPERATION: &str = "db.operation.name";

/// The plugin.
pub(crate) const PLUGIN: &str = "fusebox.plugin";
/// The resource, its family, or the plugin's completions, as they are listed.
pub(crate) const HANDLER: &str = "fusebox.handler";
/// Units of fuel.
pub(crate) const FUEL: &str = "fusebox.fuel";
/// Bytes of linear memory.
pub(crate) const MEMORY: &str = "fusebox.memory_bytes";
/// That a span of a plugin's own was open when its call ended.
pub(crate) const LEFT_OPEN: &str = "fusebox.span.left_open";
/// Spans of a plugin's own beyond those that a call may have.
pub(crate) const OWN_DROPPED: &str = "fusebox.spans.dropped";
/// Why the host refused or ended it: the reason of the error.
pub(crate) const REASON: &str = "fusebox.reason";
/// How grave a plugin says that its words are.
pub(crate) const LEVEL: &str = "fusebox.log.level";
/// Under which name it says so.
pub(crate) const LOGGER: &str = "fusebox.log.logger";
/// What it says.
pub(crate) const WORDS: &str = "fusebox.log.message";
