//! The Worker. Entry points only: a request, the clock, and the objects' classes.

mod catalogue;
mod checkout;
mod context;
mod durable;
mod edge_cache;
mod error;
mod events;
mod extract;
mod jobs;
mod log;
mod origin_client;
pub mod pages;
mod router;
mod routes;
mod search_shell;
mod session;
mod signed;
mod site;

use worker::{Env, Request, Response, ScheduleContext, ScheduledEvent, event};

/// One request, from Cloudflare's hands to the router and back.
#[event(fetch, respond_with_errors)]
async fn fetch(request: Request, env: Env, worker: worker::Context) -> worker::Result<Response> {
    router::answer(request, env, worker).await
}

/// Every hour.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    jobs::hourly(&env).await;
}
