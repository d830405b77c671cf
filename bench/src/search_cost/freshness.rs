//! How soon a save shows in search: products are saved one after the other, and each is searched for until it is found.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use domain::wire::{EDGE_IMPORT_PRODUCTS, ImportReport};
use serde::Serialize;
use serde_json::{Value, json};

use crate::times::Times;
use crate::worker::Worker;

/// Longest that one product is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// From the answer to a save until a search over HTTP has it.
#[derive(Debug, Serialize)]
pub(super) struct Freshness {
    pub(super) saves: usize,
    pub(super) milliseconds: Times,
    pub(super) milliseconds_max: f64,
}

/// Saves `count` products that the catalogue does not have.
pub(super) fn run(worker: &Worker, address: &str, count: usize) -> Result<Freshness> {
    let shopper = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        let name = format!("quagga{number}");
        let batch = json!({ "products": [product(&name)], "bulk": false });
        let ImportReport { .. } = worker.post(EDGE_IMPORT_PRODUCTS, &batch)?;
        let saved = Instant::now();
        let url = format!("{address}/api/v1/search?q={name}");
        while worker.block_on(found(&shopper, &url))? == 0 {
            if saved.elapsed() > PATIENCE {
                bail!("{name} is not found {PATIENCE:?} after it was saved");
            }
            std::thread::sleep(PAUSE);
        }
        took.push(saved.elapsed().as_secs_f64() * 1_000.0);
    }
    let milliseconds_max = took.iter().copied().fold(0.0, f64::max);
    Ok(Freshness { saves: count, milliseconds: Times::of(took), milliseconds_max })
}

async fn found(shopper: &reqwest::Client, url: &str) -> Result<u64> {
    let answer: Value = shopper.get(url).send().await?.error_for_status()?.json().await?;
    // A near spelling is not the product.
    let is_it = |hit: &Value| hit["title"].as_str().is_some_and(|title| url.ends_with(title));
    Ok(answer["hits"].as_array().map_or(0, |hits| hits.iter().filter(|hit| is_it(hit)).count() as u64))
}

fn product(name: &str) -> Value {
    json!({
        "sku": name, "title": name, "description": "Saved to see how soon it is found.", "brand": null,
        "category": ["Animals"], "price": {"amount_minor": 100_000, "currency": "NGN"}, "attributes": [], "pictures": [],
        "codes": [], "seller": "Kasuwa",
        "variants": [{"sku": name, "options": [], "price_minor": 100_000, "stock": 3, "picture": null}],
    })
}
