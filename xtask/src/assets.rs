//! The Worker's static files: `edge/assets` bundled, minified and named by content, then laid out as the edge serves them.
//!
//! `app.css` and `app.js` become `/assets/app-HASH.…`, cached for ever; every other file at the top of `edge/assets` keeps its name.
//! The Worker learns the names from a manifest. Never writes a file that has not changed, since cargo and wrangler watch them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stack::Layout;

use crate::progress;

/// Bundles the assets and returns the manifest's path, which `edge/build.rs` takes from `KASUWA_ASSETS`.
pub(crate) fn bundle(layout: &Layout) -> Result<PathBuf> {
    let source = layout.root().join("edge/assets");
    let staging = layout.target().join("edge-assets");
    let bundled = staging.join("bundled");
    let entries: Vec<PathBuf> =
        ["app.css", "app.js"].map(|name| source.join(name)).into_iter().filter(|path| path.is_file()).collect();
    let mut manifest = BTreeMap::new();
    // What an earlier build left would be served for ever.
    remove(&bundled)?;
    if !entries.is_empty() {
        manifest = esbuild(layout, &entries, &bundled)?;
    }

    let mut wanted = BTreeMap::new();
    let mut headers = String::new();
    for path in files_in(&bundled)? {
        let name = file_name(&path);
        headers.push_str(&format!("/assets/{name}\n  Cache-Control: public, max-age=31536000, immutable\n"));
        wanted.insert(Path::new("assets").join(name), read(&path)?);
    }
    for path in files_in(&source)? {
        let kind = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        if matches!(kind, "css" | "js" | "md") {
            continue;
        }
        let name = file_name(&path);
        headers.push_str(&format!("/assets/{name}\n  Cache-Control: public, max-age=3600\n"));
        if name == "speculation-rules.json" {
            // Browsers take them as nothing else.
            headers.push_str("  Content-Type: application/speculationrules+json\n");
        }
        wanted.insert(Path::new("assets").join(name), read(&path)?);
    }
    headers.push_str("/assets/*\n  X-Content-Type-Options: nosniff\n");
    wanted.insert(PathBuf::from("_headers"), headers.into_bytes());
    lay_out(&layout.root().join("edge/build/assets"), &wanted)?;

    let manifest_file = staging.join("manifest.json");
    write_if_changed(&manifest_file, format!("{:#}\n", json!(manifest)).as_bytes())?;
    Ok(manifest_file)
}

/// Bundles `entries` into `folder`; gives each one's address by its kind (`css`, `js`).
fn esbuild(layout: &Layout, entries: &[PathBuf], folder: &Path) -> Result<BTreeMap<String, String>> {
    let meta = folder.with_extension("json");
    let mut command = Command::new(layout.npm_program("esbuild"));
    command
        .current_dir(layout.root())
        .args(entries)
        .args([
            "--bundle",
            "--minify",
            "--format=esm",
            "--target=es2022",
            "--legal-comments=none",
            "--log-level=warning",
        ])
        .args(["--entry-names=[name]-[hash]", "--asset-names=[name]-[hash]", "--public-path=/assets"])
        .args(["woff2", "svg", "png", "webp"].map(|kind| format!("--loader:.{kind}=file")))
        .arg(format!("--outdir={}", folder.display()))
        .arg(format!("--metafile={}", meta.display()));
    progress::run("bundling the assets", &mut command)?;
    let text = fs::read_to_string(&meta).with_context(|| format!("cannot read {}", meta.display()))?;
    let meta: Value = serde_json::from_str(&text).context("esbuild's report is not JSON")?;
    let mut manifest = BTreeMap::new();
    for (path, about) in meta["outputs"].as_object().into_iter().flatten() {
        let path = Path::new(path);
        let (Some(_), Some(name)) = (about["entryPoint"].as_str(), path.file_name().and_then(OsStr::to_str)) else {
            continue;
        };
        let kind = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        manifest.insert(kind.to_owned(), format!("/assets/{name}"));
    }
    ensure!(manifest.len() == entries.len(), "esbuild reported {} of {} files", manifest.len(), entries.len());
    Ok(manifest)
}

/// Makes `folder` hold exactly the `wanted` files.
fn lay_out(folder: &Path, wanted: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    for (name, content) in wanted {
        write_if_changed(&folder.join(name), content)?;
    }
    for sub in [folder.to_owned(), folder.join("assets")] {
        for path in files_in(&sub)? {
            let known = path.strip_prefix(folder).is_ok_and(|name| wanted.contains_key(name));
            if !known {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|current| current == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// The files directly in `folder`, which may be missing.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
