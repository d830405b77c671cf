//! How the API says what something costs, and why. Part of its contract, as all [`super::shapes`] are.

use domain::ids::Sku;
use domain::money::{Currency, Money};
use domain::pricing::{Bearer, Charge, DeliveryMethod, Discount, Quote, Rate};
use serde::Serialize;

/// What an order or a cart costs.
#[derive(Serialize)]
pub(super) struct TotalsBody {
    items: Money,
    /// Taken off, delivery included.
    discount: Money,
    delivery: Money,
    /// Taxes that come on top; those that prices hold already are no part of it.
    tax: Money,
    /// items − discount + delivery + tax.
    total: Money,
    method: DeliveryMethod,
    /// Every line with its reasons, and every part of the delivery.
    charges: Vec<ChargeBody>,
}

/// What one thing costs, and why.
#[derive(Serialize)]
struct ChargeBody {
    /// `null` for delivery.
    sku: Option<Sku>,
    /// The delivery's zone and seller; `null` for lines, and where there is none.
    zone: Option<String>,
    seller: Option<String>,
    price: Money,
    discounts: Vec<DiscountBody>,
    tax: Option<TaxBody>,
    charged: Money,
}

#[derive(Serialize)]
struct DiscountBody {
    name: String,
    amount: Money,
    borne_by: Bearer,
}

#[derive(Serialize)]
struct TaxBody {
    name: String,
    /// Thousandths of a percent.
    rate: Rate,
    /// Whether the price holds it already.
    included: bool,
    amount: Money,
}

impl TotalsBody {
    pub(super) fn new(quote: &Quote) -> Self {
        let money = |amount_minor| Money::new(amount_minor, quote.currency);
        let lines = quote
            .lines
            .iter()
            .map(|line| ChargeBody { sku: Some(line.sku.clone()), ..ChargeBody::new(&line.charge, quote.currency) });
        let deliveries = quote.deliveries.iter().map(|part| ChargeBody {
            zone: Some(part.zone.clone()).filter(|zone| !zone.is_empty()),
            seller: part.seller.clone(),
            ..ChargeBody::new(&part.charge, quote.currency)
        });
        Self {
            items: money(quote.items_minor),
            discount: money(quote.discount_minor),
            delivery: money(quote.delivery_minor),
            tax: money(quote.tax_minor),
            total: quote.total(),
            method: quote.method,
            charges: lines.chain(deliveries).collect(),
        }
    }
}

impl ChargeBody {
    fn new(charge: &Charge, currency: Currency) -> Self {
        let money = |amount_minor| Money::new(amount_minor, currency);
        let discount = |discount: &Discount| DiscountBody {
            name: discount.name.clone(),
            amount: money(discount.minor),
            borne_by: discount.borne_by,
        };
        Self {
            sku: None,
            zone: None,
            seller: None,
            price: money(charge.full_minor),
            discounts: charge.discounts.iter().map(discount).collect(),
            tax: charge.tax.as_ref().map(|charged| TaxBody {
                name: charged.tax.name.clone(),
                rate: charged.tax.rate,
                included: charged.tax.is_included,
                amount: money(charged.minor),
            }),
            charged: money(charge.charged_minor),
        }
    }
}
