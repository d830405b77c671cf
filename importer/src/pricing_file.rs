//! The shop's taxes, delivery and promotions as an operator writes them down: JSON with rates, prices and times as people write them.
//! Checks how it is written, both ways; what it means the shop checks.

use anyhow::{Context, Result, bail};
use domain::money::{Currency, Money};
use domain::pricing::{
    Bearer, CouponCode, DeliveryMethod, Effect, Keeper, MethodRule, Promotion, Rate, Rules, Scope, Tax, TaxRule,
    WeightStep, Zone,
};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    taxes: Vec<TaxText>,
    delivery: Vec<ZoneText>,
    promotions: Vec<PromotionText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxText {
    name: String,
    rate: String,
    country: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    regions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<String>,
    included: bool,
    #[serde(default)]
    on_delivery: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneText {
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    countries: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    regions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sellers: Vec<String>,
    methods: Vec<MethodText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MethodText {
    method: DeliveryMethod,
    currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    free_from: Option<String>,
    #[serde(default)]
    per: Per,
    #[serde(default)]
    kept_by: Keeper,
}

#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Per {
    #[default]
    Order,
    Seller,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    up_to_grams: Option<u64>,
    price: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PromotionText {
    id: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<CouponCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount_each: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    free_delivery: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    on: Scope,
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    except: Scope,
    #[serde(default, skip_serializing_if = "is_false")]
    except_reduced: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_per_person: Option<u32>,
    #[serde(default)]
    combines: bool,
    borne_by: Bearer,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The rules that a file describes.
///
/// # Errors
/// When it is not written as rules are; the message says where.
pub fn read(text: &str) -> Result<Rules> {
    let File { taxes, delivery, promotions } = serde_json::from_str(text).context("these are no rules")?;
    let zones = delivery.into_iter().map(|text| {
        let name = text.name.clone();
        zone(text).with_context(|| format!("delivery {name:?}"))
    });
    let promotions = promotions.into_iter().map(|text| {
        let id = text.id.clone();
        promotion(text).with_context(|| format!("promotion {id:?}"))
    });
    Ok(Rules {
        taxes: taxes.into_iter().map(tax).collect::<Result<_>>()?,
        delivery: zones.collect::<Result<_>>()?,
        promotions: promotions.collect::<Result<_>>()?,
    })
}

/// The file that describes these rules: [`read`] makes the same of it.
///
/// # Errors
/// Never, as far as anybody knows.
pub fn write(rules: &Rules) -> Result<String> {
    let file = File {
        taxes: rules.taxes.iter().map(tax_text).collect(),
        delivery: rules.delivery.iter().map(zone_text).collect(),
        promotions: rules.promotions.iter().map(promotion_text).collect(),
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&file)?))
}

fn amount(field: &str, text: &str, currency: Currency) -> Result<i64> {
    let price = Money::parse_price(text, currency).with_context(|| format!("{field}: {text:?}"))?;
    Ok(price.amount_minor)
}

fn amount_text(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).major().to_string()
}

fn percent_text(rate: Rate) -> String {
    rate.to_string().trim_end_matches(" %").to_owned()
}

fn tax(text: TaxText) -> Result<TaxRule> {
    let rate = text.rate.parse().with_context(|| format!("tax {:?}", text.name))?;
    Ok(TaxRule {
        country: text.country,
        regions: text.regions,
        categories: text.categories,
        tax: Tax { name: text.name, rate, is_included: text.included },
        is_on_delivery: text.on_delivery,
    })
}

fn tax_text(rule: &TaxRule) -> TaxText {
    let TaxRule { country, regions, categories, tax, is_on_delivery } = rule.clone();
    TaxText {
        name: tax.name,
        rate: percent_text(tax.rate),
        country,
        regions,
        categories,
        included: tax.is_included,
        on_delivery: is_on_delivery,
    }
}

fn zone(text: ZoneText) -> Result<Zone> {
    let ZoneText { name, countries, regions, sellers, methods } = text;
    let methods = methods.into_iter().map(method).collect::<Result<_>>()?;
    Ok(Zone { name, countries, regions, sellers, methods })
}

