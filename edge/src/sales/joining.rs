//! How somebody joins a sale: an address, a code and a link that go there, and the place that whoever brings one of them back gets.

use domain::admission::{self, CodeRefusal, Pass, Rejection};
use domain::checkout::email_problem;
use domain::ids::{CartId, PersonId};
use http::{HeaderMap, StatusCode};

use super::Known;
use crate::context::Context;
use crate::durable::client::{self, AdmissionAsk, AdmissionRefusal};
use crate::error::{Error, sentence};
use crate::limit;
use crate::mail::{self, Mail};

/// Limits how often one network address may ask for codes and try them.
const JOIN_LIMIT: &str = "JOIN_LIMIT";

/// What is wrong with a link.
pub(crate) const BAD_LINK: &str = "This link is too old, or a part of it is missing. Have another code sent.";

/// A code is on its way.
#[derive(Debug)]
pub(crate) struct SentCode {
    /// The address as it was typed, without white space around it.
    pub(crate) email: String,
}

/// Sends a code to an address.
pub(crate) async fn send_code(
    context: &Context,
    known: &Known,
    headers: &HeaderMap,
    email: &str,
) -> Result<SentCode, Error> {
    let email = checked(email)?;
    within_limit(context, headers).await?;
    let person_id = known.person(&email);
    let ask = AdmissionAsk::SendCode { person_id };
    client::admission(context, known.sale.id(), &ask).await?.map_err(refused)?;
    let (keys, now) = (context.keyring("SHOPPER_KEYS")?, context.now());
    let code = admission::code(&keys, person_id, now);
    let key = admission::link_key(&keys, known.sale.id(), person_id, now);
    let sale = &known.sale;
    let text = format!(
        "Your code for {title} is\n\n    {code}\n\nType it on the page that asked for it, or open this link where you want to buy:\n\n    \
         {shop}/sale/{slug}?key={key}\n\nThe code is good for 15 minutes, the link for half an hour. Nobody who works for the shop will \
         ever ask you for them. If you did not ask for a code, somebody mistyped their address: there is nothing to do.\n",
        title = sale.title,
        slug = sale.slug,
        shop = context.shop_url(),
    );
    let subject = format!("{code} is your code for {}", sale.title);
    mail::send(context, &Mail { to: &email, subject, text }).await?;
    Ok(SentCode { email })
}

/// How somebody shows that they read an address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// By the code that went there.
    Code {
        /// the address
        email: &'a str,
        /// as it was typed
        code: &'a str,
    },
    /// By the key in the link that went there.
    Link(&'a str),
}

/// Whose link had this key, if it is still good.
pub(crate) fn person_of_link(context: &Context, known: &Known, key: &str) -> Result<Option<PersonId>, Error> {
    Ok(admission::person_of_link_key(&context.keyring("SHOPPER_KEYS")?, known.sale.id(), key, context.now()))
}

/// Gives the place of whoever reads that address: the same one, however often.
pub(crate) async fn confirm(
    context: &Context,
    known: &Known,
    headers: &HeaderMap,
    cart_id: CartId,
    proof: Proof<'_>,
) -> Result<Pass, Error> {
    within_limit(context, headers).await?;
    if known.sale.is_cancelled {
        // Whatever is brought back, and however old it is.
        return Err(refused(AdmissionRefusal::Queue(Rejection::Cancelled)));
    }
    let ask = match proof {
        Proof::Code { email, code } => {
            let person_id = known.person(&checked(email)?);
            let is_right = admission::is_code(&context.keyring("SHOPPER_KEYS")?, person_id, code, context.now());
            AdmissionAsk::TakeCode { person_id, is_right }
        }
        Proof::Link(key) => {
            AdmissionAsk::Join { person_id: person_of_link(context, known, key)?.ok_or_else(bad_link)? }
        }
    };
    let answer = client::admission(context, known.sale.id(), &ask).await?.map_err(refused)?;
    let ticket = answer.ticket.ok_or_else(|| Error::bug("somebody joined a sale and has no place"))?;
    Ok(Pass { ticket, cart_id })
}

fn bad_link() -> Error {
    Error::rejection(StatusCode::FORBIDDEN, "link_invalid", "This link is not good any more", BAD_LINK)
}

fn checked(email: &str) -> Result<String, Error> {
    let email = email.trim();
    match email_problem(email) {
        Some(problem) => Err(Error::invalid_fields([("email".to_owned(), problem.to_owned())].into())),
        None => Ok(email.to_owned()),
    }
}

async fn within_limit(context: &Context, headers: &HeaderMap) -> Result<(), Error> {
    // What one person may do is counted by the object.
    if limit::is_within(context, headers, JOIN_LIMIT).await {
        return Ok(());
    }
    Err(Error::rejection(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many at once",
        "Many people join from where you are. Nobody loses anything by joining a minute later: the order is drawn.",
    ))
}

/// What a queue's refusal means over HTTP.
pub(crate) fn refused(refusal: AdmissionRefusal) -> Error {
    match refusal {
        AdmissionRefusal::Queue(rejection) => queue_refused(&rejection),
        AdmissionRefusal::Code(refusal) => code_refused(refusal),
    }
}

fn queue_refused(rejection: &Rejection) -> Error {
    let (status, code, title) = match rejection {
        Rejection::NoSale => (StatusCode::NOT_FOUND, "not_found", "Not found"),
        Rejection::NotOpenYet { .. } => (StatusCode::CONFLICT, "sale_not_open", "The queue opens later"),
        Rejection::Over => (StatusCode::GONE, "sale_over", "The sale is over"),
        Rejection::Cancelled => (StatusCode::GONE, "sale_cancelled", "The sale was cancelled"),
        Rejection::Forgotten => (StatusCode::GONE, "list_deleted", "The list is deleted"),
        Rejection::TermsAreSet => (StatusCode::CONFLICT, "sale_terms_set", "The sale stays as it is"),
        Rejection::ImpossibleTerms => (StatusCode::UNPROCESSABLE_ENTITY, "sale_terms_impossible", "These are no terms"),
    };
    Error::rejection(status, code, title, sentence(rejection))
}

fn code_refused(refusal: CodeRefusal) -> Error {
    let (status, code, title) = match refusal {
        CodeRefusal::TooSoon { .. } => (StatusCode::TOO_MANY_REQUESTS, "code_too_soon", "A code is on its way"),
        CodeRefusal::TooManySent { .. } | CodeRefusal::TooManyWrong { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, "code_too_many", "Too many tries")
        }
        CodeRefusal::Wrong { .. } => (StatusCode::FORBIDDEN, "code_wrong", "That is not the code"),
    };
    Error::rejection(status, code, title, sentence(refusal))
}
