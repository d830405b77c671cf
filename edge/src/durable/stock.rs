//! One product's stock: all its variants. The shell round [`domain::stock`].
//!
//! Takes its opening balance from D1 when it is first touched, wakes to expire reservations, tells open pages of every change
//! over hibernating sockets, and keeps D1's projection near the truth: a change marks it *unpublished* in the same transaction,
//! and only a successful write to D1 clears the mark, at once or by alarm.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use domain::ids::{ProductId, Sku};
use domain::stock::{Command, Level, Memory, Past, Rejection, Shelf};
use domain::time::{Millis, Timestamp, alarm_to_set};
use domain::wire::{StockLevel, StockReport};
use serde::Deserialize;
use worker::wasm_bindgen::{self, JsValue};
use worker::{
    DurableObject, Env, Request, Response, State, Storage, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    WebSocketRequestResponsePair, durable_object,
};

use super::client::{self, Availability, LIVE_PRODUCT, Levels, StockAnswer, StockAsk, StockCall};
use super::stock_tables::Tables;
use super::{Answer, read, reply};
use crate::context::now;
use crate::pages::card::FEW;

/// How soon a projection that could not be written is tried again.
const PUBLISH_RETRY: Millis = Millis::seconds(5);

/// The Durable Object class of stock.
#[durable_object]
pub struct StockObject {
    shell: Rc<Shell>,
}

struct Shell {
    state: State,
    env: Env,
    /// The shelf, once it was read. `None` while what is in storage and what was decided might differ.
    shelf: RefCell<Option<Shelf>>,
    /// The alarm that is set, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
    /// Whether a write of the projection is under way: changes meanwhile go out with the next one.
    publishing: Cell<bool>,
    /// What D1 was told last, as far as this instance knows.
    published: RefCell<Option<Levels>>,
}

impl DurableObject for StockObject {
    fn new(state: State, env: Env) -> Self {
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        let shell = Shell {
            state,
            env,
            shelf: RefCell::new(None),
            alarm_at: Cell::new(None),
            publishing: Cell::new(false),
            published: RefCell::new(None),
        };
        Self { shell: Rc::new(shell) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let shell = &self.shell;
        if let Some(product_id) = live_product(&request)? {
            shell.open(product_id).await?;
            return shell.accept_socket();
        }
        let StockCall { product_id, ask } = read(&mut request).await?;
        shell.open(product_id).await?;
        let (command, report) = match ask {
            StockAsk::Read => (None, None),
            StockAsk::Do(command) => (Some(command), None),
            StockAsk::Report { before, after } => (after, Some(before)),
        };
        let mut outcome = shell.answer(command.as_ref())?;
        if matches!(outcome, Answer::Rejected(Rejection::UnknownSku { .. })) {
            // The product may have got a variant since it was opened.
            shell.open_from_catalogue(product_id).await?;
            outcome = shell.answer(command.as_ref())?;
        }
        if let (Answer::Done(answer), Some(before)) = (&mut outcome, report) {
            answer.report = Some(shell.report(product_id, before)?);
        }
        Shell::after_change(shell).await?;
        reply(&outcome)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.shell.alarm_at.set(None);
        self.shell.execute(&Command::Expire)?;
        self.shell.publish().await;
        self.shell.set_alarm().await?;
        Response::empty()
    }

    async fn websocket_message(&self, _: WebSocket, _: WebSocketIncomingMessage) -> worker::Result<()> {
        // Pages only listen; `ping` is answered without waking the object.
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, _: String, _: bool) -> worker::Result<()> {
        // 1005 and 1006 stand for "no code" and may not be sent.
        let code = u16::try_from(code).ok().filter(|code| !matches!(code, 1005 | 1006));
        drop(socket.close(code, None::<&str>));
        Ok(())
    }

    async fn websocket_error(&self, _: WebSocket, _: worker::Error) -> worker::Result<()> {
        Ok(())
    }
}

/// The product that a socket is opened for; `None` for ordinary calls.
fn live_product(request: &Request) -> worker::Result<Option<ProductId>> {
    if !request.headers().get("upgrade")?.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Ok(None);
    }
    let url = request.url()?;
    let id = url.query_pairs().find(|(name, _)| name == LIVE_PRODUCT).and_then(|(_, id)| id.parse().ok());
    id.map(Some).ok_or_else(|| worker::Error::RustError("a socket names its product".to_owned()))
}

