//! One product's stock: all its variants. The shell round [`domain::stock`].
//!
//! Takes its opening balance from D1 when it is first touched, wakes to expire reservations, and has its copies told of every change
//! ([`copies`]): D1's projection, and the relays of those who look at the product. A change gets its number in the same transaction, and
//! a copy has it only once it answered, at once or by alarm. A buyer waits for none of that.

mod copies;
mod publish;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use domain::ids::{ProductId, Sku};
use domain::stock::{Command, Level, Memory, Past, Rejection, Shelf};
use domain::time::{Millis, Timestamp, alarm_to_set};
use domain::wire::{StockLevel, StockReport};
use serde::Deserialize;
use worker::wasm_bindgen::{self, JsValue};
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, Storage, durable_object};

use self::copies::Copies;
use self::publish::UnderWay;
use super::client::{Availability, Levels, StockAnswer, StockAsk, StockCall};
use super::stock_tables::Tables;
use super::{Answer, read, reply};
use crate::context::now;

/// How soon a copy that could not be told is told again.
const PUBLISH_RETRY: Millis = Millis::seconds(5);

/// The Durable Object class of stock.
#[durable_object]
pub struct StockObject {
    shell: Rc<Shell>,
}

struct Shell {
    state: State,
    env: Env,
    /// What is in storage, once it was read. `None` while that and what was decided might differ.
    kept: RefCell<Option<Kept>>,
    /// The alarm that is set, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
    under_way: UnderWay,
    /// What D1 was told last, as far as this instance knows.
    published: RefCell<Option<Levels>>,
}

/// What is in storage and has to be in memory.
struct Kept {
    shelf: Shelf,
    copies: Copies,
    /// Whether something was sold or moved, so that an opening balance means nothing any more.
    is_counted: bool,
}

