//! How wrangler is called: `wrangler dev` for the edge (or workerd alone), and D1 migrations on the local database. Never touches
//! an account.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::fingerprint::Fingerprint;
use crate::keys::{Keys, Overwrite, write_secret};
use crate::layout::Layout;
use crate::ports::{Addresses, Ports};

/// Environment variable with the path of `xtask`, by which wrangler's build command calls it when a [`crate::Stack`] started wrangler:
/// through cargo it could have to wait for another build. Settings and databases are the stack's business then.
pub const UNDER_STACK: &str = "KASUWA_XTASK";

/// A wrangler that neither asks nor reports anything, with its own files under `state`.
fn wrangler(layout: &Layout, state: &Path) -> Command {
    let mut command = Command::new(layout.npm_program("wrangler"));
    command
        .current_dir(layout.root())
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        // Or it asks the network what `Request.cf` might be.
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("WRANGLER_LOG_PATH", state.join("logs/wrangler"))
        // Other running shops are none of its business.
        .env("WRANGLER_REGISTRY_PATH", state.join("registry"))
        .env("CI", "true")
        .env("NO_COLOR", "1")
        .env("FORCE_COLOR", "0");
    command
}

/// `wrangler dev` on the Worker that is already built.
pub(crate) fn dev(layout: &Layout, state: &Path, ports: Ports) -> Command {
    let mut command = wrangler(layout, state);
    // From the root, where it will run, so that a space further up cannot break the command in two.
    let xtask = layout.program("xtask");
    command
        .arg("dev")
        .args(["--config", "wrangler.toml", "--ip", "127.0.0.1", "--inspector-ip", "127.0.0.1"])
        .args(["--port", &ports.shop.to_string(), "--inspector-port", &ports.inspector.to_string()])
        .arg("--persist-to")
        .arg(persisted(state))
        .arg("--env-file")
        .arg(state.join("edge.env"))
        .args(["--log-level", "warn", "--show-interactive-dev-session=false"])
        .env(UNDER_STACK, xtask.strip_prefix(layout.root()).unwrap_or(&xtask));
    command
}

/// The Worker that is already built, in workerd with wrangler's configuration but without its proxy.
pub(crate) fn workerd(layout: &Layout, state: &Path, ports: Ports) -> Command {
    let mut command = Command::new("node");
    command
        .current_dir(layout.root())
        .arg("stack/miniflare.mjs")
        .arg(ports.shop.to_string())
        .arg(state)
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_LOG_PATH", state.join("logs/wrangler"))
        .env("NO_COLOR", "1");
    command
}

/// Where wrangler keeps D1, KV, R2 and the objects of a shop.
fn persisted(state: &Path) -> std::path::PathBuf {
    state.join("state")
}

/// Brings the local D1 database of `state` up to date. Costs seconds, so it is skipped while the migrations have not changed.
pub fn migrate(layout: &Layout, state: &Path) -> Result<()> {
    let print =
        Fingerprint::new().tree(&layout.root().join("migrations/edge"))?.file(&layout.root().join("wrangler.toml"));
    // Beside the data: who removes the one removes the other.
    let stamp = persisted(state).join("migrated");
    if print.matches(&stamp) {
        return Ok(());
    }
    let output = wrangler(layout, state)
        .args(["d1", "migrations", "apply", "DB", "--local", "--config", "wrangler.toml", "--persist-to"])
        .arg(persisted(state))
        .output()
        .context("cannot start wrangler: run `npm ci`")?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        bail!("the edge's migrations failed:\n{}", String::from_utf8_lossy(&text).trim());
    }
    print.stamp(&stamp)
}

/// The Worker's settings for one shop, where only its owner can read them.
pub(crate) fn write_settings(
    state: &Path,
    keys: &Keys,
    addresses: &Addresses,
    others: &[(String, String)],
) -> Result<()> {
    let others: String = others.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let file = state.join("edge.env");
    write_secret(&file, &(settings(keys, addresses) + &others), Overwrite::Yes)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Makes `.dev.vars`, from which a plain `npx wrangler dev` takes its settings, with the keys of the default shop. One that is there
/// stays as it is.
pub fn write_dev_vars(layout: &Layout) -> Result<()> {
    let file = layout.root().join(".dev.vars");
    if file.exists() {
        return Ok(());
    }
    let keys = Keys::load_or_make(&layout.default_state().join("keys.json"))?;
    let addresses = Ports::starting_at(crate::shop::DEFAULT_PORT)?.addresses();
    write_secret(&file, &settings(&keys, &addresses), Overwrite::Yes)
        .with_context(|| format!("cannot write {}", file.display()))
}

fn settings(keys: &Keys, addresses: &Addresses) -> String {
    let Addresses { origin, sandbox, .. } = addresses;
    format!(
        "ORIGIN_URL={origin}\nMAIL_URL={sandbox}/mail\nEDGE_ORIGIN_KEYS={}\nOPERATOR_KEYS={}\nSHOPPER_KEYS={}\n",
        keys.edge_origin_keys, keys.operator_keys, keys.shopper_keys
    )
}