impl Shell {
    fn storage(&self) -> Storage {
        self.state.storage()
    }

    /// Decides, persists, publishes to open pages. Synchronous, hence one transaction.
    fn execute(&self, command: &Command) -> worker::Result<Answer<(), Rejection>> {
        self.load()?;
        let sql = self.storage().sql();
        let past = self.with_shelf(|shelf| Past::gather(shelf, command, &Tables(&sql)))?;
        let now = now();
        let events = match self.with_shelf(|shelf| Ok(shelf.decide(command, &past, now)))? {
            Ok(events) => events,
            Err(rejection) => return Ok(Answer::Rejected(rejection)),
        };
        if !events.is_empty() {
            // Taken out until storage has it: if persisting fails, the next command reads storage again.
            let mut shelf = self.shelf.borrow_mut().take().unwrap_or_default();
            for event in &events {
                Tables(&sql).persist(&mut shelf, event, now)?;
            }
            self.shelf.replace(Some(shelf));
            self.broadcast()?;
        }
        Ok(Answer::Done(()))
    }

    /// Does what is asked, and says how things are then.
    fn answer(&self, command: Option<&Command>) -> worker::Result<Answer<StockAnswer, Rejection>> {
        if let Some(command) = command
            && let Answer::Rejected(rejection) = self.execute(command)?
        {
            return Ok(Answer::Rejected(rejection));
        }
        let reservation = match command.and_then(Command::checkout_id) {
            Some(checkout_id) => match self.with_shelf(|shelf| Ok(shelf.reservation(checkout_id).cloned()))? {
                Some(held) => Some(held),
                None => Tables(&self.storage().sql()).ended(checkout_id)?,
            },
            None => None,
        };
        self.with_shelf(|shelf| Ok(Answer::Done(StockAnswer { levels: levels(shelf), reservation, report: None })))
    }

    fn report(&self, product_id: ProductId, before: Option<u64>) -> worker::Result<StockReport> {
        let history = Tables(&self.storage().sql()).history(before)?;
        self.with_shelf(|shelf| {
            let level =
                |(sku, level): (&Sku, Level)| StockLevel { sku: sku.clone(), available: level.available(), level };
            Ok(StockReport { product_id, levels: shelf.levels().map(level).collect(), history })
        })
    }

    fn with_shelf<T>(&self, read: impl FnOnce(&Shelf) -> worker::Result<T>) -> worker::Result<T> {
        self.load()?;
        let shelf = self.shelf.borrow();
        read(shelf.as_ref().unwrap_or(&Shelf::default()))
    }

    fn load(&self) -> worker::Result<()> {
        if self.shelf.borrow().is_none() {
            let shelf = Tables::open(&self.storage().sql())?;
            self.shelf.replace(Some(shelf));
        }
        Ok(())
    }

    /// Makes sure that there is an opening balance.
    async fn open(&self, product_id: ProductId) -> worker::Result<()> {
        self.load()?;
        if self.with_shelf(|shelf| Ok(shelf.levels().next().is_some()))? {
            return Ok(());
        }
        self.open_from_catalogue(product_id).await
    }