fn zone_text(zone: &Zone) -> ZoneText {
    let Zone { name, countries, regions, sellers, methods } = zone.clone();
    ZoneText { name, countries, regions, sellers, methods: methods.iter().map(method_text).collect() }
}

fn method(text: MethodText) -> Result<MethodRule> {
    let currency = text.currency;
    let step = |step: StepText| {
        let price_minor = amount("price", &step.price, currency)?;
        Ok(WeightStep { up_to_grams: step.up_to_grams, price_minor })
    };
    let steps = match (text.price, text.steps) {
        (Some(price), steps) if steps.is_empty() => vec![step(StepText { up_to_grams: None, price })?],
        (None, steps) if !steps.is_empty() => steps.into_iter().map(step).collect::<Result<_>>()?,
        (Some(_), _) | (None, _) => bail!("{}: give it a price, or steps, and not both", text.method.as_str()),
    };
    Ok(MethodRule {
        method: text.method,
        currency,
        steps,
        free_from_minor: text.free_from.map(|text| amount("free_from", &text, currency)).transpose()?,
        is_per_seller: text.per == Per::Seller,
        kept_by: text.kept_by,
    })
}

fn method_text(rule: &MethodRule) -> MethodText {
    let price = |minor| amount_text(minor, rule.currency);
    let (one, steps) = match rule.steps.as_slice() {
        [WeightStep { up_to_grams: None, price_minor }] => (Some(price(*price_minor)), Vec::new()),
        steps => {
            let text = |step: &WeightStep| StepText { up_to_grams: step.up_to_grams, price: price(step.price_minor) };
            (None, steps.iter().map(text).collect())
        }
    };
    MethodText {
        method: rule.method,
        currency: rule.currency,
        price: one,
        steps,
        free_from: rule.free_from_minor.map(price),
        per: if rule.is_per_seller { Per::Seller } else { Per::Order },
        kept_by: rule.kept_by,
    }
}

fn promotion(text: PromotionText) -> Result<Promotion> {
    let currency = text.currency;
    let in_currency = |field: &str, text: &str| {
        let currency = currency.with_context(|| format!("{field}: say in which \"currency\""))?;
        amount(field, text, currency)
    };
    let time = |field: &str, text: &str| {
        Timestamp::parse_rfc3339(text)
            .with_context(|| format!("{field}: {text:?} is no time like 2026-12-01T18:00:00+01:00"))
    };
    let mut effects = Vec::new();
    if let Some(text) = &text.percent {
        effects.push(Effect::Percent { rate: text.parse().context("percent")? });
    }
    if let Some(text) = &text.amount {
        effects.push(Effect::Amount { minor: in_currency("amount", text)? });
    }
    if let Some(text) = &text.amount_each {
        effects.push(Effect::AmountEach { minor: in_currency("amount_each", text)? });
    }
    if text.free_delivery {
        effects.push(Effect::FreeDelivery);
    }
    let [effect] = effects.as_slice() else {
        bail!("give it one of percent, amount, amount_each and free_delivery");
    };
    Ok(Promotion {
        effect: *effect,
        minimum_minor: text.minimum.as_deref().map(|text| in_currency("minimum", text)).transpose()?,
        starts_at: text.starts_at.as_deref().map(|text| time("starts_at", text)).transpose()?,
        ends_at: text.ends_at.as_deref().map(|text| time("ends_at", text)).transpose()?,
        id: text.id,
        name: text.name,
        code: text.code,
        currency,
        on: text.on,
        except: text.except,
        is_not_on_reduced: text.except_reduced,
        limit: text.limit,
        limit_per_person: text.limit_per_person,
        combines: text.combines,
        borne_by: text.borne_by,
    })
}

