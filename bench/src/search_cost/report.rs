//! The results as a table.

use super::Results;

pub(super) fn print(results: &Results) {
    let megabytes = |bytes: u64| bytes as f64 / 1_000_000.0;
    println!(
        "{} products of {:.0} words: compiled in {:.1} s, published in {:.1} s; bundle {:.1} MB, hotcache {:.1} MB",
        results.products,
        results.words_a_product,
        results.compile_seconds,
        results.publish_seconds,
        megabytes(results.bundle_bytes),
        megabytes(results.hotcache_bytes),
    );
    println!(
        "\n{:<20} {:>4} {:>8} | {:>6} {:>4} {:>9} {:>8} {:>8} | {:>8} {:>8} | {:>8} {:>8} | {:>6}",
        "ms", "n", "hits", "rounds", "max", "bytes", "cold p50", "p99", "warm p50", "p99", "nat. p50", "p99", "ratio"
    );
    for kind in &results.kinds {
        println!(
            "{:<20} {:>4} {:>8} | {:>6} {:>4} {:>9} {:>8.1} {:>8.1} | {:>8.3} {:>8.3} | {:>8.3} {:>8.3} | {:>6.2}",
            kind.kind.name(),
            kind.questions,
            kind.total_p50,
            kind.cold.rounds_p50,
            kind.cold.rounds_max,
            kind.cold.bytes_p50,
            kind.cold.milliseconds.p50,
            kind.cold.milliseconds.p99,
            kind.warm_worker.p50,
            kind.warm_worker.p99,
            kind.warm_native.p50,
            kind.warm_native.p99,
            kind.ratio_p50,
        );
    }
    let memory = &results.memory;
    println!(
        "\nmemory: the Worker's WASM {:.1} MB, of it index {:.1} MB; workerd {:.1} MB before, {:.1} MB after",
        megabytes(memory.worker_wasm),
        megabytes(memory.worker_index),
        megabytes(memory.workerd_before),
        megabytes(memory.workerd_after),
    );
    let http = &results.http;
    for (name, pass) in [("first time", &http.first), ("once more", &http.again)] {
        println!(
            "HTTP, {} different questions over {} connections, {name}: {:.0} a second, p50 {:.1} ms, p99 {:.1} ms, {} failed; \
             {:.1} kB an answer, for which workerd computed {:.2} ms and whoever asked {:.2} ms",
            http.different_questions,
            http.connections,
            pass.requests_a_second,
            pass.milliseconds.p50,
            pass.milliseconds.p99,
            pass.failed,
            pass.body_bytes / 1_000.0,
            pass.workerd_milliseconds,
            pass.client_milliseconds,
        );
    }
    let freshness = &results.freshness;
    println!(
        "{} products saved one by one, from the answer until each was found: p50 {:.0} ms, at most {:.0} ms",
        freshness.saves, freshness.milliseconds.p50, freshness.milliseconds_max,
    );
}
