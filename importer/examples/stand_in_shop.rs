//! Runs the tests' stand-in for a shop, to try and time the importer without a Worker:
//! `cargo run -p importer --example stand_in_shop -- 127.0.0.1:9787`. It prints the keys to set as OPERATOR_KEYS.

#[path = "../tests/stand_in/mod.rs"]
mod stand_in;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9787".to_owned()).parse()?;
    let shop = stand_in::StandIn::start(address).await;
    println!("{} with OPERATOR_KEYS={}", shop.address, stand_in::KEYS);
    tokio::signal::ctrl_c().await?;
    if let Ok(held) = shop.held.lock() {
        let bytes: usize = held.pictures.values().map(Vec::len).sum();
        println!(
            "{} products in {} batches, {} picture files of {} MB, finished {} times, index published {} times, {} bad signatures",
            held.products.len(),
            held.batches,
            held.pictures.len(),
            bytes / 1_000_000,
            held.finished,
            held.published,
            held.refused_signatures,
        );
        if let Some(folder) = std::env::args().nth(2) {
            for (path, bytes) in &held.pictures {
                std::fs::create_dir_all(&folder)?;
                std::fs::write(format!("{folder}/{}", path.replace('/', "-")), bytes)?;
            }
        }
    }
    Ok(())
}
