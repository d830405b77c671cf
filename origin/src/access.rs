//! The one way to a gateway. Gateways that open their API with short-lived tokens get one here: kept until shortly before it
//! expires, shared by all who ask at the same time, and replaced once when the gateway refuses it before that.

use domain::payment::Observation;
use domain::time::{Millis, Timestamp};
use domain::wire::GatewayName;
use tokio::sync::Mutex;

use crate::App;
use crate::gateway::{AccessToken, Auth, Gateway, GatewayError, Request, Response, Verify};

/// A token is replaced this long before it expires: longer than a request that carries it may take.
const RENEW_BEFORE: Millis = Millis::seconds(30);
/// Who waited for a token that could not be had does not ask for one at once: all of them would wait in line for the same error.
const FAILURE_LENGTH: Millis = Millis::seconds(1);

/// The tokens that are kept, one place for each gateway.
#[derive(Debug, Default)]
pub struct Tokens([Mutex<Kept>; GatewayName::ALL.len()]);

#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    Token(AccessToken),
    Failure {
        error: GatewayError,
        at: Timestamp,
    },
}

/// A token, and whether it was kept from before.
struct Opened {
    token: AccessToken,
    kept: bool,
}

/// Sends a gateway's request, with a token if it needs one.
pub async fn ask(app: &App, gateway: &Gateway, request: Request) -> Result<Response, GatewayError> {
    if !matches!(request.auth, Auth::Token) {
        return app.transport().ask(request).await;
    }
    let opened = open(app, gateway, None).await?;
    let response = app.transport().ask(request.clone().with_token(&opened.token)).await?;
    if response.status != 401 || !opened.kept {
        return Ok(response);
    }
    tracing::info!(gateway = gateway.name().as_str(), "the gateway refused a token before its time; getting another");
    let renewed = open(app, gateway, Some(&opened.token)).await?;
    app.transport().ask(request.with_token(&renewed.token)).await
}

/// Where a payment stands, from as many questions as its gateway needs for that.
pub async fn observe(app: &App, gateway: &Gateway, payment: Verify<'_>) -> Result<Observation, GatewayError> {
    let response = ask(app, gateway, gateway.verify(payment)?).await?;
    let seen = gateway.read_verified(payment.reference, &response)?;
    match gateway.verify_further(&seen)? {
        None => Ok(seen),
        Some(request) => gateway.read_further(seen, &ask(app, gateway, request).await?),
    }
}

/// A token that works, as far as is known: the kept one, or a new one. `refused` is one that does not.
async fn open(app: &App, gateway: &Gateway, refused: Option<&AccessToken>) -> Result<Opened, GatewayError> {
    let mut kept = app.tokens().0[gateway.name() as usize].lock().await;
    let now = app.now();
    match &*kept {
        Kept::Token(token) if now + RENEW_BEFORE < token.expires_at && !is_same(token, refused) => {
            return Ok(Opened { token: token.clone(), kept: true });
        }
        Kept::Failure { error, at } if now < *at + FAILURE_LENGTH => return Err(error.clone()),
        Kept::Nothing | Kept::Token(_) | Kept::Failure { .. } => {}
    }
    match authenticate(app, gateway, now).await {
        Ok(token) => {
            *kept = Kept::Token(token.clone());
            Ok(Opened { token, kept: false })
        }
        Err(error) => {
            *kept = Kept::Failure { error: error.clone(), at: app.now() };
            Err(error)
        }
    }
}

async fn authenticate(app: &App, gateway: &Gateway, asked_at: Timestamp) -> Result<AccessToken, GatewayError> {
    let request = gateway.authenticate()?;
    let request = request.ok_or(GatewayError::NotOffered("it has no access tokens, but a request waits for one"))?;
    let response = app.transport().ask(request).await?;
    gateway.read_token(&response, asked_at)
}

fn is_same(token: &AccessToken, refused: Option<&AccessToken>) -> bool {
    refused.is_some_and(|refused| refused.secret.reveal() == token.secret.reveal())
}
