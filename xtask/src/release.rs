//! What a production build of the Worker weighs, and how long it takes to start. Only measures.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stack::Layout;

use crate::progress;

/// Compresses every module that a deployment would upload as Cloudflare does (gzip), and times starts of workerd.
const MEASURE: &str = include_str!("measure.mjs");

/// Cloudflare's limits for a Worker: compressed size on the free plan, in KiB, and milliseconds to start.
const SIZE_KIB_MAX: f64 = 3072.0;
const START_MS_MAX: f64 = 1000.0;

/// Prints the compressed size and the start-up time of what is in `edge/build`.
pub(crate) fn report(layout: &Layout) -> Result<()> {
    let report = progress::during("measuring the Worker", || measure(layout))?;
    let number = |name: &str| report[name].as_f64().with_context(|| format!("the measurement has no {name}"));
    println!(
        "Worker, compressed size: {:.0} KiB of the {SIZE_KIB_MAX} KiB allowed ({:.0} KiB before compression)",
        number("gzip")? / 1024.0,
        number("raw")? / 1024.0
    );
    println!(
        "Worker, start-up time:   {:.0} ms of the {START_MS_MAX} ms allowed (workerd's first answer, less that of an empty Worker; \
         medians of {})",
        number("start_ms")?,
        number("rounds")?
    );
    Ok(())
}

fn measure(layout: &Layout) -> Result<Value> {
    let output = Command::new("node")
        // From the root, so that it finds workerd among the npm packages.
        .current_dir(layout.root())
        .args(["--input-type=module", "--eval", MEASURE, "--"])
        .arg(layout.root().join("edge/build"))
        .arg(compatibility_date(layout)?)
        .output()
        .context("cannot start node")?;
    ensure!(output.status.success(), "the measurement failed:\n{}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("the measurement is not JSON")
}

fn compatibility_date(layout: &Layout) -> Result<String> {
    let text = fs::read_to_string(layout.root().join("wrangler.toml")).context("cannot read wrangler.toml")?;
    let line = text.lines().find_map(|line| line.strip_prefix("compatibility_date"));
    let date = line.and_then(|rest| rest.split('"').nth(1)).context("wrangler.toml has no compatibility_date")?;
    Ok(date.to_owned())
}
