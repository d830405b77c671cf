//! Tells the Worker where its stylesheet and script are: `cargo xtask worker` names them by their content and says so in the
//! manifest that `KASUWA_ASSETS` points at. Without it (checks, unit tests) they have plain names.

use std::{env, fs};

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
    let built = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |age| age.as_secs());
    println!("cargo:rustc-env=KASUWA_BUILD={built:x}");
}

/// The string value of `name` in a flat JSON object of strings, which is all that the manifest is.
fn value<'t>(json: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = json.split_once(&format!("\"{name}\""))?;
    rest.split('"').nth(1)
}