impl DurableObject for StockObject {
    fn new(state: State, env: Env) -> Self {
        let shell = Shell {
            state,
            env,
            kept: RefCell::new(None),
            alarm_at: Cell::new(None),
            under_way: UnderWay::default(),
            published: RefCell::new(None),
        };
        Self { shell: Rc::new(shell) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let shell = &self.shell;
        let StockCall { product_id, ask } = read(&mut request).await?;
        shell.open(product_id).await?;
        let (command, report) = match ask {
            StockAsk::Read => (None, None),
            StockAsk::Do(command) => (Some(command), None),
            StockAsk::Report { before, after } => {
                if after.is_none() {
                    publish::count_viewers(shell).await?;
                }
                (after, Some(before))
            }
            StockAsk::Tell { relay } => {
                shell.change_copies(|copies, sql| copies.follow(sql, relay))?;
                (None, None)
            }
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
        Shell::after_change(&self.shell).await?;
        Response::empty()
    }
}

impl Shell {
    fn storage(&self) -> Storage {
        self.state.storage()
    }

    /// Decides and persists. Synchronous, hence one transaction.
    fn execute(&self, command: &Command) -> worker::Result<Answer<(), Rejection>> {
        let sql = self.storage().sql();
        let past = self.with_shelf(|shelf| Past::gather(shelf, command, &Tables(&sql)))?;
        let now = now();
        let events = match self.with_shelf(|shelf| Ok(shelf.decide(command, &past, now)))? {
            Ok(events) => events,
            Err(rejection) => return Ok(Answer::Rejected(rejection)),
        };
        if events.is_empty() {
            return Ok(Answer::Done(()));
        }
        self.change(|Kept { shelf, copies, is_counted }, sql| {
            let before = availabilities(shelf);
            for event in &events {
                Tables(sql).persist(shelf, event, now)?;
            }
            let is_first = !*is_counted && Tables(sql).is_counted()?;
            *is_counted |= is_first;
            // Nobody knows of a product before it is opened, and D1 knows what it was opened with. That it is counted from now on, D1
            // has to hear as well.
            let is_news = is_first || before != availabilities(shelf);
            if !before.is_empty() && is_news { copies.change(sql) } else { Ok(()) }
        })?;
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
        let (relays, viewers) = self.with_copies(Copies::audience)?;
        self.with_shelf(|shelf| {
            let level =
                |(sku, level): (&Sku, Level)| StockLevel { sku: sku.clone(), available: level.available(), level };
            Ok(StockReport { product_id, levels: shelf.levels().map(level).collect(), history, relays, viewers })
        })
    }

    fn with_shelf<T>(&self, read: impl FnOnce(&Shelf) -> worker::Result<T>) -> worker::Result<T> {
        let kept = self.take()?;
        let result = read(&kept.shelf);
        self.kept.replace(Some(kept));
        result
    }

    fn with_copies<T>(&self, read: impl FnOnce(&Copies) -> T) -> worker::Result<T> {
        let kept = self.take()?;
        let result = read(&kept.copies);
        self.kept.replace(Some(kept));
        Ok(result)
    }

    /// Whose stock it is, once something of it was sold or moved.
    fn counted(&self) -> worker::Result<Option<ProductId>> {
        let kept = self.take()?;
        let product_id = kept.copies.product_id().filter(|_| kept.is_counted);
        self.kept.replace(Some(kept));
        Ok(product_id)
    }

    fn change_copies(&self, change: impl FnOnce(&mut Copies, &SqlStorage) -> worker::Result<()>) -> worker::Result<()> {
        self.change(|kept, sql| change(&mut kept.copies, sql))
    }

    /// Changes memory and storage alike. If that fails, storage is read again.
    fn change(&self, change: impl FnOnce(&mut Kept, &SqlStorage) -> worker::Result<()>) -> worker::Result<()> {
        let mut kept = self.take()?;
        change(&mut kept, &self.storage().sql())?;
        self.kept.replace(Some(kept));
        Ok(())
    }

    /// What is kept, out of memory or out of storage. Whoever takes it puts it back, unless the two might differ.
    fn take(&self) -> worker::Result<Kept> {
        if let Some(kept) = self.kept.take() {
            return Ok(kept);
        }
        let sql = self.storage().sql();
        let shelf = Tables::open(&sql)?;
        Ok(Kept { shelf, copies: Copies::open(&sql)?, is_counted: Tables(&sql).is_counted()? })
    }

    /// Makes sure that there is an opening balance, and the one that the catalogue has now while it still counts.
    async fn open(&self, product_id: ProductId) -> worker::Result<()> {
        let kept = self.take()?;
        let is_open = kept.shelf.levels().next().is_some();
        let is_settled = is_open && (kept.is_counted || kept.shelf.reservations().next().is_some());
        self.kept.replace(Some(kept));
        if is_settled {
            return Ok(());
        }
        match self.open_from_catalogue(product_id).await {
            // What it opened with is good enough while nobody can say otherwise.
            Err(error) if is_open => {
                crate::log::warn("opening balance", error);
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn open_from_catalogue(&self, product_id: ProductId) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Row {
            sku: Sku,
            opening_stock: u32,
        }
        let id = [JsValue::from_str(&product_id.to_string())];
        let db = self.env.d1("DB")?;
        let select = db.prepare("SELECT sku, opening_stock FROM variant WHERE product_id = ?1").bind(&id)?;
        // In one transaction: an import that comes later knows that somebody has to be told.
        let opened = db.prepare("UPDATE product SET stock_phase = 1 WHERE id = ?1 AND stock_phase = 0").bind(&id)?;
        let results = db.batch(vec![select, opened]).await?;
        let rows: Vec<Row> = results.first().map(worker::D1Result::results).transpose()?.unwrap_or_default();
        let balances = rows.into_iter().map(|row| (row.sku, row.opening_stock)).collect();
        self.change_copies(|copies, sql| copies.belong_to(sql, product_id))?;
        self.execute(&Command::Open { balances })?;
        Ok(())
    }

    /// What has to be seen to once a command is through: the next alarm, and the copies.
    async fn after_change(shell: &Rc<Self>) -> worker::Result<()> {
        // The alarm is the promise; what follows the answer is merely sooner.
        shell.set_alarm().await?;
        publish::later(shell)
    }

    async fn set_alarm(&self) -> worker::Result<()> {
        let is_anybody_behind = self.with_copies(Copies::is_anybody_behind)?;
        let retry = is_anybody_behind.then(|| now() + PUBLISH_RETRY);
        let expiry = self.with_shelf(|shelf| Ok(shelf.next_deadline()))?;
        let wanted = [retry, expiry].into_iter().flatten().min();
        let Some(at) = alarm_to_set(self.alarm_at.get(), wanted, now()) else { return Ok(()) };
        self.alarm_at.set(Some(at));
        let in_ms = (at - now()).0.max(0);
        self.storage().set_alarm(in_ms).await
    }
}

fn levels(shelf: &Shelf) -> Levels {
    let levels = shelf.levels().map(|(sku, level)| Availability { sku: sku.clone(), available: level.available() });
    Levels { levels: levels.collect() }
}

fn availabilities(shelf: &Shelf) -> Vec<u32> {
    shelf.levels().map(|(_, level)| level.available()).collect()
}
