//! Checkout: one page, one form, and the way back from the gateway.

use std::collections::BTreeMap;

use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::cart::Cart;
use domain::checkout::Address;
use domain::ids::{CheckoutId, OrderId};
use domain::pricing::{DeliveryMethod, Destination};
use domain::wire::{GatewayName, ShortLine};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::cart::{Shopper, page_line};
use super::order::order_path;
use super::visitor::Visitor;
use crate::accounts;
use crate::carts::{self, Found};
use crate::checkout::{self, Checkout, PricedCart, Wanted};
use crate::context::Context;
use crate::error::{Error, Rejection};
use crate::extract::{Form, Path};
use crate::origin_client::{self, GATEWAY_UNAVAILABLE};
use crate::pages::checkout::{Form as Typed, Model, Trouble, view};
use crate::session::Tokens;
use crate::{gateways, sales, site};

/// `GET /checkout`
#[worker::send]
pub(crate) async fn form(context: Context, Visitor { shopper, headers }: Visitor) -> Result<Response, Error> {
    let Some(cart_id) = shopper.cart_id else { return Ok(Redirect::to("/cart").into_response()) };
    let Found { cart_id, cart, .. } = carts::read(&context, cart_id).await?;
    let shopper = Shopper { cart_id: Some(cart_id), ..shopper };
    // A payment that is under way goes on; its form sent again is the same order.
    let frozen_for = cart.frozen_for(context.now()).map(|(checkout_id, _)| checkout_id);
    let checkout_id = frozen_for.unwrap_or_else(|| CheckoutId(context.new_id()));
    let trouble = frozen_for.map(|_| {
        let words =
            "A payment for these things is under way. Continue it from your cart, or send this form to start it anew.";
        Trouble::Other(words.to_owned())
    });
    let account = accounts::member(&context, &headers).await?.map(|member| member.account);
    let typed = Typed {
        email: account.as_ref().map(|account| account.email.clone()).unwrap_or_default(),
        address: Address { name: account.map(|account| account.name).unwrap_or_default(), ..checkout::home() },
        delivery: DeliveryMethod::Standard,
        gateway: GatewayName::Paystack,
    };
    let shown = Shown { checkout_id, typed, problems: BTreeMap::new(), trouble, coupon_refused: None };
    show(&context, &shopper, &cart, shown).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckoutForm {
    csrf: String,
    checkout_id: String,
    /// The digest of the quote that was on the page.
    quote: String,
    email: String,
    name: String,
    line1: String,
    city: String,
    region: String,
    country: String,
    phone: String,
    delivery: String,
    gateway: String,
    /// A code that was typed just now.
    coupon: String,
    /// Not empty when the cart's code is to go.
    remove_coupon: String,
}

impl CheckoutForm {
    /// What of it stays on the page.
    fn typed(&self) -> Typed {
        let address = Address {
            name: self.name.clone(),
            line1: self.line1.clone(),
            city: self.city.clone(),
            region: self.region.clone(),
            country: self.country.clone(),
            phone: self.phone.clone(),
        };
        Typed {
            email: self.email.trim().to_owned(),
            address: address.trimmed(),
            delivery: DeliveryMethod::named(&self.delivery).unwrap_or_default(),
            gateway: self.gateway().unwrap_or(GatewayName::Paystack),
        }
    }

    fn wants_other_coupon(&self) -> bool {
        !self.remove_coupon.is_empty() || !self.coupon.trim().is_empty()
    }

    fn gateway(&self) -> Option<GatewayName> {
        GatewayName::ALL.into_iter().find(|gateway| gateway.as_str() == self.gateway)
    }

    fn checkout_id(&self) -> Result<CheckoutId, Error> {
        self.checkout_id.parse().map_err(|_| Error::bad_request("checkout_id_invalid", "Load the checkout again."))
    }
}

/// `GET /checkout/review`: whoever comes back to that address begins with the form.
pub(crate) async fn review_again() -> Redirect {
    Redirect::to("/checkout")
}

/// `POST /checkout/review`: the form as it was typed, with what it costs there and with that code. Nothing is bought.
#[worker::send]
pub(crate) async fn review(
    context: Context,
    shopper: Shopper,
    Form(form): Form<CheckoutForm>,
) -> Result<Response, Error> {
    review_form(&context, shopper, &form).await
}

async fn review_form(context: &Context, shopper: Shopper, form: &CheckoutForm) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let checkout_id = form.checkout_id()?;
    let text = if form.remove_coupon.is_empty() { form.coupon.as_str() } else { "" };
    let coupon_refused = match form.wants_other_coupon() {
        true => match carts::set_coupon(context, cart_id, text).await {
            Ok(_) => None,
            Err(Error::Rejection(rejection)) => Some(rejection.detail),
            Err(error) => return Err(error),
        },
        false => None,
    };
    let Found { cart_id, cart, .. } = carts::read(context, cart_id).await?;
    let shopper = Shopper { cart_id: Some(cart_id), ..shopper };
    let shown = Shown { checkout_id, typed: form.typed(), problems: BTreeMap::new(), trouble: None, coupon_refused };
    show(context, &shopper, &cart, shown).await
}

