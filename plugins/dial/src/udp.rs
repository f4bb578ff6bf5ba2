//! Datagrams.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fusebox_sdk::prelude::*;

use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::network::ErrorCode;
use crate::wasi::sockets::udp::{OutgoingDatagram, UdpSocket};
use crate::wasi::sockets::udp_create_socket::create_udp_socket;
use crate::{family, to_wasi, told};

/// Sends a datagram, and gives what comes back.
#[tool]
pub(crate) fn ask_udp(address: String, port: u16, text: String) -> Result<String, HandlerError> {
    let address: IpAddr = address.parse()?;
    let peer = SocketAddr::new(address, port);
    let socket = bound(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)).map_err(told)?;
    let heard = exchange(&socket, peer, &text).map_err(told)?;
    Ok(String::from_utf8(heard)?)
}

/// Takes an address of its own.
#[tool]
pub(crate) fn bind_udp(address: String, port: u16) -> Result<(), HandlerError> {
    let address: IpAddr = address.parse()?;
    bound(SocketAddr::new(address, port)).map_err(told)?;
    Ok(())
}

fn bound(own: SocketAddr) -> Result<UdpSocket, ErrorCode> {
    let socket = create_udp_socket(family(own.ip()))?;
    socket.start_bind(&instance_network(), to_wasi(own))?;
    socket.finish_bind()?;
    Ok(socket)
}

fn exchange(socket: &UdpSocket, peer: SocketAddr, text: &str) -> Result<Vec<u8>, ErrorCode> {
    let (incoming, outgoing) = socket.stream(None)?;
    while outgoing.check_send()? == 0 {
        outgoing.subscribe().block();
    }
    let datagram = OutgoingDatagram {
        data: text.as_bytes().to_vec(),
        remote_address: Some(to_wasi(peer)),
    };
    outgoing.send(&[datagram])?;
    loop {
        match incoming.receive(1)?.pop() {
            Some(datagram) => return Ok(datagram.data),
            None => incoming.subscribe().block(),
        }
    }
}
