//! Tells the Worker where its stylesheet and script are: `cargo xtask worker` names them by their content and says so in the
//! manifest that `KASUWA_ASSETS` points at. Without it (checks, unit tests) they have plain names.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::{env, fs, io};

fn main() {
    println!("cargo:rerun-if-env-changed=KASUWA_ASSETS");
    let manifest = env::var("KASUWA_ASSETS").ok();
    if let Some(path) = &manifest {
        println!("cargo:rerun-if-changed={path}");
    }
    let text = manifest.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    for (name, fallback) in [("css", "/assets/app.css"), ("js", "/assets/app.js"), ("marks", "/assets/marks.svg")] {
        println!("cargo:rustc-env=KASUWA_ASSET_{}={}", name.to_uppercase(), value(&text, name).unwrap_or(fallback));
    }

    // Names this build of the pages, for the keys under which they are cached.
    println!("cargo:rerun-if-changed=src");
    let mut hash = DefaultHasher::new();
    if let Err(error) = hash_tree(Path::new("src"), &mut hash) {
        println!("cargo:warning=cannot read the sources: {error}");
    }
    println!("cargo:rustc-env=KASUWA_BUILD={:x}", hash.finish());
}

/// The string value of `name` in a flat JSON object of strings, which is all that the manifest is.
fn value<'t>(json: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = json.split_once(&format!("\"{name}\""))?;
    rest.split('"').nth(1)
}

fn hash_tree(folder: &Path, hash: &mut DefaultHasher) -> io::Result<()> {
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            hash_tree(&path, hash)?;
        } else {
            path.hash(hash);
            fs::read_to_string(&path)?.hash(hash);
        }
    }
    Ok(())
}
