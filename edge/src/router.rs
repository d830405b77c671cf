//! The whole route table, and what happens to every request round it: its id, its time, its limits, its security headers.

use axum::Router;
use axum::body::Body;
use axum::body::HttpBody;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use axum::routing::{delete, get, patch, post, put};
use domain::wire;
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use tower_service::Service;
use worker::{Env, Headers, HttpRequest, Response, WebSocket};

use crate::context::Context;
use crate::error::{Error, Unanswered};
use crate::routes::{
    account, api, cart, checkout, health, home, index_files, internal, internal_orders, internal_pricing,
    internal_sales, internal_search, internal_stock, listing, live, measure, measure_stock, order, pictures, product,
    sale, search, sign_in,
};
use crate::signed;

/// Largest body of a form or an API call.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What is read of a larger one, and thrown away, before it is refused.
const DRAINED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything that comes from ourselves, and nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; \
     base-uri 'none'; form-action 'self' https: http://127.0.0.1:* http://localhost:*; frame-ancestors 'none'";

thread_local! {
    /// Built once an isolate.
    static ROUTES: Router = routes();
}

fn routes() -> Router {
    let signed_body = DefaultBodyLimit::max(signed::BODY_BYTES_MAX);
    let internal = Router::new()
        .route(wire::EDGE_EVENTS, post(internal::event))
        .route(wire::EDGE_IMPORT_PRODUCTS, post(internal::import_products))
        .route(wire::EDGE_IMPORT_FINISH, post(internal::import_finish))
        .route(wire::EDGE_PICTURES_MISSING, post(internal::pictures_missing))
        .route("/internal/pictures/{key}/{file}", put(internal::picture))
        .route(wire::EDGE_CATALOGUE, get(internal::catalogue))
        .route("/internal/index/{version}/{file}", put(index_files::put))
        .route("/internal/index/{version}/{file}/upload", post(index_files::begin))
        .route("/internal/index/{version}/{file}/complete", post(index_files::complete))
        .route("/internal/stock/{sku}", get(internal_stock::report).post(internal_stock::move_by_hand))
        .route(wire::EDGE_SALES, get(internal_sales::list).post(internal_sales::set))
        .route("/internal/sales/{slug}", get(internal_sales::report))
        .route("/internal/sales/{slug}/cancel", post(internal_sales::cancel))
        .route(wire::EDGE_PRICING, get(internal_pricing::show).put(internal_pricing::set))
        .route("/internal/orders/{id}", get(internal_orders::relay))
        .route("/internal/orders/{id}/refunds", post(internal_orders::relay))
        .route("/internal/orders/{id}/refunds/{refund}/{what}", post(internal_orders::relay))
        .route(wire::ORIGIN_TROUBLES, get(internal_orders::relay))
        .route("/internal/outbox/{id}/resend", post(internal_orders::relay))
        .route(wire::ORIGIN_RESTATE, post(internal_orders::relay))
        .route(wire::ORIGIN_LEDGER, get(internal_orders::relay))
        .route(wire::ORIGIN_STATEMENT, get(internal_orders::relay))
        .route(wire::ORIGIN_JOURNAL, get(internal_orders::relay))
        .route(wire::ORIGIN_PAYOUTS, get(internal_orders::relay).post(internal_orders::relay))
        .route("/internal/payouts/{id}", get(internal_orders::relay))
        .route("/internal/payouts/{id}/{what}", post(internal_orders::relay))
        .route(wire::ORIGIN_PAYOUT_FILE, get(internal_orders::relay))
        .route(wire::ORIGIN_BANK_ACCOUNTS, get(internal_orders::relay).post(internal_orders::relay))
        .route(wire::EDGE_INDEX_PUBLISH, post(internal_search::index_publish))
        .route(wire::EDGE_INDEX_SYNONYMS, put(internal_search::synonyms))
        .route(wire::EDGE_INDEX, get(internal_search::index_status))
        .route(wire::EDGE_QUERIES, get(internal_search::queries))
        .route(wire::EDGE_MEASURE, post(measure::searches))
        .route(wire::EDGE_MEASURE_STOCK, post(measure_stock::reservations))
        .layer(signed_body);
    let api = Router::new()
        .route("/api/openapi.json", get(api::openapi))
        .route("/api/v1/products/{slug}", get(api::product))
        .route("/api/v1/search", get(api::search))
        .route("/api/v1/carts", post(api::cart_create))
        .route("/api/v1/carts/{id}", get(api::cart_read))
        .route("/api/v1/carts/{id}/lines", post(api::line_add))
        .route("/api/v1/carts/{id}/lines/{sku}", patch(api::line_set))
        .route("/api/v1/carts/{id}/lines/{sku}", delete(api::line_remove))
        .route("/api/v1/carts/{id}/saved", post(api::line_save))
        .route("/api/v1/carts/{id}/saved/{sku}", delete(api::saved_remove))
        .route("/api/v1/carts/{id}/saved/{sku}/put-back", post(api::saved_put_back))
        .route("/api/v1/carts/{id}/accept-prices", post(api::prices_accept))
        .route("/api/v1/carts/{id}/give-up", post(api::checkout_give_up))
        .route("/api/v1/carts/{id}/coupon", post(api::coupon_set).delete(api::coupon_remove))
        .route("/api/v1/carts/{id}/merge", post(api::cart_merge))
        .route("/api/v1/checkouts", post(api::checkout))
        .route("/api/v1/gateways", get(api::gateways))
        .route("/api/v1/orders/{id}", get(api::order))
        .route("/api/v1/orders/{id}/payments", post(api::order_pay))
        .route("/api/v1/orders/{id}/cancel", post(api::order_cancel))
        .route("/api/v1/sessions", post(api::accounts::sign_in))
        .route(
            "/api/v1/account",
            get(api::accounts::account).patch(api::accounts::rename).delete(api::accounts::delete),
        )
        .route("/api/v1/account/links", post(api::accounts::link))
        .route("/api/v1/account/password", post(api::accounts::choose_password).patch(api::accounts::change_password))
        .route("/api/v1/account/email", post(api::accounts::ask_to_move))
        .route("/api/v1/account/email/confirm", post(api::accounts::move_to))
        .route("/api/v1/account/orders", get(api::accounts::orders))
        .route("/api/v1/account/data", get(api::accounts::data))
        .route("/api/v1/account/sessions", get(api::accounts::sessions))
        .route("/api/v1/account/sessions/{id}", delete(api::accounts::end_session))
        .route("/api/v1/sales", get(api::sale_list))
        .route("/api/v1/sales/{slug}", get(api::sale))
        .route("/api/v1/sales/{slug}/join", post(api::sale_join))
        .route("/api/v1/sales/{slug}/confirm", post(api::sale_confirm))
        .route("/api/v1/sales/{slug}/standing", get(api::sale_standing))
        .route("/api/v1/sales/{slug}/draw", get(api::sale_draw))
        .route("/api/v1/sales/{slug}/draw/people", get(api::sale_people));
    let shop = Router::new()
        .route("/", get(home::home))
        .route("/c/{*path}", get(listing::category))
        .route("/search", get(search::results))
        .route("/search/live", get(search::live))
        .route("/p/{slug}", get(product::product))
        .route("/p/{slug}/live", get(live::stock))
        .route("/pictures/{key}/{file}", get(pictures::picture))
        .route("/cart", get(cart::cart))
        .route("/cart/count", get(cart::count))
        .route("/cart/lines", post(cart::add))
        .route("/cart/lines/quantity", post(cart::set))
        .route("/cart/lines/remove", post(cart::remove))
        .route("/cart/lines/save", post(cart::save))
        .route("/cart/saved/remove", post(cart::remove_saved))
        .route("/cart/saved/put-back", post(cart::put_back))
        .route("/cart/prices", post(cart::accept_prices))
        .route("/cart/coupon", post(cart::coupon))
        .route("/cart/open/{link}", get(cart::open_form).post(cart::open))
        .route("/cart/give-up", post(cart::give_up))
        .route("/checkout", get(checkout::form).post(checkout::place))
        .route("/checkout/review", get(checkout::review_again).post(checkout::review))
        .route("/checkout/return/{checkout_id}/{token}", get(checkout::back))
        .route("/orders/{id}", get(order::order))
        .route("/orders/{id}/status", get(order::status))
        .route("/orders/{id}/pay", post(order::pay))
        .route("/orders/{id}/cancel", post(order::cancel))
        .route("/sale/{slug}", get(sale::sale))
        .route("/sale/{slug}/join", post(sale::join))
        .route("/sale/{slug}/confirm", post(sale::confirm))
        .route("/sale/{slug}/draw", get(sale::drawn))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(account::sign_out))
        .route("/account", get(account::orders))
        .route("/account/start", get(sign_in::start_form).post(sign_in::start))
        .route("/account/password/{link}", get(sign_in::choose_form).post(sign_in::choose))
        .route("/account/settings", get(account::settings))
        .route("/account/name", post(account::rename))
        .route("/account/password", post(account::change_password))
        .route("/account/email", post(account::ask_to_move))
        .route("/account/email/{link}", get(account::move_form).post(account::move_here))
        .route("/account/devices/end", post(account::end_device))
        .route("/account/data.json", get(account::export))
        .route("/account/delete", post(account::delete))
        .route("/healthz", get(health::health));
    shop.merge(api)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .merge(internal)
        .fallback(async || Error::not_found("page"))
        .method_not_allowed_fallback(async || {
            Error::rejection(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "That cannot be done here",
                "This address takes other methods.",
            )
        })
}

