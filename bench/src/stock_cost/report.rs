//! The results as a table.

use super::Results;
use super::buyers::Rush;
use super::reservations::Reservations;
use super::sale::Sale;
use super::viewers::Viewers;

pub(super) fn print(results: &Results) {
    for (what, of) in [("one product", &results.one_product), ("many products", &results.many_products)] {
        if let Some(of) = of {
            reservations(what, of);
        }
    }
    if let Some(of) = &results.sale {
        sale(of);
    }
    for (what, of) in [("rush", &results.rush), ("sale over HTTP", &results.sale_over_http)] {
        if let Some(of) = of {
            rush(what, of);
        }
    }
    results.viewers.iter().for_each(viewers);
}

fn reservations(what: &str, of: &Reservations) {
    println!(
        "{what}: {:.0} reservations a second ({} of them, {} at once), p50 {:.0} ms, p99 {:.0} ms",
        of.reservations_a_second, of.reservations, of.at_once, of.milliseconds.p50, of.milliseconds.p99,
    );
}

fn sale(of: &Sale) {
    println!(
        "sale: {} units reserved and sold in {:.1} s, {:.0} a second ({} at once); reserving p50 {:.0} ms, p99 {:.0} ms; selling p50 {:.0} ms, \
         p99 {:.0} ms; one buyer more {}",
        of.units,
        of.seconds,
        of.sales_a_second,
        of.at_once,
        of.reserve_milliseconds.p50,
        of.reserve_milliseconds.p99,
        of.commit_milliseconds.p50,
        of.commit_milliseconds.p99,
        if of.refuses_one_more { "is refused" } else { "gets one too" },
    );
}

fn rush(what: &str, of: &Rush) {
    println!(
        "{what}: {} buyers for {} units over {} connections: {} orders ({} units promised), {} told that it is sold out, {} failures, \
         {} others; {:.1} s, {:.0} requests a second",
        of.buyers,
        of.units,
        of.connections,
        of.orders,
        of.reserved,
        of.sold_out,
        of.failures,
        of.others,
        of.seconds,
        of.requests_a_second,
    );
    if let Some(times) = of.order_milliseconds {
        println!(
            "  the last order after {:.1} s, {:.0} orders a second; a checkout that became an order: p50 {:.0} ms, p99 {:.0} ms",
            of.last_order_seconds, of.orders_a_second, times.p50, times.p99
        );
    }
    if let Some(example) = &of.example {
        println!("  for example: {example}");
    }
}

fn viewers(of: &Viewers) {
    println!(
        "{} viewers over {} relays: opened in {:.1} s; a change is answered in {:.1} ms (p50), {:.1} ms (p99)",
        of.viewers, of.relays, of.open_seconds, of.answer_milliseconds.p50, of.answer_milliseconds.p99,
    );
    if let (Some(first), Some(last)) = (of.first_milliseconds, of.last_milliseconds) {
        println!(
            "  after that answer the first hears of it within {:.1} ms (p50), the last within {:.1} ms (p50), {:.1} ms (p99)",
            first.p50, last.p50, last.p99,
        );
    }
    println!(
        "  meanwhile {:.0} reservations a second, p50 {:.0} ms, p99 {:.0} ms, told in {:.1} messages to each; {} behind in the end",
        of.reservations_a_second,
        of.reservation_milliseconds.p50,
        of.reservation_milliseconds.p99,
        of.messages_each,
        of.behind,
    );
}
