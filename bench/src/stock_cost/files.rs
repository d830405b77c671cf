//! Open files: every socket is one here, and one in workerd, which inherits the limit.

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process has open besides.
const OTHERS: u64 = 500;

/// Makes room for so many sockets, or says what to do.
pub(super) fn allow(sockets: u32) -> Result<()> {
    let wanted = u64::from(sockets) + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    ensure!(
        maximum.is_none_or(|maximum| maximum >= wanted),
        "{sockets} sockets need {wanted} open files, and this system allows {}: raise the hard limit (`ulimit -Hn {wanted}`) \
         or ask for fewer with --viewers",
        maximum.unwrap_or(u64::MAX),
    );
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .context("cannot raise the limit of open files")
}
