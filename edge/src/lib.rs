//! The Worker. Entry points only: a request, the clock, and the objects' classes.

mod accounts;
mod askers;
mod asking;
mod carrier;
mod carts;
mod catalogue;
mod checkout;
mod context;
mod durable;
mod edge_cache;
mod error;
mod events;
mod extract;
mod gateways;
mod hot_answers;
mod index_open;
mod index_store;
mod jobs;
mod limit;
mod log;
mod mail;
mod origin_client;
mod outgoing;
pub mod pages;
mod pricing;
mod queries;
mod router;
mod routes;
mod sales;
mod search_shell;
mod session;
mod signed;
mod site;
mod synonyms;

use worker::{Env, HttpRequest, Response, ScheduleContext, ScheduledEvent, event};

/// One request, from Cloudflare's hands to the router and back.
#[event(fetch, respond_with_errors)]
async fn fetch(request: HttpRequest, env: Env, worker: worker::Context) -> worker::Result<Response> {
    router::answer(request, env, worker).await
}

/// Every minute, and every hour.
#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _: ScheduleContext) {
    jobs::run(&event.cron(), &env).await;
}
