//! Owns one conversation of rmcp's client with a host: each step's outcome, as one
//! line of JSON. It never judges them: the test that started it compares.
//! `rmcp-client MODE URL | --stdio COMMAND [ARGUMENT...]`, where MODE is
//! `initialize`, `discover` or `auto`.
#![forbid(unsafe_code)]
// Logging, sampling and subscribing by a request of one's own are of older versions.
#![allow(deprecated)]

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig,
    ClientRequest, ElicitRequestParams, ElicitResult, ElicitationAction, GetPromptRequestParams,
    Implementation, LoggingMessageNotificationParam, PaginatedRequestParams,
    ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams,
    ResourceUpdatedNotificationParam, ServerNotification, SubscribeRequestParams,
    SubscriptionFilter,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestContext, RunningService};
use rmcp::transport::{ConfigureCommandExt as _, StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt as _, ErrorData, RoleClient, ServiceError,
};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;

const WATCHED: &str = "test://watched-resource";

/// How often, and how long after each other, something is tried that takes effect
/// when it will.
const TRIES: usize = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// What the host has said of itself.
#[derive(Clone, Default)]
struct Me {
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    logged: Vec<Value>,
    progress: Vec<Value>,
    updated: Option<String>,
}

impl Me {
    fn with<T>(&self, look: impl FnOnce(&mut Heard) -> T) -> T {
        look(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientHandler for Me {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder()
            .enable_elicitation()
            .enable_sampling()
            .build();
        ClientConfig::new(capabilities, Implementation::new("fusebox-tests", "1"))
    }

    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let content = json!({"username": "ada", "email": "ada@example.org"});
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(content))
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.with(|heard| heard.logged.push(params.data));
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let step = json!([params.progress, params.total]);
        self.with(|heard| heard.progress.push(step));
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.with(|heard| heard.updated = Some(params.uri));
    }
}

struct Conversation {
    client: RunningService<RoleClient, Me>,
    me: Me,
    modern: bool,
}

