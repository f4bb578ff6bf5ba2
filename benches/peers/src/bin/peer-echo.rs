//! A bare tokio server: what it reads goes back as it is. The least that any
//! server on tokio can cost.
#![forbid(unsafe_code)]

use anyhow::Result;
use tokio::net::TcpStream;

/// As much as the host reads at once.
const BUFFER_BYTES: usize = 16 << 10;

fn main() -> Result<()> {
    fusebox_bench_peers::runtime()?.block_on(async {
        let listener = fusebox_bench_peers::listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                // A client that goes away is no concern of the others.
                let _ = echo(stream).await;
            });
        }
    })
}

/// Holds no buffer while there is nothing to read.
async fn echo(stream: TcpStream) -> std::io::Result<()> {
    loop {
        stream.readable().await?;
        if !turn(&stream).await? {
            return Ok(());
        }
    }
}

async fn turn(stream: &TcpStream) -> std::io::Result<bool> {
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    match stream.try_read_buf(&mut buffer) {
        Ok(0) => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error),
    }
    let mut rest = &buffer[..];
    while !rest.is_empty() {
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                stream.writable().await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
