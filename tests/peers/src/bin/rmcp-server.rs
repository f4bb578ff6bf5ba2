//! The oracle: a server written with rmcp, as its examples do it, that offers a part
//! of what the plugins `everything` and `hello` offer, with the same names and texts.
//! It decides nothing that rmcp decides: how a message is worded is what the test
//! compares. `rmcp-server` serves its standard streams.
#![forbid(unsafe_code)]
// Logging and subscribing by a request of one's own are of older versions.
#![allow(deprecated)]

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use rmcp::handler::server::router::prompt::PromptRouter;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResult, CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock,
    Implementation, ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams,
    PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference,
    Resource, ResourceContents, ResourceTemplate, Role, ServerCapabilities, ServerConfig,
    SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{
    ErrorData, Json, RoleServer, ServerHandler, ServiceExt as _, prompt, prompt_handler,
    prompt_router, tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// One red pixel, in base64.
fn image() -> String {
    STANDARD.encode(include_bytes!("../../../../plugins/everything/src/red.png"))
}

/// A hundredth of a second of silence, in base64.
fn audio() -> String {
    STANDARD.encode(include_bytes!(
        "../../../../plugins/everything/src/silence.wav"
    ))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Numbers {
    a: f64,
    b: f64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    result: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Name {
    /// whom to greet
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Two {
    /// First test argument
    arg1: String,
    /// Second test argument
    arg2: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Embedded {
    /// URI of the resource to embed
    resource_uri: String,
}

#[derive(Clone)]
struct Oracle {
    tool_router: ToolRouter<Self>,
    prompt_router: PromptRouter<Self>,
}

fn embedded(uri: &str, mime_type: &str, text: &str) -> ContentBlock {
    ContentBlock::resource(ResourceContents::text(text, uri).with_mime_type(mime_type))
}

#[tool_router]
impl Oracle {
    fn new() -> Self {
        Self {
            tool_router: Self::tool_router(),
            prompt_router: Self::prompt_router(),
        }
    }

    #[tool(description = "Returns text.")]
    async fn test_simple_text(&self, _: Parameters<Nothing>) -> String {
        "This is a simple text response for testing.".to_owned()
    }

    #[tool(description = "Returns an image.")]
    async fn test_image_content(&self, _: Parameters<Nothing>) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::image(image(), "image/png")])
    }

    #[tool(description = "Returns a sound.")]
    async fn test_audio_content(&self, _: Parameters<Nothing>) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::audio(audio(), "audio/wav")])
    }

    #[tool(description = "Returns a resource within the result.")]
    async fn test_embedded_resource(&self, _: Parameters<Nothing>) -> CallToolResult {
        let text = "This is an embedded resource content.";
        CallToolResult::success(vec![embedded(
            "test://embedded-resource",
            "text/plain",
            text,
        )])
    }

    #[tool(description = "Returns text, an image and a resource.")]
    async fn test_multiple_content_types(&self, _: Parameters<Nothing>) -> CallToolResult {
        CallToolResult::success(vec![
            ContentBlock::text("Multiple content types test:"),
            ContentBlock::image(image(), "image/png"),
            embedded(
                "test://mixed-content-resource",
                "application/json",
                r#"{"test":"data","value":123}"#,
            ),
        ])
    }

    #[tool(description = "Always reports that it failed.")]
    async fn test_error_handling(&self, _: Parameters<Nothing>) -> Result<String, String> {
        Err("This tool intentionally returns an error for testing".to_owned())
    }

    #[tool(description = "Adds two numbers.", annotations(read_only_hint = true))]
    async fn add(&self, Parameters(Numbers { a, b }): Parameters<Numbers>) -> Json<Sum> {
        Json(Sum { result: a + b })
    }

    #[tool(description = "Greets someone.", annotations(read_only_hint = true))]
    async fn hello(&self, Parameters(Name { name }): Parameters<Name>) -> String {
        format!("Hello, {name}!")
    }
}

