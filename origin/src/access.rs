//! The one way to a gateway. Gateways that open their API with short-lived tokens get one here: kept until shortly before it
//! expires, shared by all who ask at the same time, and replaced once when the gateway refuses it before that.

use std::time::Duration;

use domain::payment::Observation;
use domain::time::{Millis, Timestamp};
use domain::wire::GatewayName;
use reqwest::Url;
use tokio::sync::Mutex;

use crate::App;
use crate::gateway::{AccessToken, Auth, Gateway, GatewayError, Initialise, Introduction, Request, Response, Verify};

/// A token is replaced this long before it expires: longer than a request that carries it may take.
const RENEW_BEFORE: Millis = Millis::seconds(30);
/// Who waited for a token that could not be had does not ask for one at once: all of them would wait in line for the same error.
const FAILURE_LENGTH: Millis = Millis::seconds(1);

/// Beginning a payment ends before anybody else may begin the same one ([`crate::place_order`]).
const BEGINNING_MAX: Duration = Duration::from_secs(10);

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

/// Begins a payment: the page on which it is paid. Takes no longer than [`BEGINNING_MAX`], however many questions it takes.
pub async fn initialise(app: &App, gateway: &Gateway, payment: &Initialise<'_>) -> Result<Url, GatewayError> {
    let beginning = async {
        let payer = introduce(app, gateway, payment).await?;
        let payment = Initialise { payer_id: payer.as_deref(), ..*payment };
        let response = ask(app, gateway, gateway.initialise(&payment)?).await?;
        gateway.read_initialised(payment.reference, &response)
    };
    let begun = tokio::time::timeout(BEGINNING_MAX, beginning).await;
    begun.unwrap_or_else(|_| Err(GatewayError::Unavailable("it takes too long to begin a payment".to_owned())))
}

