//! Sockets, through WASI itself: a tool for each thing that an operator has to
//! grant, and for each way in which a plugin could abuse it.

mod names;
mod tcp;
mod udp;

use std::net::{IpAddr, SocketAddr};

use fusebox_sdk::prelude::*;

wit_bindgen::generate!({
    path: ["../../wit/deps/io", "../../wit/deps/clocks", "../../wit/deps/sockets", "wit"],
    world: "fusebox:dial/sockets",
    generate_all,
});

use wasi::clocks::monotonic_clock;
use wasi::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};

fusebox_sdk::plugin! {
    asks: r#"
        [sockets]
        connect = ["tcp://db.example.org:5432"]
    "#,
    tools: [
        names::resolve,
        tcp::ask_tcp,
        tcp::hear,
        tcp::listen,
        tcp::open_many,
        udp::ask_udp,
        udp::bind_udp,
    ]
}

/// An error of WASI: its code is all there is.
fn told(code: ErrorCode) -> HandlerError {
    HandlerError::new(code.name())
}

fn family(address: IpAddr) -> IpAddressFamily {
    match address {
        IpAddr::V4(_) => IpAddressFamily::Ipv4,
        IpAddr::V6(_) => IpAddressFamily::Ipv6,
    }
}

fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    let port = address.port();
    match address.ip() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port,
                address: (a, b, c, d),
            })
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port,
                flow_info: 0,
                address: (a, b, c, d, e, f, g, h),
                scope_id: 0,
            })
        }
    }
}

fn from_wasi(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
    }
}

/// Computes for a while, so that the call goes on elsewhere.
fn compute(milliseconds: u64) {
    let end = monotonic_clock::now() + milliseconds * 1_000_000;
    while monotonic_clock::now() < end {}
}
