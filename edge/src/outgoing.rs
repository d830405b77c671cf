//! Requests to the outside, which may take only so long.

use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{AbortController, Delay, Fetch, Request};

use crate::error::Error;

/// Sends `request`; its answer's status and text, or a fault of `part` when none came in time.
pub(crate) async fn send(part: &'static str, request: Request, timeout_ms: u64) -> Result<(u16, String), Error> {
    let fault = |error: worker::Error| Error::fault(part, error);
    let abort = AbortController::default();
    let signal = abort.signal();
    let answer = async {
        let mut response = Fetch::Request(request).send_with_signal(&signal).await.map_err(fault)?;
        let text = response.text().await.map_err(fault)?;
        Ok::<_, Error>((response.status_code(), text))
    };
    futures_util::pin_mut!(answer);
    match select(answer, Delay::from(Duration::from_millis(timeout_ms))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => {
            abort.abort();
            Err(Error::fault(part, format!("no answer within {timeout_ms} ms")))
        }
    }
}
