//! The parameters of each method, with their types.
//!
//! Owns which members a method takes and which of them it can't do without. It
//! looks one level deep: arguments of tools and the like stay raw text. Each
//! `from_params` fails with -32602 and the reason.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::{RpcError, quoted};
use crate::json::{JsonKind, member_of, members_of};
use crate::request_id::RequestId;
use crate::scan::{Member, Params};

mod capabilities;
mod meta;
mod read;

pub use capabilities::{ClientCapabilities, TASKS_EXTENSION};
pub use meta::{LogLevel, Meta, TraceMeta, claimed_version};
use read::{
    boolean, object, optional, required, string, strings, text_map, text_member, wrong_kind,
};

/// Names and their values, both text, in the order of the message. No name
/// stands there twice.
pub type TextPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// `tools/call`
#[derive(Debug, Clone)]
pub struct CallToolParams<'a> {
    /// the tool
    pub name: Cow<'a, str>,
    /// The text of a JSON object; `{}` if the request has none.
    pub arguments: &'a str,
    /// `_meta`
    pub meta: Meta<'a>,
    /// an object: the answers to what an earlier round asked
    pub input_responses: Option<&'a RawValue>,
    /// what that round left
    pub request_state: Option<Cow<'a, str>>,
    /// an object: the caller wants a task (2025-11-25)
    pub task: Option<&'a RawValue>,
}

impl<'a> CallToolParams<'a> {
    /// # Errors
    /// -32602 if `name` is missing, or a member is of the wrong kind.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            name: required(params, Member::Name, string)?,
            arguments: optional(params, Member::Arguments, object)?.map_or("{}", RawValue::get),
            meta: Meta::from_params(params)?,
            input_responses: optional(params, Member::InputResponses, object)?,
            request_state: optional(params, Member::RequestState, string)?,
            task: optional(params, Member::Task, object)?,
        })
    }
}

/// `tools/list` and the other lists
#[derive(Debug, Clone)]
pub struct ListParams<'a> {
    /// where the page before ended
    pub cursor: Option<Cow<'a, str>>,
    /// `_meta`
    pub meta: Meta<'a>,
}

impl<'a> ListParams<'a> {
    /// # Errors
    /// -32602 if `cursor` is no string.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            cursor: optional(params, Member::Cursor, string)?,
            meta: Meta::from_params(params)?,
        })
    }
}

/// `initialize`
#[derive(Debug, Clone)]
pub struct InitializeParams<'a> {
    /// what the client would like to speak; any text
    pub protocol_version: Cow<'a, str>,
    /// none of them if the client sends none
    pub capabilities: ClientCapabilities,
    /// an object; the schema requires it, but nothing depends on it
    pub client_info: Option<&'a RawValue>,
}

impl<'a> InitializeParams<'a> {
    /// # Errors
    /// -32602 if `protocolVersion` is missing, or a member is of the wrong kind.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            protocol_version: required(params, Member::ProtocolVersion, string)?,
            capabilities: optional(params, Member::Capabilities, ClientCapabilities::read)?
                .unwrap_or_default(),
            client_info: optional(params, Member::ClientInfo, object)?,
        })
    }
}

/// `notifications/cancelled`
#[derive(Debug, Clone)]
pub struct CancelledParams<'a> {
    /// the request that is not wanted any more, in the very text of its id
    pub request_id: RequestId,
    /// why, for the log
    pub reason: Option<Cow<'a, str>>,
}

impl<'a> CancelledParams<'a> {
    /// # Errors
    /// -32602 if `requestId` is missing or neither string nor number. A
    /// notification is not answered: the caller ignores it.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            request_id: required(params, Member::RequestId, |member, raw| {
                RequestId::from_raw(raw)
                    .ok_or_else(|| wrong_kind(member, "a string or an integer", raw))
            })?,
            reason: optional(params, Member::Reason, string)?,
        })
    }
}

/// `logging/setLevel`
#[derive(Debug, Clone, Copy)]
pub struct SetLevelParams {
    /// what is at least this grave is to be sent
    pub level: LogLevel,
}

impl SetLevelParams {
    /// # Errors
    /// -32602 if `level` is missing or no level of RFC 5424.
    pub fn from_params(params: &Params<'_>) -> Result<Self, RpcError> {
        Ok(Self {
            level: required(params, Member::Level, LogLevel::read)?,
        })
    }
}

/// What a client wants to be told of, or what the host agrees to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// `notifications/tools/list_changed`
    pub tools_list_changed: bool,
    /// `notifications/prompts/list_changed`
    pub prompts_list_changed: bool,
    /// `notifications/resources/list_changed`
    pub resources_list_changed: bool,
    /// `notifications/resources/updated`, for these addresses
    pub resource_subscriptions: Vec<String>,
    /// the tasks extension: changes of these tasks
    pub task_ids: Vec<String>,
}

/// `subscriptions/listen`
#[derive(Debug, Clone)]
pub struct SubscriptionsListenParams<'a> {
    /// what is asked for
    pub notifications: SubscriptionFilter,
    /// `_meta`
    pub meta: Meta<'a>,
}

impl<'a> SubscriptionsListenParams<'a> {
    /// # Errors
    /// -32602 if `notifications` is missing, or one of its members is of the
    /// wrong kind. Members that this host doesn't know are passed over.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        let mut notifications = SubscriptionFilter::default();
        for (name, value) in
            members_of(required(params, Member::Notifications, object)?).unwrap_or_default()
        {
            match &*name {
                "toolsListChanged" => notifications.tools_list_changed = boolean(&name, value)?,
                "promptsListChanged" => notifications.prompts_list_changed = boolean(&name, value)?,
                "resourcesListChanged" => {
                    notifications.resources_list_changed = boolean(&name, value)?
                }
                "resourceSubscriptions" => {
                    notifications.resource_subscriptions = strings(&name, value)?
                }
                "taskIds" => notifications.task_ids = strings(&name, value)?,
                _ => {}
            }
        }
        Ok(Self {
            notifications,
            meta: Meta::from_params(params)?,
        })
    }
}

