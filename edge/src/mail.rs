//! E-mail that the shop sends: handed in over HTTP at the setting `MAIL_URL`, as JSON. Nothing else knows how mail goes out.

use http::StatusCode;
use serde::Serialize;
use worker::wasm_bindgen::JsValue;
use worker::{Method, Request, RequestInit};

use crate::context::Context;
use crate::error::Error;
use crate::{log, outgoing};

/// How long handing it in may take: somebody waits for it.
const TIMEOUT_MS: u64 = 8_000;

/// One e-mail.
#[derive(Debug)]
pub(crate) struct Mail<'a> {
    pub(crate) to: &'a str,
    pub(crate) subject: String,
    pub(crate) text: String,
}

#[derive(Serialize)]
struct Body<'a> {
    from: &'a str,
    to: &'a str,
    subject: &'a str,
    text: &'a str,
}

/// Hands it in. A failure is told to whoever waits for it, and to the log without an address.
pub(crate) async fn send(context: &Context, mail: &Mail<'_>) -> Result<(), Error> {
    let url = context.var("MAIL_URL")?;
    if url.is_empty() {
        return Err(unavailable("This shop has not been told how to send e-mail yet."));
    }
    let body = Body { from: &context.var("MAIL_FROM")?, to: mail.to, subject: &mail.subject, text: &mail.text };
    let mut init = RequestInit::new();
    init.headers.set("content-type", "application/json")?;
    if let Some(key) = context.secret("MAIL_KEY") {
        init.headers.set("authorization", &format!("Bearer {key}"))?;
    }
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&serde_json::to_string(&body)?)));
    let request = Request::new_with_init(&url, &init)?;
    match outgoing::send("mail", request, TIMEOUT_MS).await {
        Ok((200..=299, _)) => Ok(()),
        Ok((status, _)) => {
            log::warn("mail", format!("refused with {status}"));
            Err(unavailable("The e-mail could not be sent. Check the address, and try again in a minute."))
        }
        Err(error) => {
            log::warn("mail", format!("{error:?}"));
            Err(unavailable("The e-mail could not be sent. Try again in a minute."))
        }
    }
}

fn unavailable(detail: &str) -> Error {
    Error::rejection(StatusCode::SERVICE_UNAVAILABLE, "mail_unavailable", "E-mail cannot be sent now", detail)
}