/// `POST /checkout`: to the gateway's page, or back to the form with what is wrong.
#[worker::send]
pub(crate) async fn place(
    context: Context,
    shopper: Shopper,
    Form(form): Form<CheckoutForm>,
) -> Result<Response, Error> {
    // A code that was typed and not applied changes the total: the shopper looks at it first.
    if form.wants_other_coupon() {
        return review_form(&context, shopper, &form).await;
    }
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let checkout_id = form.checkout_id()?;
    let typed = form.typed();
    let mut problems = checkout::problems(&typed.email, &typed.address);
    if form.gateway().is_none() {
        problems.insert("gateway".to_owned(), "Choose how to pay".to_owned());
    }
    let outcome = if problems.is_empty() {
        let checkout = Checkout {
            checkout_id,
            cart_id,
            email: typed.email.clone(),
            address: typed.address.clone(),
            delivery: typed.delivery,
            gateway: typed.gateway,
            seen_quote: (!form.quote.is_empty()).then_some(form.quote),
            shop_url: context.shop_url().to_owned(),
            passes: shopper.passes.clone(),
        };
        checkout::place_corrected(&context, &checkout).await
    } else {
        Err(Error::invalid_fields(problems))
    };
    let error = match outcome {
        Ok(placed) => return Ok(Redirect::to(&placed.payment.redirect_url).into_response()),
        Err(error) => error,
    };
    let (problems, trouble, next) = match &error {
        Error::Rejection(rejection) if rejection.code == "cart_empty" => {
            return Ok(Redirect::to("/cart").into_response());
        }
        // The way back from the gateway's page leads to the order.
        Error::Rejection(rejection) if rejection.code == checkout::ALREADY_PAID => {
            return Ok(Redirect::to(&way_back(&shopper.tokens, checkout_id)).into_response());
        }
        Error::Rejection(rejection) if !rejection.fields.is_empty() => (rejection.fields.clone(), None, checkout_id),
        // The order may be there: the same checkout again goes on with it, through whichever gateway.
        Error::Rejection(rejection) if rejection.code == GATEWAY_UNAVAILABLE => {
            (BTreeMap::new(), Some(Trouble::GatewayUnavailable(typed.gateway)), checkout_id)
        }
        Error::Rejection(rejection) => {
            // What was refused is over; the next try is a checkout of its own.
            (BTreeMap::new(), Some(trouble(rejection)), CheckoutId(context.new_id()))
        }
        // The order may exist although we did not hear of it: the same checkout again is the same order.
        Error::Fault { part: "origin", .. } => (BTreeMap::new(), Some(Trouble::PaymentsUnavailable), checkout_id),
        Error::Fault { .. } | Error::Bug { .. } => return Err(error),
    };
    if let Error::Fault { cause, .. } = &error {
        crate::log::error(&context, "checkout_unavailable", cause);
    }
    let status = StatusCode::from_u16(error.problem(context.request_id()).status).unwrap_or(StatusCode::BAD_REQUEST);
    let Found { cart, .. } = carts::read(&context, cart_id).await?;
    let shown = Shown { checkout_id: next, typed, problems, trouble, coupon_refused: None };
    let mut response = show(&context, &shopper, &cart, shown).await?;
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    Ok(response)
}

