//! Ctrl-C and requests to terminate, as a flag that everything that waits looks at. Never stops anything itself.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The flag itself, for code that cannot call [`happened`].
pub(crate) fn flag() -> Arc<AtomicBool> {
    Arc::clone(FLAG.get_or_init(Arc::default))
}

/// From here on SIGINT, SIGTERM and SIGHUP raise the flag instead of ending the process.
pub(crate) fn listen() -> Result<()> {
    let raised = flag();
    ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)).context("cannot wait for Ctrl-C")
}

/// Whether somebody asked us to stop.
pub(crate) fn happened() -> bool {
    flag().load(Ordering::Relaxed)
}

/// Fails if somebody asked us to stop.
pub(crate) fn check() -> Result<()> {
    if happened() {
        bail!("you asked to stop");
    }
    Ok(())
}
