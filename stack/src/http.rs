//! The smallest HTTP client that can ask whether a process answers. Never used for the shop's own traffic.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Status code of `GET path` at `address`, within `patience` for each of connecting, writing and reading.
pub fn get_status(address: SocketAddr, path: &str, patience: Duration) -> Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0_u8; 12];
    stream.read_exact(&mut head)?;
    let text = String::from_utf8_lossy(&head);
    text.strip_prefix("HTTP/1.1 ").and_then(|code| code.parse().ok()).context("the answer is not HTTP/1.1")
}
