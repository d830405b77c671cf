//! The pages of an account, and the forms on them. Every one is for whoever is signed in, and acts on nothing but their own.

use axum::Json;
use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::money::Money;
use http::{StatusCode, header};
use serde::Deserialize;

use super::order::order_path;
use super::visitor::Visitor;
use crate::accounts::{self, Ending, Member, OrderSummary, end_cookies};
use crate::context::Context;
use crate::error::Error;
use crate::extract::{Form, Path, Query};
use crate::pages::account::{self, Device, Frame, Order, Settings};
use crate::pages::layout::Site;
use crate::session::Tokens;
use crate::site;

/// What is typed into the settings, as far as it may be shown again.
#[derive(Default)]
struct Typed<'a> {
    name: Option<&'a str>,
    new_email: &'a str,
}

/// `GET /account`
#[worker::send]
pub(crate) async fn orders(context: Context, visitor: Visitor) -> Result<Response, Error> {
    let Some(member) = accounts::member(&context, &visitor.headers).await? else { return Ok(to_sign_in("/account")) };
    let orders = accounts::orders(&context, &member).await?;
    let tokens = &visitor.shopper.tokens;
    let shown: Vec<Order> = orders.into_iter().map(|order| shown(order, tokens)).collect();
    let site = site(&context).await?;
    let csrf = tokens.session_csrf(member.session_id());
    let markup = account::orders(&frame(&site, &member, &csrf), &shown);
    let mut response = Html(markup.into_string()).into_response();
    // What was put in this browser's cart while it could not become part of the account's.
    let cart_id = accounts::join_cart(&context, &member.account, visitor.cart_id()).await?;
    if visitor.cart_id() != Some(cart_id) {
        response.headers_mut().append(header::SET_COOKIE, tokens.cart_cookie(cart_id)?);
    }
    Ok(response)
}

