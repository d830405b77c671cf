//! The whole shop as processes on one machine: how each is configured, started, awaited, logged and stopped.
//!
//! `cargo xtask dev` and the end-to-end tests both start the shop through here, so that what is tested is what runs. It never builds
//! anything, never seeds a catalogue, and leaves no process behind, even when its own process is killed.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let root = stack::Layout::find()?;
//! let mut stack = stack::Stack::prepare(stack::Config::new(root, "/tmp/shop".into(), stack::Ports::free()?))?;
//! stack.migrate()?;
//! stack.start_all()?;
//! println!("{}", stack.addresses().shop);
//! # Ok(())
//! # }
//! ```

mod fingerprint;
mod http;
mod keys;
mod layout;
mod ports;
mod process;
mod shop;
mod wrangler;

pub use fingerprint::Fingerprint;
pub use http::get_status;
pub use keys::Keys;
pub use layout::Layout;
pub use ports::{Addresses, Ports};
pub use process::Process;
pub use shop::{Config, DEFAULT_PORT, Host, Part, Stack};
pub use wrangler::{UNDER_STACK, migrate, write_dev_vars};
