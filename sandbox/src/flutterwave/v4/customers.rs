//! Customers of Flutterwave's fourth interface: a shop introduces them by e-mail, each once.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Page, page, read, shape, success};
use crate::App;
use crate::beginning::read_email;
use crate::journal::Customer;

#[derive(Debug, Deserialize)]
struct Body {
    email: Option<String>,
}

pub(super) async fn create(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let email = email(body)?;
    let now = app.now();
    let customer = Customer { id: format!("cus_{}", shape::word(&email)), email };
    app.with_book(|book| {
        if book.customers().any(|one| one.email == customer.email) {
            return Err(Refusal::new("RESOURCE_CONFLICT", "10409", "Customer already exists"));
        }
        Ok(book.add_customer(customer.clone(), now)?)
    })?;
    Ok((StatusCode::CREATED, Json(success("Customer created", &told(&customer)))))
}

pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let customer = find(&app, &id).ok_or_else(|| Refusal::new("RESOURCE_NOT_FOUND", "10404", "Customer not found"))?;
    Ok(Json(success("Customer fetched", &told(&customer))))
}

#[derive(Debug, Deserialize)]
pub(super) struct Of {
    email: Option<String>,
    #[serde(flatten)]
    page: Part,
}

/// As [`Page`], whose numbers come as text when they are flattened into a query.
#[derive(Debug, Deserialize)]
struct Part {
    page: Option<String>,
    size: Option<String>,
}

impl Part {
    fn read(&self) -> Page {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        Page { page: number(&self.page), size: number(&self.size) }
    }
}

pub(super) async fn list(State(app): State<App>, Query(of): Query<Of>) -> Json<Value> {
    page("Customers fetched", named(&app, of.email.as_deref()), &of.page.read())
}

pub(super) async fn search(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let email = email(body)?;
    Ok(page("Customers fetched", named(&app, Some(&email)), &Page::default()))
}

fn email(body: Result<Bytes, BytesRejection>) -> Result<String, Refusal> {
    let body: Body = read(&body.map_err(|refused| Refusal::invalid("body", refused.body_text()))?)?;
    read_email(body.email.as_deref()).ok_or_else(|| Refusal::invalid("email", "must be a well-formed email address"))
}

fn named(app: &App, email: Option<&str>) -> Vec<Value> {
    app.with_book(|book| {
        book.customers().filter(|customer| email.is_none_or(|email| customer.email == email)).map(told).collect()
    })
}

/// The customer of that id.
pub(super) fn find(app: &App, id: &str) -> Option<Customer> {
    app.with_book(|book| book.customers().find(|customer| customer.id == id).cloned())
}

fn told(customer: &Customer) -> Value {
    json!({"id": customer.id, "email": customer.email, "name": null, "phone": null, "address": null, "meta": {}})
}