fn shown(order: OrderSummary, tokens: &Tokens) -> Order {
    Order {
        id: order.order_id,
        href: order_path(tokens, order.order_id),
        placed_at: order.placed_at,
        status: order.status,
        total: Money::new(order.total_minor, order.currency),
        titles: order.lines.into_iter().map(|line| line.title).collect(),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Done {
    done: String,
}

/// `GET /account/settings?done=…`
#[worker::send]
pub(crate) async fn settings(
    context: Context,
    visitor: Visitor,
    Query(Done { done }): Query<Done>,
) -> Result<Response, Error> {
    let Some(member) = accounts::member(&context, &visitor.headers).await? else {
        return Ok(to_sign_in("/account/settings"));
    };
    let done = match done.as_str() {
        "name" => Some("Your name is saved."),
        "password" => Some("Your password is changed, and you are signed out everywhere else."),
        "email" => Some("Your e-mail address is changed."),
        "email-sent" => Some("A link is on its way to the new address. Nothing changes before it is opened."),
        "devices" => Some("Signed out."),
        _ => None,
    };
    page(&context, &member, Typed::default(), Ok(done)).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct AccountForm {
    csrf: String,
    name: String,
    email: String,
    password: String,
    #[serde(rename = "password-current")]
    password_current: String,
    #[serde(rename = "email-current")]
    email_current: String,
    #[serde(rename = "delete-current")]
    delete_current: String,
    which: String,
}

/// `POST /account/name`
#[worker::send]
pub(crate) async fn rename(
    context: Context,
    visitor: Visitor,
    Form(form): Form<AccountForm>,
) -> Result<Response, Error> {
    let member = checked(&context, &visitor, &form.csrf).await?;
    match accounts::rename(&context, &member, &form.name).await {
        Ok(()) => Ok(done("name")),
        Err(error) => page(&context, &member, Typed { name: Some(&form.name), ..Typed::default() }, Err(error)).await,
    }
}

/// `POST /account/password`
#[worker::send]
pub(crate) async fn change_password(
    context: Context,
    visitor: Visitor,
    Form(form): Form<AccountForm>,
) -> Result<Response, Error> {
    let member = checked(&context, &visitor, &form.csrf).await?;
    match accounts::change_password(&context, &member, &form.password_current, &form.password).await {
        Ok(()) => Ok(done("password")),
        Err(error) => refused(&context, &member, Typed::default(), error, "password-current").await,
    }
}

/// `POST /account/email`: sends a link to the new address.
#[worker::send]
pub(crate) async fn ask_to_move(
    context: Context,
    visitor: Visitor,
    Form(form): Form<AccountForm>,
) -> Result<Response, Error> {
    let member = checked(&context, &visitor, &form.csrf).await?;
    match accounts::ask_to_move(&context, &member, &form.email, &form.email_current).await {
        Ok(_) => Ok(done("email-sent")),
        Err(error) => {
            let typed = Typed { new_email: form.email.trim(), ..Typed::default() };
            refused(&context, &member, typed, error, "email-current").await
        }
    }
}

/// `GET /account/email/{link}`
#[worker::send]
pub(crate) async fn move_form(context: Context, visitor: Visitor, Path(link): Path<String>) -> Result<Response, Error> {
    let href = format!("/account/email/{link}");
    let Some(member) = accounts::member(&context, &visitor.headers).await? else { return Ok(to_sign_in(&href)) };
    match accounts::address_of_move(&context, &member, &link) {
        Ok(email) => {
            let (site, csrf) = (site(&context).await?, visitor.shopper.tokens.session_csrf(member.session_id()));
            Ok(Html(account::move_here(&frame(&site, &member, &csrf), &email, &href).into_string()).into_response())
        }
        Err(error) => page(&context, &member, Typed::default(), Err(error)).await,
    }
}

/// `POST /account/email/{link}`
#[worker::send]
pub(crate) async fn move_here(
    context: Context,
    visitor: Visitor,
    Path(link): Path<String>,
    Form(form): Form<AccountForm>,
) -> Result<Response, Error> {
    let member = checked(&context, &visitor, &form.csrf).await?;
    match accounts::move_to(&context, &member, &link).await {
        Ok(()) => Ok(done("email")),
        Err(error) => page(&context, &member, Typed::default(), Err(error)).await,
    }
}

/// `POST /account/devices/end`
#[worker::send]
pub(crate) async fn end_device(
    context: Context,
    visitor: Visitor,
    Form(form): Form<AccountForm>,
) -> Result<Response, Error> {
    let member = checked(&context, &visitor, &form.csrf).await?;
    let which = match form.which.as_str() {
        "all" => Ending::All,
        "others" => Ending::Others,
        id => Ending::One(id),
    };
    accounts::sign_out(&context, &member, which).await?;
    if matches!(which, Ending::All) { ended("/") } else { Ok(done("devices")) }
}

/// `POST /sign-out`
#[worker::send]
pub(crate) async fn sign_out(
    context: Context,
    visitor: Visitor,
    Form(form): Form<AccountForm>,
) -> Result<Response, Error> {
    // Whose session is over already is signed out too.
    if accounts::member(&context, &visitor.headers).await?.is_some() {
        let member = checked(&context, &visitor, &form.csrf).await?;
        accounts::sign_out(&context, &member, Ending::This).await?;
    }
    ended("/")
}

/// `GET /account/data.json`: all that the shop knows of a shopper by their account.
#[worker::send]
pub(crate) async fn export(context: Context, visitor: Visitor) -> Result<Response, Error> {
    let Some(member) = accounts::member(&context, &visitor.headers).await? else {
        return Ok(to_sign_in("/account/settings"));
    };
    let disposition = (header::CONTENT_DISPOSITION, "attachment; filename=\"kasuwa-account.json\"");
    Ok(([disposition], Json(accounts::export(&context, &member).await?)).into_response())
}

/// `POST /account/delete`
#[worker::send]
pub(crate) async fn delete(
    context: Context,
    visitor: Visitor,
    Form(form): Form<AccountForm>,
) -> Result<Response, Error> {
    let member = checked(&context, &visitor, &form.csrf).await?;
    match accounts::delete(&context, &member, &form.delete_current).await {
        Ok(()) => ended("/"),
        Err(error) => refused(&context, &member, Typed::default(), error, "delete-current").await,
    }
}

/// Whoever is signed in, if the form was made for their session.
async fn checked(context: &Context, visitor: &Visitor, csrf: &str) -> Result<Member, Error> {
    let member = accounts::member(context, &visitor.headers).await?.ok_or_else(accounts::signed_out)?;
    visitor.shopper.tokens.check_session_csrf(member.session_id(), csrf)?;
    Ok(member)
}

/// The settings again. What is wrong with the present password is said at the field of the form that was sent.
async fn refused(
    context: &Context,
    member: &Member,
    typed: Typed<'_>,
    error: Error,
    current: &str,
) -> Result<Response, Error> {
    let error = match error {
        Error::Rejection(mut rejection) => {
            if let Some(problem) = rejection.fields.remove("current") {
                rejection.fields.insert(current.to_owned(), problem);
            }
            Error::Rejection(rejection)
        }
        other @ (Error::Fault { .. } | Error::Bug { .. }) => other,
    };
    page(context, member, typed, Err(error)).await
}

async fn page(
    context: &Context,
    member: &Member,
    typed: Typed<'_>,
    done: Result<Option<&str>, Error>,
) -> Result<Response, Error> {
    let (status, problems, refused, done) = match done {
        Ok(done) => (StatusCode::OK, Vec::new(), None, done),
        Err(Error::Rejection(rejection)) if rejection.fields.is_empty() => {
            (rejection.status, Vec::new(), Some(rejection.detail.clone()), None)
        }
        Err(Error::Rejection(rejection)) => (rejection.status, rejection.fields.into_iter().collect(), None, None),
        Err(other) => return Err(other),
    };
    let devices: Vec<Device> = accounts::devices(context, member)
        .await?
        .into_iter()
        .map(|device| Device {
            id: device.id().to_owned(),
            is_this: device.is_of(member),
            name: device.device,
            since: device.created_at,
            seen_at: device.seen_at,
        })
        .collect();
    let site = site(context).await?;
    let csrf = Tokens::of(context)?.session_csrf(member.session_id());
    let settings = Settings {
        name: typed.name.unwrap_or(&member.account.name),
        new_email: typed.new_email,
        devices: &devices,
        problems: &problems,
        refused: refused.as_deref(),
        done,
    };
    let markup = account::settings(&frame(&site, member, &csrf), &settings);
    Ok((status, Html(markup.into_string())).into_response())
}

async fn site(context: &Context) -> Result<Site, Error> {
    Ok(site::known(context).await?.site(context.shop_url()))
}

fn frame<'a>(site: &'a Site, member: &'a Member, csrf: &'a str) -> Frame<'a> {
    Frame { site, called: member.account.called(), email: &member.account.email, csrf }
}

fn done(what: &str) -> Response {
    Redirect::to(&format!("/account/settings?done={what}")).into_response()
}

fn to_sign_in(to: &str) -> Response {
    Redirect::to(&format!("/sign-in?to={to}")).into_response()
}

/// Signed out: on to `to`, and the browser forgets.
fn ended(to: &str) -> Result<Response, Error> {
    let mut response = Redirect::to(to).into_response();
    for (name, value) in end_cookies()? {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}