fn promotion_text(promotion: &Promotion) -> PromotionText {
    let promotion = promotion.clone();
    // What has an amount has a currency; the shop sees to that.
    let price = |minor| promotion.currency.map(|currency| amount_text(minor, currency));
    let (percent, off, each) = match promotion.effect {
        Effect::Percent { rate } => (Some(percent_text(rate)), None, None),
        Effect::Amount { minor } => (None, price(minor), None),
        Effect::AmountEach { minor } => (None, None, price(minor)),
        Effect::FreeDelivery => (None, None, None),
    };
    PromotionText {
        percent,
        amount: off,
        amount_each: each,
        free_delivery: promotion.effect == Effect::FreeDelivery,
        minimum: promotion.minimum_minor.and_then(price),
        starts_at: promotion.starts_at.map(Timestamp::rfc3339),
        ends_at: promotion.ends_at.map(Timestamp::rfc3339),
        id: promotion.id,
        name: promotion.name,
        code: promotion.code,
        currency: promotion.currency,
        on: promotion.on,
        except: promotion.except,
        except_reduced: promotion.is_not_on_reduced,
        limit: promotion.limit,
        limit_per_person: promotion.limit_per_person,
        combines: promotion.combines,
        borne_by: promotion.borne_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "taxes": [{"name": "VAT", "rate": "7.5", "country": "NG", "included": true, "on_delivery": true}],
        "delivery": [{"name": "Lagos", "countries": ["NG"], "regions": ["Lagos"], "methods": [
            {"method": "standard", "currency": "NGN", "per": "seller", "kept_by": "seller", "free_from": "50000",
             "steps": [{"up_to_grams": 1000, "price": "1500"}, {"price": "3000.50"}]},
            {"method": "pickup", "currency": "NGN", "price": "0"}
        ]}],
        "promotions": [
            {"id": "welcome", "name": "Welcome", "code": "welcome10", "percent": "10", "currency": "NGN", "minimum": "5000",
             "starts_at": "2026-12-01T00:00:00+01:00", "limit": 100, "limit_per_person": 1, "combines": true,
             "on": {"categories": ["Home/Kitchen"]}, "except": {"brands": ["Tefal"]}, "except_reduced": true, "borne_by": "shop"},
            {"id": "free", "name": "Free delivery", "free_delivery": true, "borne_by": "seller"},
            {"id": "less", "name": "Less", "amount_each": "2.50", "currency": "USD", "borne_by": "shop"}
        ]
    }"#;

    #[test]
    fn a_file_says_rates_prices_and_times_as_people_do() {
        let rules = read(FILE).unwrap();
        assert_eq!(rules.problems(), Vec::<String>::new());
        let lagos = &rules.delivery[0].methods[0];
        assert_eq!(
            (lagos.steps[1].price_minor, lagos.free_from_minor, lagos.is_per_seller),
            (300_050, Some(5_000_000), true)
        );
        let welcome = &rules.promotions[0];
        assert_eq!((welcome.code.as_ref().unwrap().as_str(), welcome.minimum_minor), ("WELCOME10", Some(500_000)));
        assert_eq!(rules.promotions[2].effect, Effect::AmountEach { minor: 250 });
    }

    #[test]
    fn what_is_shown_can_be_set_again() {
        let rules = read(FILE).unwrap();
        assert_eq!(read(&write(&rules).unwrap()).unwrap(), rules);
        assert_eq!(read("{}").unwrap(), Rules::default());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let wrong = |from: &str, to: &str| {
            assert!(FILE.contains(from), "{from}");
            format!("{:#}", read(&FILE.replace(from, to)).unwrap_err())
        };
        assert!(wrong("\"7.5\"", "\"a bit\"").contains("VAT"));
        assert!(wrong("\"3000.50\"", "\"cheap\"").contains("Lagos"));
        assert!(wrong("\"method\": \"pickup\"", "\"method\": \"drone\"").contains("drone"));
        assert!(wrong("\"price\": \"0\"", "\"free_from\": \"0\"").contains("price, or steps"));
        assert!(wrong("\"percent\": \"10\", ", "").contains("one of percent"));
        assert!(wrong("\"currency\": \"USD\", ", "").contains("currency"));
        assert!(wrong("2026-12-01T00:00:00+01:00", "Friday").contains("starts_at"));
        assert!(wrong("welcome10", "no spaces").contains("letters, digits"));
        assert!(wrong("\"combines\"", "\"combine\"").contains("combine"));
    }
}
