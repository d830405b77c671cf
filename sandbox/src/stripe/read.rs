//! What can only be read at Stripe: payment intents, by id or by search, charges, disputes.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use super::expand::{expanded, in_lists};
use super::refusal::Refusal;
use super::{form, list, number, objects};
use crate::App;
use crate::gateways::Gateway;
use crate::payments::Payment;

pub(super) async fn show_intent(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let payment = number("pi_", &id).and_then(|id| app.payment_by_id(Gateway::Stripe, id));
    let payment = payment.filter(objects::is_tried).ok_or_else(|| Refusal::missing("payment_intent", &id))?;
    Ok(Json(expanded(objects::intent(&payment), &payment, &form::query(query.as_deref())?)?))
}

pub(super) async fn show_charge(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let payment = number("ch_", &id).and_then(|id| app.payment_by_id(Gateway::Stripe, id));
    let payment = payment.filter(|one| one.capture.is_some()).ok_or_else(|| Refusal::missing("charge", &id))?;
    Ok(Json(expanded(objects::charge(&payment), &payment, &form::query(query.as_deref())?)?))
}

/// Payment intents whose metadata has one word: `metadata['reference']:'ref-1'`, the only clause that is understood here.
pub(super) async fn search(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Refusal> {
    let asked = form::query(query.as_deref())?;
    let clause = asked["query"].as_str().ok_or_else(|| Refusal::required("query"))?;
    let (name, word) = metadata_clause(clause).ok_or_else(|| {
        Refusal::param("query", "We were unable to parse your search query: write metadata['name']:'word'.")
    })?;
    let inner = in_lists(&asked)?;
    let found: Vec<Payment> = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::Stripe);
        let tried = ours.filter(|payment| objects::is_tried(payment));
        tried.filter(|one| one.request.details["intent_metadata"][&name] == *word).cloned().collect()
    });
    let data = found.iter().map(|payment| expanded(objects::intent(payment), payment, &inner));
    let data = data.collect::<Result<Vec<Value>, Refusal>>()?;
    let url = "/v1/payment_intents/search";
    Ok(Json(json!({"object": "search_result", "url": url, "has_more": false, "next_page": null, "data": data})))
}

fn metadata_clause(clause: &str) -> Option<(String, String)> {
    let quoted = |text: &str| {
        let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inner.replace(&format!("\\{quote}"), &quote.to_string()).replace("\\\\", "\\"))
    };
    let (name, word) = clause.trim().strip_prefix("metadata[")?.split_once("]:")?;
    Some((quoted(name)?, quoted(word)?))
}

pub(super) async fn show_dispute(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let found = number("dp_", &id).and_then(|number| {
        let payment = app.payment_by_part(Gateway::Stripe, number)?;
        payment.dispute(number).is_some().then_some((payment, number))
    });
    let (payment, number) = found.ok_or_else(|| Refusal::missing("dispute", &id))?;
    Ok(Json(expanded(objects::dispute(&payment, number), &payment, &form::query(query.as_deref())?)?))
}

pub(super) async fn list_disputes(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Refusal> {
    let asked = form::query(query.as_deref())?;
    let told = |payment: &Payment| -> Vec<(Payment, Value)> {
        payment.disputes.iter().rev().map(|one| (payment.clone(), objects::dispute(payment, one.id))).collect()
    };
    let disputes = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::Stripe);
        ours.flat_map(told).filter(|(_, one)| fits(one, &asked)).collect()
    });
    Ok(Json(list("/v1/disputes", disputes, &asked)?))
}

/// Whether an object belongs to the charge or the payment intent that was asked for.
pub(super) fn fits(object: &Value, asked: &Value) -> bool {
    ["charge", "payment_intent"].into_iter().all(|of| asked[of].is_null() || object[of] == asked[of])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_names_a_word_of_the_metadata() {
        let found = |clause| metadata_clause(clause).map(|(name, word)| format!("{name}={word}"));
        assert_eq!(found("metadata['reference']:'ref-1'").as_deref(), Some("reference=ref-1"));
        assert_eq!(found(r#" metadata["reference"]:"ref-1" "#).as_deref(), Some("reference=ref-1"));
        for bad in
            ["status:'succeeded'", "metadata[reference]:'x'", "metadata['a']:x", "metadata['a']", "metadata['a']:'"]
        {
            assert_eq!(found(bad), None, "{bad}");
        }
    }
}
