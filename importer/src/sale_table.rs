//! Flash sales as texts for a terminal.

use std::fmt::Write as _;

use domain::wire::{SaleList, SaleReport};

/// One line a sale.
pub fn list(list: &SaleList) -> String {
    if list.sales.is_empty() {
        return "no sales\n".to_owned();
    }
    let mut text = String::new();
    let width = list.sales.iter().map(|report| report.sale.slug.len()).max().unwrap_or(0).max("slug".len());
    // Writing to a string never fails.
    let _written = writeln!(text, "{:<width$}  {:<10}  {:<20}  {:<20}  title", "slug", "phase", "starts", "ends");
    for SaleReport { sale, phase, .. } in &list.sales {
        let _written = writeln!(
            text,
            "{:<width$}  {:<10}  {:<20}  {:<20}  {}",
            sale.slug,
            phase.as_str(),
            sale.starts_at.rfc3339(),
            sale.ends_at.rfc3339(),
            // What people typed must not drive a terminal.
            sale.title.escape_debug(),
        );
    }
    text
}

fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Everything about one sale.
pub fn report(report: &SaleReport) -> String {
    let SaleReport { sale, phase, commitment, joined, is_drawn } = report;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _written = writeln!(text, "{name:<12}  {value}");
    };
    line("title", &sale.title.escape_debug().to_string());
    line("page", &format!("/sale/{}", sale.slug));
    line("id", &sale.id.to_string());
    line("phase", phase.as_str());
    line("gathers", &sale.gathers_at.rfc3339());
    line("starts", &sale.starts_at.rfc3339());
    line("ends", &sale.ends_at.rfc3339());
    let minutes = (sale.ends_at - sale.starts_at).0 / 60_000;
    let admitted = i64::from(sale.rate).saturating_mul(minutes);
    let rate = counted(i64::from(sale.rate), "person", "people");
    line("lets in", &format!("{rate} a minute, at most about {admitted} in all"));
    line("pass", &counted(sale.pass_length_ms.0 / 60_000, "minute", "minutes"));
    line("commitment", &commitment.to_string());
    line("drawn", if *is_drawn { "yes" } else { "no" });
    if let Some(joined) = joined {
        line("joined", &joined.to_string());
    }
    for product in &sale.products {
        line("product", &format!("{} for one person, of all its variants", product.units_max.get()));
        for variant in &product.variants {
            line("", &format!("{} at {}", variant.sku, variant.price));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::admission::{Commitment, Secret};
    use domain::sale::Phase;

    use super::*;
    use crate::sale_file;

    #[test]
    fn a_sale_is_told_in_lines() {
        let sale = sale_file::read(
            r#"{"slug": "lamps", "title": "Lamps\u202e", "gathers_at": "2026-12-01T17:30:00Z",
                "starts_at": "2026-12-01T18:00:00Z", "ends_at": "2026-12-01T19:00:00Z",
                "products": [{"units_max": 2, "variants": [{"sku": "LAMP", "price": "9990", "currency": "NGN"}]}]}"#,
        )
        .unwrap();
        let commitment = Commitment::to(Secret::new([7; 32]));
        let one = SaleReport { sale, phase: Phase::Announced, commitment, joined: Some(3), is_drawn: false };
        let text = report(&one);
        for part in
            ["/sale/lamps", "600 people a minute, at most about 36000", "LAMP at", "joined        3", "\\u{202e}"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(list(&SaleList { sales: vec![one] }).lines().count(), 2);
        assert_eq!(list(&SaleList { sales: vec![] }), "no sales\n");
    }
}