/// The gateway's name of the payer, if it wants to know them first.
async fn introduce(app: &App, gateway: &Gateway, payment: &Initialise<'_>) -> Result<Option<String>, GatewayError> {
    let Some(request) = gateway.introduce(payment)? else { return Ok(None) };
    match gateway.read_introduced(payment, &ask(app, gateway, request).await?)? {
        Introduction::Named(id) => Ok(Some(id)),
        Introduction::KnownAlready(request) => {
            gateway.read_payer(payment, &ask(app, gateway, request).await?).map(Some)
        }
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use http::StatusCode;
    use tokio::task::JoinSet;

    use super::*;
    use crate::Outside;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::transport::{Carried, Carrier, Transport};

    /// A Monnify that knows of no payment, and takes the latest token only.
    #[derive(Debug, Default)]
    struct FakeMonnify {
        logins: AtomicU32,
        is_down: AtomicBool,
        /// Takes no token at all.
        refuses: AtomicBool,
    }

    impl FakeMonnify {
        fn logins(&self) -> u32 {
            self.logins.load(Ordering::Relaxed)
        }

        fn answer(&self, request: &http::Request<Vec<u8>>) -> (StatusCode, String) {
            if request.uri().path() == "/api/v1/auth/login" {
                assert_eq!(request.headers()["authorization"], "Basic TUtfVEVTVDpzZWNyZXQ=");
                let number = self.logins.fetch_add(1, Ordering::Relaxed) + 1;
                if self.is_down.load(Ordering::Relaxed) {
                    return (StatusCode::SERVICE_UNAVAILABLE, String::new());
                }
                let token = format!(r#"{{"accessToken":"token-{number}","expiresIn":600}}"#);
                return (StatusCode::OK, format!(r#"{{"requestSuccessful":true,"responseBody":{token}}}"#));
            }
            let right = format!("Bearer token-{}", self.logins());
            if self.refuses.load(Ordering::Relaxed) || request.headers()["authorization"] != right {
                return (StatusCode::UNAUTHORIZED, r#"{"requestSuccessful":false}"#.to_owned());
            }
            (StatusCode::NOT_FOUND, r#"{"requestSuccessful":false,"responseMessage":"unknown"}"#.to_owned())
        }
    }

    impl Carrier for FakeMonnify {
        fn carry(&self, request: http::Request<Vec<u8>>) -> Carried<'_> {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                let (status, body) = self.answer(&request);
                let response = http::Response::builder().status(status).body(body.into_bytes());
                response.map_err(|error| error.to_string())
            })
        }
    }

    struct Scene {
        app: App,
        clock: Clock,
        monnify: Arc<FakeMonnify>,
        _folder: tempfile::TempDir,
    }

    impl Scene {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = format!("sqlite:{}/origin.sqlite?mode=rwc", folder.path().display());
            let config = Config::read(|name| match name {
                "EDGE_ORIGIN_KEYS" => Some("a:0123456789abcdef0123456789abcdef".to_owned()),
                "DATABASE_URL" => Some(database.clone()),
                "MONNIFY_API_KEY" => Some("MK_TEST".to_owned()),
                "MONNIFY_SECRET_KEY" => Some("secret".to_owned()),
                "MONNIFY_CONTRACT_CODE" => Some("1".to_owned()),
                _ => None,
            });
            let (clock, monnify) = (Clock::standing_at(Timestamp(1_790_000_000_000)), Arc::<FakeMonnify>::default());
            let transport = Transport::simulated(monnify.clone());
            let outside = Outside { clock: clock.clone(), transport, chance: || 0 };
            let app = App::over(outside, config.unwrap()).await.unwrap();
            Self { app, clock, monnify, _folder: folder }
        }

        async fn ask(&self) -> Result<Observation, GatewayError> {
            let gateway = self.app.gateway(GatewayName::Monnify).unwrap();
            self.app.observe(gateway, Verify { reference: "ref-1", page: None }).await
        }

        /// How many of `count` at once got an answer.
        async fn ask_at_once(&self, count: u32) -> usize {
            let mut asking = JoinSet::new();
            for _ in 0..count {
                let app = self.app.clone();
                asking.spawn(async move {
                    let gateway = app.gateway(GatewayName::Monnify).unwrap();
                    app.observe(gateway, Verify { reference: "ref-1", page: None }).await.is_ok()
                });
            }
            asking.join_all().await.into_iter().filter(|answered| *answered).count()
        }
    }

    #[tokio::test]
    async fn all_who_ask_at_once_share_one_token() {
        let scene = Scene::new().await;
        assert_eq!(scene.ask_at_once(8).await, 8);
        assert_eq!(scene.monnify.logins(), 1);
    }

    #[tokio::test]
    async fn a_token_is_replaced_shortly_before_it_expires() {
        let scene = Scene::new().await;
        scene.ask().await.unwrap();
        scene.clock.advance(Millis::seconds(569));
        scene.ask().await.unwrap();
        assert_eq!(scene.monnify.logins(), 1);
        scene.clock.advance(Millis::seconds(1));
        scene.ask().await.unwrap();
        assert_eq!(scene.monnify.logins(), 2);
    }

    #[tokio::test]
    async fn a_token_that_is_refused_before_its_time_is_replaced_once() {
        let scene = Scene::new().await;
        scene.ask().await.unwrap();
        // Somebody else signed in: the gateway takes the newer token only.
        scene.monnify.logins.fetch_add(1, Ordering::Relaxed);
        assert_eq!(scene.ask_at_once(8).await, 8);
        assert_eq!(scene.monnify.logins(), 3);
        scene.monnify.refuses.store(true, Ordering::Relaxed);
        assert!(matches!(scene.ask().await, Err(GatewayError::Unauthorised(_))));
        assert_eq!(scene.monnify.logins(), 4, "a new token that is refused as well is not replaced again");
    }

    #[tokio::test]
    async fn those_who_wait_for_a_token_in_vain_do_not_try_one_after_the_other() {
        let scene = Scene::new().await;
        scene.monnify.is_down.store(true, Ordering::Relaxed);
        assert_eq!(scene.ask_at_once(8).await, 0);
        assert_eq!(scene.monnify.logins(), 1);
        scene.monnify.is_down.store(false, Ordering::Relaxed);
        scene.clock.advance(FAILURE_LENGTH);
        scene.ask().await.unwrap();
        assert_eq!(scene.monnify.logins(), 2);
    }
}
