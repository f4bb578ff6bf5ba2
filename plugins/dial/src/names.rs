//! The addresses of names.

use std::net::IpAddr;

use fusebox_sdk::prelude::*;

use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::wasi::sockets::network::ErrorCode;
use crate::{from_wasi, told};

/// Looks up a name.
#[tool]
pub(crate) fn resolve(name: String) -> Result<Vec<String>, HandlerError> {
    let found = addresses(&name).map_err(told)?;
    Ok(found.iter().map(IpAddr::to_string).collect())
}

pub(crate) fn addresses(name: &str) -> Result<Vec<IpAddr>, ErrorCode> {
    let lookup = resolve_addresses(&instance_network(), name)?;
    let mut found = Vec::new();
    loop {
        match lookup.resolve_next_address() {
            Ok(Some(address)) => found.push(from_wasi(address)),
            Ok(None) => return Ok(found),
            Err(ErrorCode::WouldBlock) => lookup.subscribe().block(),
            Err(code) => return Err(code),
        }
    }
}
