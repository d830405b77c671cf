//! What ought to be true whatever the machine. How fast it was is for whoever reads the numbers.

use super::Results;
use super::buyers::Rush;

/// What is not as it ought to be, in sentences.
pub(super) fn broken(results: &Results) -> Vec<String> {
    let mut broken = Vec::new();
    if let Some(rush) = &results.rush {
        broken.extend(of_rush("the rush", rush, true));
    }
    if let Some(sale) = &results.sale_over_http {
        broken.extend(of_rush("the sale over HTTP", sale, false));
    }
    if let Some(sale) = &results.sale {
        let level = sale.level;
        if level.committed != u64::from(sale.units) || level.on_hand != 0 || level.reserved != 0 {
            broken.push(format!("of {} units that were sold, the Stock object says {level:?}", sale.units));
        }
        if !sale.refuses_one_more {
            broken.push("the buyer after the last unit was not refused".to_owned());
        }
    }
    for viewers in &results.viewers {
        if viewers.behind > 0 {
            broken.push(format!(
                "{} of {} viewers do not know how things are in the end",
                viewers.behind, viewers.viewers
            ));
        }
        if viewers.counted != viewers.viewers {
            broken.push(format!("the Stock object counts {} viewers of {}", viewers.counted, viewers.viewers));
        }
    }
    broken
}

fn of_rush(what: &str, rush: &Rush, everybody_came: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let most = rush.units.min(rush.buyers);
    if rush.orders > rush.units || (everybody_came && rush.orders != most) {
        broken.push(format!("{what}: {} orders for {} units and {} buyers", rush.orders, rush.units, rush.buyers));
    }
    if rush.reserved != u64::from(rush.orders) {
        broken.push(format!("{what}: {} orders, but {} units are promised", rush.orders, rush.reserved));
    }
    if rush.orders + rush.sold_out != rush.buyers {
        broken.push(format!(
            "{what}: of {} buyers {} have an order and {} were told that it is sold out",
            rush.buyers, rush.orders, rush.sold_out
        ));
    }
    if rush.failures > 0 {
        broken.push(format!(
            "{what}: {} answers of 500 and above: {}",
            rush.failures,
            rush.example.as_deref().unwrap_or("?")
        ));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rush(orders: u32, sold_out: u32) -> Rush {
        Rush { units: 100, buyers: 10_000, orders, sold_out, reserved: u64::from(orders), ..Rush::default() }
    }

    #[test]
    fn exactly_the_units_are_sold_and_everybody_else_is_told() {
        let count = |rush: Rush| broken(&Results { rush: Some(rush), ..Results::default() }).len();
        assert_eq!(count(rush(100, 9_900)), 0);
        assert_eq!(count(rush(101, 9_899)), 1);
        assert_eq!(count(rush(99, 9_901)), 1);
        assert_eq!(count(rush(100, 9_899)), 1, "somebody was told nothing");
        assert_eq!(count(Rush { failures: 1, ..rush(100, 9_900) }), 1);
        assert_eq!(count(Rush { reserved: 101, ..rush(100, 9_900) }), 1);
    }

    #[test]
    fn a_sale_that_was_stopped_may_have_units_left_and_never_fewer() {
        let of = |orders, buyers| {
            let sale = Rush { buyers, ..rush(orders, buyers - orders) };
            broken(&Results { sale_over_http: Some(sale), ..Results::default() }).len()
        };
        assert_eq!(of(60, 60), 0);
        assert_eq!(of(101, 101), 1);
    }
}
