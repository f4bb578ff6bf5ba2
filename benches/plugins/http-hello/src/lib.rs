//! The tool of the plugin `hello` for a host of `wasi:http`: what an author writes
//! for `wasmtime serve`, who has to read and write JSON-RPC without a host's help.
//!
//! It owns one tool and no more of MCP than a call of it.

use std::borrow::Cow;
use std::io::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

/// What is read at once.
const READ_BYTES: u64 = 64 << 10;

#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Greets someone: the same as in `plugins/hello`.
fn hello(name: &str) -> String {
    format!("Hello, {name}!")
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: HelloArguments<'a>,
}

#[derive(Deserialize)]
struct HelloArguments<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Serialize)]
struct Response<'a> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<CallResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<CallError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallResult {
    result_type: &'static str,
    content: [Text; 1],
    #[serde(rename = "_meta")]
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server_info: ServerInfo,
}

/// As much as our host says of itself in each answer.
#[derive(Serialize)]
struct ServerInfo {
    name: &'static str,
    version: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct Text {
    r#type: &'static str,
    text: String,
}

#[derive(Serialize)]
struct CallError {
    code: i32,
    message: String,
}

fn refuse(code: i32, message: String) -> CallError {
    CallError { code, message }
}

/// What a request comes to.
fn call(request: &Request<'_>) -> Result<CallResult, CallError> {
    if request.method != "tools/call" {
        return Err(refuse(-32601, format!("unknown method {}", request.method)));
    }
    let params = request.params.map_or("null", RawValue::get);
    match serde_json::from_str::<CallParams<'_>>(params) {
        Ok(params) if params.name == "hello" => Ok(CallResult {
            result_type: "complete",
            content: [Text {
                r#type: "text",
                text: hello(&params.arguments.name),
            }],
            meta: Meta {
                server_info: ServerInfo {
                    name: "wasmtime",
                    version: env!("CARGO_PKG_VERSION"),
                    title: "Hello",
                },
            },
        }),
        Ok(params) => Err(refuse(-32602, format!("unknown tool {}", params.name))),
        Err(error) => Err(refuse(-32602, error.to_string())),
    }
}

/// The status and the body of the answer to a body.
fn answer(body: &[u8]) -> (u16, Vec<u8>) {
    let answered = serde_json::from_slice::<Request<'_>>(body).and_then(|request| {
        let (result, error) = match call(&request) {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error)),
        };
        serde_json::to_vec(&Response {
            jsonrpc: "2.0",
            id: request.id,
            result,
            error,
        })
    });
    match answered {
        Ok(body) => (200, body),
        Err(error) => (400, error.to_string().into_bytes()),
    }
}

/// The body of a request; none if its client is gone.
fn read(request: &IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(chunk) if bytes.is_empty() => bytes = chunk,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Some(bytes),
            Err(StreamError::LastOperationFailed(_)) => return None,
        }
    }
}

/// Sends an answer. One that nobody takes any more is of no use to anybody.
fn send(to: ResponseOutparam, status: u16, body: &[u8]) -> Option<()> {
    let length = body.len().to_string();
    let fields = Fields::from_list(&[
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-length".to_owned(), length.into_bytes()),
    ]);
    let response = OutgoingResponse::new(fields.ok()?);
    response.set_status_code(status).ok()?;
    let sending = response.body().ok()?;
    ResponseOutparam::set(to, Ok(response));
    sending.write().ok()?.write_all(body).ok()?;
    OutgoingBody::finish(sending, None).ok()
}

struct Hello;

impl Guest for Hello {
    fn handle(request: IncomingRequest, to: ResponseOutparam) {
        let Some(body) = read(&request) else {
            return;
        };
        let (status, body) = answer(&body);
        let _ = send(to, status, &body);
    }
}

wasip2::http::proxy::export!(Hello);
