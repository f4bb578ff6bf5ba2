//! Fusebox, the host: transports, sessions, admission, routing, breakers and the
//! loader of plugins, around [`fusebox_engine`] and [`fusebox_protocol`].
//!
//! The way of a call: [`transport`] -> [`router`] -> [`call`] (breaker, then
//! [`admission`]) -> the engine -> [`render`] -> back the way it came, as the
//! return value of the same chain.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
pub mod admin_client;
pub mod admission;
pub mod ask;
pub mod asks;
pub mod audit;
pub mod auth;
pub mod author;
pub mod backpressure;
mod batch;
pub mod breaker;
pub mod bridge;
pub mod buffers;
pub mod call;
mod call_log;
pub mod canary;
pub mod capability_cache;
pub mod catalogue;
pub mod changes;
pub mod compiled;
pub mod config;
pub mod control;
pub mod descriptors;
mod dispatch;
pub mod event_log;
mod figures;
mod file_watch;
mod folder;
pub mod granter;
pub mod health;
pub mod host;
pub mod inherited;
pub mod journal;
mod listing;
pub mod loader;
pub mod log_control;
pub mod long_tasks;
pub mod meters;
pub mod metrics;
pub mod offered;
pub mod origin;
pub mod outbound;
mod paging;
pub mod plugin_entry;
pub mod random_id;
pub mod rates;
pub mod reconfigure;
mod refusal;
mod render;
pub mod reply;
pub mod result_cache;
pub mod round;
pub mod router;
pub mod schema;
pub mod seal;
pub mod serve;
pub mod session;
pub mod signatures;
pub mod sources;
pub mod subscription;
mod successor;
pub mod supervise;
pub mod systemd;
mod target;
mod task_run;
pub mod telemetry;
mod thread_number;
pub mod transport;
mod uri_template;
mod vitals;
mod whole_file;
