//! Getting into an account.

use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::visitor::Visitor;
use crate::accounts::{self, Begun, sign_in_cookies};
use crate::context::Context;
use crate::error::Error;
use crate::extract::{Form, Path, Query};
use crate::pages::sign_in::{Model, Step, view};
use crate::site;

/// Longest address to go on to.
const TO_LENGTH_MAX: usize = 300;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    email: String,
    to: String,
}

/// `GET /sign-in?to=…`
#[worker::send]
pub(crate) async fn form(context: Context, visitor: Visitor, Query(asked): Query<Asked>) -> Result<Response, Error> {
    if accounts::member(&context, &visitor.headers).await?.is_some() {
        return Ok(Redirect::to(within_shop(&asked.to)).into_response());
    }
    page(&context, Step::SignIn { email: &asked.email, to: &asked.to }, None).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignInForm {
    email: String,
    password: String,
    to: String,
}

/// `POST /sign-in`
#[worker::send]
pub(crate) async fn sign_in(
    context: Context,
    visitor: Visitor,
    Form(form): Form<SignInForm>,
) -> Result<Response, Error> {
    match accounts::sign_in(&context, visitor.from(), &form.email, &form.password).await {
        Ok(begun) => signed_in(&context, &begun, within_shop(&form.to)),
        Err(error) => page(&context, Step::SignIn { email: form.email.trim(), to: &form.to }, Some(error)).await,
    }
}

/// `GET /account/start`
#[worker::send]
pub(crate) async fn start_form(context: Context, Query(asked): Query<Asked>) -> Result<Response, Error> {
    page(&context, Step::Start { email: &asked.email }, None).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct StartForm {
    email: String,
}

/// `POST /account/start`: sends a link.
#[worker::send]
pub(crate) async fn start(context: Context, visitor: Visitor, Form(form): Form<StartForm>) -> Result<Response, Error> {
    match accounts::send_link(&context, &visitor.headers, &form.email).await {
        Ok(email) => page(&context, Step::Sent { email: &email }, None).await,
        Err(error) => page(&context, Step::Start { email: form.email.trim() }, Some(error)).await,
    }
}

/// `GET /account/password/{link}`
#[worker::send]
pub(crate) async fn choose_form(context: Context, Path(link): Path<String>) -> Result<Response, Error> {
    choosing(&context, &link, "", None).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChooseForm {
    name: String,
    password: String,
}

/// `POST /account/password/{link}`
#[worker::send]
pub(crate) async fn choose(
    context: Context,
    visitor: Visitor,
    Path(link): Path<String>,
    Form(form): Form<ChooseForm>,
) -> Result<Response, Error> {
    match accounts::choose_password(&context, visitor.from(), &link, &form.name, &form.password).await {
        Ok(begun) => signed_in(&context, &begun, "/account"),
        Err(error) => choosing(&context, &link, &form.name, Some(error)).await,
    }
}

/// The page of a link: what it is for, or, if it is not good, where to have another one sent.
async fn choosing(context: &Context, link: &str, name: &str, error: Option<Error>) -> Result<Response, Error> {
    match accounts::open_link(context, link).await {
        Ok(opened) => {
            let step = Step::Choose {
                email: &opened.email,
                name,
                is_new: opened.account.is_none(),
                href: &format!("/account/password/{link}"),
            };
            page(context, step, error).await
        }
        Err(bad @ Error::Rejection(_)) => page(context, Step::Start { email: "" }, Some(bad)).await,
        Err(other) => Err(other),
    }
}

/// On to where the shopper wanted to go, with what the browser keeps of the session.
fn signed_in(context: &Context, begun: &Begun, to: &str) -> Result<Response, Error> {
    let mut response = Redirect::to(to).into_response();
    for (name, value) in sign_in_cookies(context, begun)? {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// A path of ours, or the account's: nobody is sent to another site from here.
fn within_shop(to: &str) -> &str {
    let is_path = to.starts_with('/') && !to.starts_with("//") && to.len() <= TO_LENGTH_MAX;
    let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { to } else { "/account" }
}

async fn page(context: &Context, step: Step<'_>, error: Option<Error>) -> Result<Response, Error> {
    let site = site::known(context).await?.site(context.shop_url());
    let (status, problems, refused) = match error {
        None => (StatusCode::OK, Vec::new(), None),
        Some(Error::Rejection(rejection)) if rejection.fields.is_empty() => {
            (rejection.status, Vec::new(), Some(rejection.detail.clone()))
        }
        Some(Error::Rejection(rejection)) => (rejection.status, rejection.fields.into_iter().collect(), None),
        Some(other) => return Err(other),
    };
    let markup = view(&Model { site: &site, step, problems, refused });
    Ok((status, Html(markup.into_string())).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(within_shop("/checkout?x=1"), "/checkout?x=1");
        for to in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a b", "/a\r\nb", "javascript:x"] {
            assert_eq!(within_shop(to), "/account", "{to}");
        }
    }
}
