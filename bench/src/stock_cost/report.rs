//! The results as a table.

use super::Results;

pub(super) fn print(results: &Results) {
    for (what, of) in [("one product", &results.one_product), ("many products", &results.many_products)] {
        println!(
            "{what}: {:.0} reservations a second ({} of them, {} at once), p50 {:.0} ms, p99 {:.0} ms",
            of.reservations_a_second, of.reservations, of.at_once, of.milliseconds.p50, of.milliseconds.p99,
        );
    }
    let rush = &results.rush;
    println!(
        "{} buyers for {} units over {} connections: {} orders, {} told that it is sold out, {} failures, {} others; {:.1} s, {:.0} requests a second",
        rush.buyers,
        rush.units,
        rush.connections,
        rush.orders,
        rush.sold_out,
        rush.failures,
        rush.others,
        rush.seconds,
        rush.requests_a_second,
    );
    if let Some(times) = rush.order_milliseconds {
        println!("  a checkout that became an order: p50 {:.0} ms, p99 {:.0} ms", times.p50, times.p99);
    }
    if let Some(example) = &rush.example {
        println!("  for example: {example}");
    }
    for viewers in &results.viewers {
        println!(
            "{} viewers: opened in {:.1} s; after a checkout's answer the first hears of it within {:.1} ms (p50), the last within {:.1} ms \
             (p50) or {:.1} ms (p99); the checkout took {:.1} ms",
            viewers.viewers,
            viewers.open_seconds,
            viewers.first_milliseconds.p50,
            viewers.last_milliseconds.p50,
            viewers.last_milliseconds.p99,
            viewers.buyer_milliseconds.p50,
        );
    }
}