/// Answers one request.
pub(crate) async fn answer(mut request: HttpRequest, env: Env, worker: worker::Context) -> worker::Result<Response> {
    let request_id = request.headers().get(wire::HEADER_REQUEST_ID).and_then(|id| id.to_str().ok());
    let context = Context::new(env, worker, request_id, request.uri());
    let is_head = request.method() == Method::HEAD;
    let path = request.uri().path().to_owned();
    request.extensions_mut().insert(context.clone());

    let response = match read_whole(request).await {
        Ok(request) => match ROUTES.with(Clone::clone).call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => error.into_response(),
    };
    let mut response = match response.extensions().get::<Unanswered>() {
        Some(Unanswered(error)) => error.answer(&context, is_for_people(&path)),
        None => response,
    };
    finish(&context, &path, &mut response);
    into_worker(response, is_head).await
}

/// Reads a body to its end before anything is decided, also where nobody asks for it: a server that answers without reading closes the
/// connection, and whoever shares it (a proxy in front of us) sees its next request fail.
async fn read_whole(request: http::Request<worker::Body>) -> Result<http::Request<Body>, Error> {
    let (parts, body) = request.into_parts();
    // The operator's tools send files; their handlers read them whole, within a limit of their own.
    if body.is_end_stream() || parts.uri.path().starts_with("/internal/") {
        return Ok(http::Request::from_parts(parts, Body::new(body)));
    }
    let mut body = body;
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::bad_request("invalid_body", error))?;
        let data = frame.into_data().unwrap_or_default();
        length += data.len();
        if length > DRAINED_BYTES_MAX {
            break;
        }
        if length <= BODY_BYTES_MAX {
            kept.extend_from_slice(&data);
        }
    }
    if length > BODY_BYTES_MAX {
        return Err(Error::rejection(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "That is too much at once",
            format!("Send at most {} kB.", BODY_BYTES_MAX / 1024),
        ));
    }
    Ok(http::Request::from_parts(parts, Body::from(kept)))
}