#[prompt_router]
impl Oracle {
    #[prompt(description = "A simple test prompt with no arguments")]
    async fn test_simple_prompt(&self) -> Vec<PromptMessage> {
        let text = "This is a simple prompt for testing.";
        vec![PromptMessage::new_text(Role::User, text)]
    }

    #[prompt(description = "A test prompt that accepts arguments")]
    async fn test_prompt_with_arguments(
        &self,
        Parameters(Two { arg1, arg2 }): Parameters<Two>,
    ) -> Vec<PromptMessage> {
        let text = format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'");
        vec![PromptMessage::new_text(Role::User, text)]
    }

    #[prompt(description = "A test prompt that includes an embedded resource")]
    async fn test_prompt_with_embedded_resource(
        &self,
        Parameters(Embedded { resource_uri }): Parameters<Embedded>,
    ) -> Vec<PromptMessage> {
        let text = "Embedded resource content for testing.";
        let resource = embedded(&resource_uri, "text/plain", text);
        vec![
            PromptMessage::new(Role::User, resource),
            PromptMessage::new_text(Role::User, "Please process the embedded resource above."),
        ]
    }

    #[prompt(description = "A test prompt that includes an image")]
    async fn test_prompt_with_image(&self) -> Vec<PromptMessage> {
        let image = ContentBlock::image(image(), "image/png");
        vec![
            PromptMessage::new(Role::User, image),
            PromptMessage::new_text(Role::User, "Please analyze the image above."),
        ]
    }
}

const STATIC_TEXT: &str = "test://static-text";
const STATIC_BINARY: &str = "test://static-binary";

#[tool_handler(router = self.tool_router)]
#[prompt_handler(router = self.prompt_router)]
impl ServerHandler for Oracle {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_completions()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_resources_list_changed()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        let me = Implementation::new("fusebox", "0.1.0").with_title("Fusebox");
        ServerConfig::new(capabilities).with_server_info(me)
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![
            Resource::new(STATIC_TEXT, "Static Text Resource")
                .with_description("A static text resource for testing")
                .with_mime_type("text/plain"),
            Resource::new(STATIC_BINARY, "Static Binary Resource")
                .with_description("A static binary/blob resource for testing")
                .with_mime_type("image/png"),
        ]))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(vec![
            ResourceTemplate::new("test://template/{id}/data", "Dynamic Resource")
                .with_description("A dynamic resource with parameter substitution")
                .with_mime_type("application/json"),
        ]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.as_str();
        let contents = match uri {
            STATIC_TEXT => {
                let text = "This is the content of the static text resource.";
                ResourceContents::text(text, uri).with_mime_type("text/plain")
            }
            STATIC_BINARY => ResourceContents::blob(image(), uri).with_mime_type("image/png"),
            _ => {
                let id = uri.strip_prefix("test://template/");
                let id = id.and_then(|rest| rest.strip_suffix("/data"));
                let Some(id) = id.filter(|id| !id.contains('/')) else {
                    let data = json!({"uri": uri});
                    return Err(ErrorData::resource_not_found(
                        "resource not found",
                        Some(data),
                    ));
                };
                let data = format!("Data for ID: {id}");
                let data = json!({"id": id, "templateTest": true, "data": data});
                let text = ResourceContents::text(data.to_string(), uri);
                text.with_mime_type("application/json")
            }
        };
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let known: &[&str] = match (&request.r#ref, request.argument.name.as_str()) {
            (Reference::Prompt(prompt), "arg1") if prompt.name == "test_prompt_with_arguments" => {
                &["paris", "park", "party"]
            }
            (Reference::Resource(resource), "id")
                if resource.uri == "test://template/{id}/data" =>
            {
                &["1", "2", "3"]
            }
            _ => &[],
        };
        let typed = request.argument.value.as_str();
        let values = known.iter().filter(|value| value.starts_with(typed));
        let values: Vec<String> = values.map(|value| (*value).to_owned()).collect();
        let completion = CompletionInfo::with_all_values(values);
        let completion = completion.map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(CompleteResult::new(completion))
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let running = Oracle::new().serve(rmcp::transport::stdio()).await?;
    running.waiting().await?;
    Ok(())
}
