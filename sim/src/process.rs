//! The origin as a process that may die: the real one, over a real file, with a simulated network and clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use domain::signature::Keyring;
use http::StatusCode;
use http_body_util::BodyExt;
use origin::clock::Clock;
use origin::config::Config;
use origin::gateway::Gateway;
use origin::gateway::paystack::Paystack;
use origin::store::Database;
use origin::transport::Transport;
use origin::{App, Outside, http::router};
use sqlx::sqlite::SqliteConnectOptions;
use tower::ServiceExt;

use crate::Finding;
use crate::gateway::SECRET;
use crate::network::{EDGE_URL, GATEWAY_URL, Network};

/// The origin, running.
pub(crate) struct Process {
    app: App,
    router: Router,
    network: Arc<Network>,
    setting: Setting,
}

/// What a start needs.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) database: PathBuf,
    pub(crate) keys: Keyring,
    pub(crate) clock: Clock,
}

impl Process {
    pub(crate) async fn start(setting: Setting, network: Arc<Network>) -> anyhow::Result<Self> {
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database: Database::Sqlite(SqliteConnectOptions::new().filename(&setting.database).create_if_missing(true)),
            edge_url: EDGE_URL.parse()?,
            keys: setting.keys.clone(),
            gateways: vec![Gateway::Paystack(Paystack::new(GATEWAY_URL.parse()?, SECRET.to_owned()))],
            bank_details: Default::default(),
            commissions: "*=1250".parse().map_err(anyhow::Error::msg)?,
            metrics_token: None,
            reconcile_interval: Duration::from_secs(2),
            reconcile_after: Duration::from_secs(10),
        };
        let outside = Outside {
            clock: setting.clock.clone(),
            transport: Transport::simulated(network.clone()),
            chance: || u32::MAX / 2,
        };
        let app = App::over(outside, config).await?;
        app.resume().await?;
        Ok(Self { router: router(app.clone()), app, network, setting })
    }

    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    /// It dies, and comes back with what is in its file.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        *self = Self::start(self.setting.clone(), self.network.clone()).await?;
        Ok(())
    }

    /// Lets it work; `None` when it died of it, and came back.
    pub(crate) async fn work<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
        let network = self.network.clone();
        let done = tokio::select! {
            biased;
            done = work => Some(done),
            () = network.died.notified() => None,
        };
        if done.is_none() {
            self.restart().await?;
        }
        Ok(done)
    }

    /// Its answer to a request; `None` when it died of it.
    pub(crate) async fn answer(
        &mut self,
        request: http::Request<Vec<u8>>,
    ) -> anyhow::Result<Option<(StatusCode, Vec<u8>)>> {
        let router = self.router.clone();
        let answer = async move {
            let response = router.oneshot(request.map(Body::from)).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes().to_vec();
            anyhow::Ok((status, body))
        };
        let Some(answer) = self.work(answer).await? else { return Ok(None) };
        let (status, body) = answer?;
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return Err(Finding::new("ANSWER", "the origin answered 500").into());
        }
        Ok(Some((status, body)))
    }
}