/// Programs get problem+json, people get a page.
fn is_for_people(path: &str) -> bool {
    !["/api/", "/internal/", "/pictures/", "/healthz"].iter().any(|prefix| path.starts_with(prefix))
}

fn finish(context: &Context, path: &str, response: &mut http::Response<Body>) {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(HeaderName::from_static(wire::HEADER_REQUEST_ID), context.request_id());
    set(HeaderName::from_static("server-timing"), &context.server_timing());
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Orders' addresses carry a token: no other site may learn them.
    set(header::REFERRER_POLICY, "same-origin");
    if is_for_people(path) {
        set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
        set(HeaderName::from_static("speculation-rules"), "\"/assets/speculation-rules.json\"");
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        // What nobody said may be kept is personal or fresh.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Bodies are complete when they get here, so they go out in one piece instead of as a stream.
async fn into_worker(mut response: http::Response<Body>, is_head: bool) -> worker::Result<Response> {
    let socket = response.extensions_mut().remove::<WebSocket>();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|error| worker::Error::RustError(error.to_string()))?.to_bytes();
    let headers = Headers::new();
    for (name, value) in &parts.headers {
        if let Ok(text) = value.to_str() {
            headers.append(name.as_str(), text)?;
        }
    }
    let is_upgrade = socket.is_some();
    let answer = match socket {
        Some(socket) => Response::from_websocket(socket)?,
        None if is_head || bytes.is_empty() => Response::empty()?,
        None => Response::builder().fixed(bytes.into()),
    };
    let answer = answer.with_headers(headers);
    let answer = if is_upgrade { answer } else { answer.with_status(parts.status.as_u16()) };
    Ok(answer)
}
