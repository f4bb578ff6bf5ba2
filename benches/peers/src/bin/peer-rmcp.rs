//! The official Rust SDK as its own examples use it (its macros, its router,
//! axum, tokio's default runtime), tuned: stateless, plain JSON answers in one
//! write, TCP_NODELAY.
#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::Result;
use axum::serve::ListenerExt as _;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greeting {
    name: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Search {
    query: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OfUser {
    user: String,
}

#[derive(Clone)]
struct Tools {
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl Tools {
    fn new() -> Self {
        Self {
            tool_router: Self::tool_router(),
        }
    }

    #[tool(description = "Greets someone.")]
    async fn hello(&self, Parameters(Greeting { name }): Parameters<Greeting>) -> String {
        format!("Hello, {name}!")
    }

    #[tool(description = "Looks for products.")]
    async fn search_products(&self, Parameters(Search { query }): Parameters<Search>) -> String {
        fusebox_bench_shop::search_products(&query)
    }

    #[tool(description = "What a user has in the cart.")]
    async fn get_user_cart(&self, Parameters(OfUser { user }): Parameters<OfUser>) -> String {
        fusebox_bench_shop::get_user_cart(&user)
    }

    #[tool(description = "Buys what is in the cart.")]
    async fn checkout(&self, Parameters(OfUser { user }): Parameters<OfUser>) -> String {
        fusebox_bench_shop::checkout(&user)
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let tools = Tools::new();
    let service = StreamableHttpService::new(
        // Made once: to make the router for each request would cost it more.
        move || Ok(tools.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true),
    );
    let listener = fusebox_bench_peers::listen()?.tap_io(|stream| {
        // Without it an answer may wait for a timer.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
    Ok(())
}