fn trouble(rejection: &Rejection) -> Trouble {
    match rejection.code {
        "out_of_stock" => {
            let line = |line: &ShortLine| (line.sku.to_string(), line.available);
            Trouble::Short(rejection.lines.iter().map(line).collect())
        }
        "quote_changed" => Trouble::PriceChanged,
        _ => Trouble::Other(rejection.detail.clone()),
    }
}

/// Where the shopper goes on with a checkout that is under way.
pub(crate) fn way_back(tokens: &Tokens, checkout_id: CheckoutId) -> String {
    format!("/checkout/return/{checkout_id}/{}", tokens.checkout(&checkout_id.to_string()))
}

/// The form with what was typed and what is wrong.
struct Shown {
    checkout_id: CheckoutId,
    typed: Typed,
    problems: BTreeMap<String, String>,
    trouble: Option<Trouble>,
    coupon_refused: Option<String>,
}

async fn show(context: &Context, shopper: &Shopper, cart: &Cart, shown: Shown) -> Result<Response, Error> {
    let Some(cart_id) = shopper.cart_id else { return Ok(Redirect::to("/cart").into_response()) };
    let offers = sales::offers(context, &shopper.passes, Some(cart_id)).await?;
    let wanted = Wanted {
        destination: Destination::of(&shown.typed.address),
        method: shown.typed.delivery,
        coupon: cart.coupon().cloned(),
    };
    let priced: PricedCart = checkout::price(context, cart.lines(), &offers, &wanted).await?;
    // Empty, mixed or partly gone: the cart's page says so, and how to mend it.
    if !priced.gone.is_empty() || priced.lines.is_empty() || priced.is_mixed() {
        return Ok(Redirect::to("/cart").into_response());
    }
    let currency = priced.currency();
    if cart.lines().iter().any(|line| offers.is_held_back(line.product_id)) {
        return Ok(Redirect::to("/cart").into_response());
    }
    let known = site::known(context).await?;
    let site = known.site(context.shop_url());
    let trouble = match shown.trouble {
        Some(Trouble::Short(lines)) => Some(Trouble::Short(titled(lines, &priced.lines))),
        other => other,
    };
    let (gateways, trouble) = match gateways::offers(context).await {
        Ok(offers) => (Some(offers.taking(currency)), trouble),
        Err(_) => (None, trouble.or(Some(Trouble::PaymentsUnavailable))),
    };
    let markup = view(&Model {
        site: &site,
        csrf: &shopper.tokens.csrf(cart_id),
        checkout_id: shown.checkout_id,
        form: shown.typed,
        problems: shown.problems,
        trouble,
        lines: priced.lines.iter().map(|line| page_line(&line.article, line.quantity)).collect(),
        currency,
        quote: priced.quote,
        methods: priced.methods,
        coupon: wanted.coupon,
        coupon_outcome: priced.coupon,
        coupon_refused: shown.coupon_refused,
        gateways,
    });
    Ok(Html(markup.into_string()).into_response())
}

/// SKUs with their titles, for people.
fn titled(lines: Vec<(String, u32)>, known: &[checkout::PricedCartLine]) -> Vec<(String, u32)> {
    let title = |sku: String| {
        let line = known.iter().find(|line| line.article.sku.as_str() == sku);
        line.map_or(sku, |line| line.article.title.clone())
    };
    lines.into_iter().map(|(sku, available)| (title(sku), available)).collect()
}

/// `GET /checkout/return/{checkout_id}/{token}`: back from the gateway. Asks what became of the payment, then shows the order.
#[worker::send]
pub(crate) async fn back(
    context: Context,
    shopper: Shopper,
    Path((checkout_id, token)): Path<(String, String)>,
) -> Result<Response, Error> {
    if !shopper.tokens.is_checkout(&checkout_id, &token) {
        return Err(Error::not_found("checkout"));
    }
    let checkout_id: CheckoutId = checkout_id.parse().map_err(|_| Error::not_found("checkout"))?;
    let order_id: OrderId = match origin_client::verify(&context, checkout_id).await {
        Ok(order) => order.id,
        // Frozen, but never placed: the form can be sent again.
        Err(Error::Rejection(rejection)) if rejection.code == "not_found" => {
            return Ok(Redirect::to("/checkout").into_response());
        }
        Err(error) => return Err(error),
    };
    let mut response = Redirect::to(&order_path(&shopper.tokens, order_id)).into_response();
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}