fn call(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

fn text(result: &CallToolResult) -> String {
    let parts = result.content.iter().filter_map(|part| part.as_text());
    parts.map(|part| part.text.as_str()).collect()
}

/// One part of an answer as it would be written.
fn part(answer: &impl serde::Serialize, pointer: &str) -> Result<Value> {
    let written = serde_json::to_value(answer)?;
    let found = written.pointer(pointer);
    found
        .cloned()
        .with_context(|| format!("no {pointer} in {written}"))
}

impl Conversation {
    async fn step(&self, step: &str) -> Result<Value> {
        let client = &self.client;
        Ok(match step {
            "list" => {
                let tools = client
                    .list_tools(Some(PaginatedRequestParams::default()))
                    .await?;
                let names = tools.tools.iter().take(3).map(|tool| tool.name.clone());
                json!(names.collect::<Vec<_>>())
            }
            "call" => json!(text(
                &client
                    .call_tool(call("test_simple_text", json!({})))
                    .await?
            )),
            "error" => {
                let result = client
                    .call_tool(call("test_error_handling", json!({})))
                    .await?;
                json!({"isError": result.is_error, "text": text(&result)})
            }
            "refusal" => match client.call_tool(call("no_such_tool", json!({}))).await {
                Err(ServiceError::McpError(error)) => json!(error.code.0),
                other => bail!("{other:?}"),
            },
            "progress" => {
                client
                    .call_tool(call("test_tool_with_progress", json!({})))
                    .await?;
                self.until(|heard| heard.progress.len() >= 3).await;
                json!(self.me.with(|heard| std::mem::take(&mut heard.progress)))
            }
            "log" if self.modern => json!("not asked for"),
            "log" => {
                client
                    .call_tool(call("test_tool_with_logging", json!({})))
                    .await?;
                self.until(|heard| heard.logged.len() >= 3).await;
                json!(self.me.with(|heard| std::mem::take(&mut heard.logged)))
            }
            "ask" => {
                let asked = call("test_elicitation", json!({"message": "Who?"}));
                json!(text(&client.call_tool(asked).await?))
            }
            "read" => self.read("test://static-text", "/contents/0/text").await?,
            "blob" => {
                self.read("test://static-binary", "/contents/0/mimeType")
                    .await?
            }
            "get" => {
                let arguments = json!({"arg1": "a", "arg2": "b"});
                let arguments = arguments.as_object().cloned().unwrap_or_default();
                let asked = GetPromptRequestParams::new("test_prompt_with_arguments");
                let prompt = client.get_prompt(asked.with_arguments(arguments)).await?;
                part(&prompt, "/messages/0/content/text")?
            }
            "complete" => {
                let completed = client
                    .complete_prompt_argument("test_prompt_with_arguments", "arg1", "par", None)
                    .await?;
                json!(completed.values)
            }
            "subscribe" => self.subscribe().await?,
            "cancel" => self.cancel().await?,
            "ping" if self.modern => json!("not in this version"),
            "ping" => {
                let ping = rmcp::model::PingRequest::default();
                client
                    .send_request(ClientRequest::PingRequest(ping))
                    .await?;
                json!("pong")
            }
            unknown => bail!("there is no step {unknown}"),
        })
    }

    async fn read(&self, uri: &str, pointer: &str) -> Result<Value> {
        let read = self
            .client
            .read_resource(ReadResourceRequestParams::new(uri))
            .await?;
        part(&read, pointer)
    }

    async fn until(&self, holds: impl Fn(&Heard) -> bool) {
        for _ in 0..TRIES {
            if self.me.with(|heard| holds(heard)) {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    async fn trigger(&self) -> Result<()> {
        let trigger = call("test_trigger_resource_update", json!({}));
        self.client.call_tool(trigger).await?;
        Ok(())
    }

    async fn subscribe(&self) -> Result<Value> {
        if self.modern {
            let filter = SubscriptionFilter::builder()
                .resource_subscription(WATCHED)
                .build();
            let mut subscription = self.client.listen(filter).await?;
            for _ in 0..TRIES {
                self.trigger().await?;
                let next = tokio::time::timeout(PAUSE, subscription.next()).await;
                if let Ok(Ok(Some(ServerNotification::ResourceUpdatedNotification(note)))) = next {
                    subscription.cancel().await?;
                    return Ok(json!(note.params.uri));
                }
            }
            bail!("nothing was heard of {WATCHED}");
        }
        self.client
            .subscribe(SubscribeRequestParams::new(WATCHED))
            .await?;
        for _ in 0..TRIES {
            if let Some(uri) = self.me.with(|heard| heard.updated.take()) {
                return Ok(json!(uri));
            }
            self.trigger().await?;
            sleep(PAUSE).await;
        }
        bail!("nothing was heard of {WATCHED}");
    }

    async fn cancel(&self) -> Result<Value> {
        let request = CallToolRequest::new(call("slow_compute", json!({"seconds": 500})));
        let handle = self
            .client
            .send_cancellable_request(
                ClientRequest::CallToolRequest(request),
                PeerRequestOptions::no_options(),
            )
            .await?;
        sleep(Duration::from_millis(200)).await;
        handle.cancel(Some("enough".to_owned())).await?;
        Ok(json!("stopped"))
    }
}

const STEPS: [&str; 14] = [
    "list",
    "call",
    "error",
    "refusal",
    "progress",
    "log",
    "ask",
    "read",
    "blob",
    "get",
    "complete",
    "subscribe",
    "cancel",
    "ping",
];

fn lifecycle(mode: &str) -> Result<ClientLifecycleMode> {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    Ok(match mode {
        "initialize" => ClientLifecycleMode::Initialize,
        "discover" => ClientLifecycleMode::Discover { preferred_versions },
        "auto" => ClientLifecycleMode::Auto {
            preferred_versions,
            legacy_version: None,
        },
        unknown => bail!("there is no mode {unknown}"),
    })
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().context("no mode")?;
    let target = arguments.next().context("no target")?;
    let me = Me::default();
    let lifecycle = lifecycle(&mode)?;
    let client = if target == "--stdio" {
        let program = arguments.next().context("no command")?;
        let command = Command::new(program).configure(|command| {
            command.args(arguments).stderr(Stdio::inherit());
        });
        let transport = TokioChildProcess::new(command)?;
        me.clone()
            .serve_with_lifecycle(transport, lifecycle)
            .await?
    } else {
        let transport = StreamableHttpClientTransport::from_uri(target);
        me.clone()
            .serve_with_lifecycle(transport, lifecycle)
            .await?
    };
    let info = serde_json::to_value(client.peer_info().as_deref())?;
    let version = info["protocolVersion"].clone();
    let modern = version == "2026-07-28";
    let mut seen = json!({"package": "3.11.0", "version": version});
    let conversation = Conversation { client, me, modern };
    for step in STEPS {
        let outcome = conversation.step(step).await;
        seen[step] = outcome.unwrap_or_else(|error| json!(format!("failed: {error:#}")));
    }
    println!("{seen}");
    conversation.client.cancel().await?;
    Ok(())
}