/// `resources/read`
#[derive(Debug, Clone)]
pub struct ReadResourceParams<'a> {
    /// what to read
    pub uri: Cow<'a, str>,
    /// `_meta`
    pub meta: Meta<'a>,
    /// an object: the answers to what an earlier round asked
    pub input_responses: Option<&'a RawValue>,
    /// what that round left
    pub request_state: Option<Cow<'a, str>>,
}

impl<'a> ReadResourceParams<'a> {
    /// # Errors
    /// -32602 if `uri` is missing, or a member is of the wrong kind.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            uri: required(params, Member::Uri, string)?,
            meta: Meta::from_params(params)?,
            input_responses: optional(params, Member::InputResponses, object)?,
            request_state: optional(params, Member::RequestState, string)?,
        })
    }
}

/// `resources/subscribe` and `resources/unsubscribe`
#[derive(Debug, Clone)]
pub struct SubscribeParams<'a> {
    /// the resource
    pub uri: Cow<'a, str>,
}

impl<'a> SubscribeParams<'a> {
    /// # Errors
    /// -32602 if `uri` is missing or no string.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            uri: required(params, Member::Uri, string)?,
        })
    }
}

/// `fusebox/authenticate`
#[derive(Debug, Clone)]
pub struct AuthenticateParams<'a> {
    /// a secret
    pub key: Cow<'a, str>,
}

impl<'a> AuthenticateParams<'a> {
    /// # Errors
    /// -32602 if `key` is missing or no string.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            key: required(params, Member::Key, string)?,
        })
    }
}

/// `tasks/get` and `tasks/cancel`
#[derive(Debug, Clone)]
pub struct TaskParams<'a> {
    /// the task
    pub task_id: Cow<'a, str>,
}

impl<'a> TaskParams<'a> {
    /// # Errors
    /// -32602 if `taskId` is missing or no string.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            task_id: required(params, Member::TaskId, string)?,
        })
    }
}

/// `tasks/update`
#[derive(Debug, Clone)]
pub struct UpdateTaskParams<'a> {
    /// the task
    pub task_id: Cow<'a, str>,
    /// answers, by the key of the question
    pub input_responses: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> UpdateTaskParams<'a> {
    /// # Errors
    /// -32602 if `taskId` is missing or no string, or `inputResponses` no object.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        let responses = required(params, Member::InputResponses, object)?;
        Ok(Self {
            task_id: required(params, Member::TaskId, string)?,
            input_responses: members_of(responses).unwrap_or_default(),
        })
    }
}

/// `prompts/get`
#[derive(Debug, Clone)]
pub struct GetPromptParams<'a> {
    /// the prompt
    pub name: Cow<'a, str>,
    /// in the order of the text
    pub arguments: TextPairs<'a>,
    /// `_meta`
    pub meta: Meta<'a>,
    /// an object: the answers to what an earlier round asked
    pub input_responses: Option<&'a RawValue>,
    /// what that round left
    pub request_state: Option<Cow<'a, str>>,
}

impl<'a> GetPromptParams<'a> {
    /// # Errors
    /// -32602 if `name` is missing, or an argument is no string.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            name: required(params, Member::Name, string)?,
            arguments: optional(params, Member::Arguments, text_map)?.unwrap_or_default(),
            meta: Meta::from_params(params)?,
            input_responses: optional(params, Member::InputResponses, object)?,
            request_state: optional(params, Member::RequestState, string)?,
        })
    }
}

/// What `completion/complete` completes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionReference<'a> {
    /// an argument of the prompt of this name
    Prompt(Cow<'a, str>),
    /// a variable of the resource template of this text
    ResourceTemplate(Cow<'a, str>),
}

/// `completion/complete`
#[derive(Debug, Clone)]
pub struct CompleteParams<'a> {
    /// whose argument
    pub reference: CompletionReference<'a>,
    /// the name of the argument
    pub name: Cow<'a, str>,
    /// what was typed so far
    pub value: Cow<'a, str>,
    /// the arguments that were chosen before
    pub known: TextPairs<'a>,
    /// `_meta`
    pub meta: Meta<'a>,
}

impl<'a> CompleteParams<'a> {
    /// # Errors
    /// -32602 if `ref` or `argument` is missing, or a member is of the wrong kind.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        let reference = required(params, Member::Ref, object)?;
        let reference = match &*text_member(reference, "ref", "type")? {
            "ref/prompt" => CompletionReference::Prompt(text_member(reference, "ref", "name")?),
            "ref/resource" => {
                CompletionReference::ResourceTemplate(text_member(reference, "ref", "uri")?)
            }
            other => {
                let message = format!(
                    "`ref.type` must be \"ref/prompt\" or \"ref/resource\", not {}",
                    quoted(other)
                );
                return Err(RpcError::invalid_params(message));
            }
        };
        let argument = required(params, Member::Argument, object)?;
        let known = match optional(params, Member::Context, object)? {
            Some(context) => member_of(context, "arguments")
                .filter(|raw| JsonKind::of(raw) != JsonKind::Null)
                .map(|raw| text_map(Member::Context, raw))
                .transpose()?
                .unwrap_or_default(),
            None => Vec::new(),
        };
        Ok(Self {
            reference,
            name: text_member(argument, "argument", "name")?,
            value: text_member(argument, "argument", "value")?,
            known,
            meta: Meta::from_params(params)?,
        })
    }
}
