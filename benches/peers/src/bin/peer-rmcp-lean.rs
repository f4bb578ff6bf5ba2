//! The official Rust SDK with everything taken away that can be: stateless, plain
//! JSON answers in one write, TCP_NODELAY, one thread, the host's allocator, no
//! router between the SDK and the tools, and hyper without a framework. Nobody
//! writes a server like this; it shows what the SDK itself costs.
#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::Result;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler};
use serde_json::{Map, Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The tools, each with one argument: a text.
const TOOLS: [(&str, &str); 4] = [
    ("hello", "name"),
    ("search_products", "query"),
    ("get_user_cart", "user"),
    ("checkout", "user"),
];

#[derive(Clone)]
struct Tools;

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = TOOLS.map(|(name, argument)| Tool::new(name, name, schema(argument)));
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let unknown = || ErrorData::invalid_params("no such tool", None);
        let tool = TOOLS.iter().find(|(name, _)| *name == request.name);
        let (name, argument) = tool.ok_or_else(unknown)?;
        let arguments = request.arguments.unwrap_or_default();
        let text = arguments.get(*argument).and_then(Value::as_str);
        let text = text.ok_or_else(|| ErrorData::invalid_params("an argument is missing", None))?;
        let answer = match *name {
            "hello" => format!("Hello, {text}!"),
            "search_products" => fusebox_bench_shop::search_products(text),
            "get_user_cart" => fusebox_bench_shop::get_user_cart(text),
            _ => fusebox_bench_shop::checkout(text),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(answer)]).into())
    }
}

fn schema(argument: &str) -> Arc<Map<String, Value>> {
    let schema = json!({
        "type": "object",
        "properties": { argument: { "type": "string" } },
        "required": [argument],
    });
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}

fn main() -> Result<()> {
    fusebox_bench_peers::runtime()?.block_on(async {
        let service = StreamableHttpService::new(
            || Ok(Tools),
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default()
                .with_legacy_session_mode(false)
                .with_json_response(true),
        );
        let listener = fusebox_bench_peers::listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                // A client that goes away is no concern of the others.
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}
