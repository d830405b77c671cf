//! The ports of a local shop, all on 127.0.0.1, and whether they are free.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result, bail};

use crate::keys::random;

/// One port for each thing that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The shop itself: the edge.
    pub shop: u16,
    /// The origin.
    pub origin: u16,
    /// The sandbox.
    pub sandbox: u16,
    /// Wrangler's debugger.
    pub inspector: u16,
}

/// Where browsers and programs reach the parts: `http://127.0.0.1:8787`, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The shop itself: the edge.
    pub shop: String,
    /// The origin.
    pub origin: String,
    /// The sandbox.
    pub sandbox: String,
}

impl Ports {
    /// `first` for the shop, and the three after it for the others.
    pub fn starting_at(first: u16) -> Result<Self> {
        if first == 0 || first > u16::MAX - 3 {
            bail!("{first} cannot be the first of four ports: choose one between 1 and {}", u16::MAX - 3);
        }
        Ok(Self { shop: first, origin: first + 1, sandbox: first + 2, inspector: first + 3 })
    }

    /// Four ports in a row that nothing listens on right now, for shops that run beside each other.
    pub fn free() -> Result<Self> {
        // Below the ports that systems give to outgoing connections, so that none of those takes one before we do.
        const FIRST: u16 = 15_000;
        const BLOCKS: u16 = 4_000;
        for _ in 0..100 {
            let block = u16::from_le_bytes(random()?) % BLOCKS;
            let ports = Self::starting_at(FIRST + block * 4)?;
            if ports.check().is_ok() {
                return Ok(ports);
            }
        }
        bail!("cannot find four free ports in a row between {FIRST} and {}", FIRST + BLOCKS * 4)
    }

    /// Fails with a message for the user if one of them is taken.
    pub fn check(&self) -> Result<()> {
        let all = [
            ("the shop", self.shop),
            ("the origin", self.origin),
            ("the sandbox", self.sandbox),
            ("wrangler's debugger", self.inspector),
        ];
        for (who, port) in all {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
                    "port {port}, which {who} needs, is taken by another program: stop that one, or choose four other ports \
                     in a row with --port N"
                ),
                Err(error) => return Err(error).with_context(|| format!("cannot use port {port} for {who}")),
            }
        }
        Ok(())
    }

    /// What these ports mean to browsers and programs.
    pub fn addresses(&self) -> Addresses {
        let address = |port| format!("http://{}", socket(port));
        Addresses { shop: address(self.shop), origin: address(self.origin), sandbox: address(self.sandbox) }
    }
}

/// A port of this machine.
pub(crate) fn socket(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_way_out() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let ports = Ports { origin: port, ..Ports::free().unwrap() };
        let error = ports.check().unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("origin") && error.contains("--port"), "{error}");
    }

    #[test]
    fn two_shops_find_different_ports() {
        let first = Ports::free().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, first.sandbox)).unwrap();
        let second = Ports::free().unwrap();
        assert_ne!(first, second);
        assert_eq!(second.inspector, second.shop + 3);
    }

    #[test]
    fn the_first_port_leaves_room_for_three_more() {
        assert_eq!(Ports::starting_at(8787).unwrap().inspector, 8790);
        assert!(Ports::starting_at(0).is_err());
        assert!(Ports::starting_at(65_533).is_err());
    }
}