    async fn open_from_catalogue(&self, product_id: ProductId) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Row {
            sku: Sku,
            opening_stock: u32,
        }
        let id = JsValue::from_str(&product_id.to_string());
        let rows: Vec<Row> = self
            .env
            .d1("DB")?
            .prepare("SELECT sku, opening_stock FROM variant WHERE product_id = ?1")
            .bind(&[id])?
            .all()
            .await?
            .results()?;
        let balances = rows.into_iter().map(|row| (row.sku, row.opening_stock)).collect();
        self.load()?;
        self.storage().sql().exec(
            "INSERT INTO meta (one, product_id, unpublished) VALUES (1, ?, 0) ON CONFLICT (one) DO NOTHING",
            vec![product_id.to_string().into()],
        )?;
        self.execute(&Command::Open { balances })?;
        Ok(())
    }

    /// What has to be seen to once a command is through: the next alarm, and the projection.
    async fn after_change(shell: &Rc<Self>) -> worker::Result<()> {
        // The alarm is the promise; the write that follows the answer is merely sooner.
        shell.set_alarm().await?;
        if shell.is_unpublished()? && !shell.publishing.replace(true) {
            let this = Rc::clone(shell);
            shell.state.wait_until(async move {
                this.publish().await;
                this.publishing.set(false);
            });
        }
        Ok(())
    }

    async fn set_alarm(&self) -> worker::Result<()> {
        let retry = self.is_unpublished()?.then(|| now() + PUBLISH_RETRY);
        let expiry = self.with_shelf(|shelf| Ok(shelf.next_deadline()))?;
        let wanted = [retry, expiry].into_iter().flatten().min();
        let Some(at) = alarm_to_set(self.alarm_at.get(), wanted, now()) else { return Ok(()) };
        self.alarm_at.set(Some(at));
        let in_ms = (at - now()).0.max(0);
        self.storage().set_alarm(in_ms).await
    }

    /// Writes the projection until it is up to date, or a write fails: then the alarm tries again.
    async fn publish(&self) {
        loop {
            match self.publish_once().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return crate::log::warn("stock projection", error),
            }
        }
    }

    /// Whether there was something to write.
    async fn publish_once(&self) -> worker::Result<bool> {
        if !self.is_unpublished()? {
            return Ok(false);
        }
        let written = self.with_shelf(|shelf| Ok(levels(shelf)))?;
        self.env
            .d1("DB")?
            .prepare(
                "UPDATE variant SET available = level.value ->> 'available'
                 FROM json_each(?1) AS level WHERE variant.sku = level.value ->> 'sku'",
            )
            .bind(&[JsValue::from_str(&serde_json::to_string(&written.levels)?)])?
            .run()
            .await?;
        // Sales during the write have to go out too.
        if self.with_shelf(|shelf| Ok(levels(shelf)))? == written {
            self.storage().sql().exec("UPDATE meta SET unpublished = 0", None)?;
        }
        let before = self.published.borrow_mut().take();
        let is_news = before.is_none_or(|before| changes_cards(&before, &written));
        self.published.replace(Some(written));
        if is_news && let Err(error) = client::poke_indexer(&self.env).await {
            // D1 has it, so that the clock will find it.
            crate::log::warn("indexer poke", format!("{error:?}"));
        }
        Ok(true)
    }

    fn accept_socket(&self) -> worker::Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state.accept_web_socket(&server);
        // What the page was rendered with may be older than what is true now.
        server.send(&self.with_shelf(|shelf| Ok(levels(shelf)))?)?;
        Response::from_websocket(client)
    }

    fn broadcast(&self) -> worker::Result<()> {
        let sockets = self.state.get_websockets();
        if sockets.is_empty() {
            return Ok(());
        }
        let message = serde_json::to_string(&self.with_shelf(|shelf| Ok(levels(shelf)))?)?;
        for socket in sockets {
            // One that has gone away is closed by the platform.
            drop(socket.send_with_str(&message));
        }
        Ok(())
    }

    fn is_unpublished(&self) -> worker::Result<bool> {
        #[derive(Deserialize)]
        struct Row {
            unpublished: u32,
        }
        let rows: Vec<Row> = self.storage().sql().exec("SELECT unpublished FROM meta", None)?.to_array()?;
        Ok(rows.first().is_some_and(|row| row.unpublished == 1))
    }
}

/// Whether cards and filters would look different. D1's triggers decide what really is a change; this only saves pokes.
fn changes_cards(before: &Levels, after: &Levels) -> bool {
    let units = |levels: &Levels| levels.levels.iter().map(|level| level.available).fold(0, u32::saturating_add);
    let has = |levels: &Levels| -> Vec<bool> { levels.levels.iter().map(|level| level.available > 0).collect() };
    units(before).min(units(after)) <= FEW || has(before) != has(after)
}

fn levels(shelf: &Shelf) -> Levels {
    let levels = shelf.levels().map(|(sku, level)| Availability { sku: sku.clone(), available: level.available() });
    Levels { levels: levels.collect() }
}
