//! How a Stock object's tables keep what [`domain::stock`] decides. Decides nothing itself.

use domain::ids::{CartId, CheckoutId, MovementId, PersonId, SaleId, Sku};
use domain::stock::{
    self, Cause, Command, Entry, Event, Level, Memory, PersonLimit, Reservation, ReservationState, Shelf, Storage,
};
use domain::time::Timestamp;
use domain::wire::StockEntry;
use serde::Deserialize;
use worker::SqlStorage;

use super::migrate;

/// Newest last: an object that slept through several is brought up to date when it wakes.
const VERSIONS: [&str; 3] = [
    include_str!("../../../migrations/durable/stock.sql"),
    include_str!("../../../migrations/durable/stock_history.sql"),
    include_str!("../../../migrations/durable/stock_copies.sql"),
];

/// Most lines of the history in one answer.
const HISTORY_MAX: u32 = 200;

/// The tables of one Stock object.
pub(super) struct Tables<'a>(pub(super) &'a SqlStorage);

#[derive(Deserialize)]
struct LevelRow {
    sku: Sku,
    on_hand: u32,
    received: u64,
    committed: u64,
}

#[derive(Deserialize)]
struct ReservationRow {
    checkout_id: CheckoutId,
    cart_id: CartId,
    lines: String,
    state: String,
    expires_at: Timestamp,
    #[serde(rename = "share")]
    limit: Option<String>,
    taken_back: String,
}

impl ReservationRow {
    fn reservation(self) -> worker::Result<Reservation> {
        let limit: Option<PersonLimit> = self.limit.as_deref().map(serde_json::from_str).transpose()?;
        Ok(Reservation {
            cart_id: self.cart_id,
            lines: serde_json::from_str(&self.lines)?,
            state: serde_json::from_value(self.state.into())?,
            expires_at: self.expires_at,
            limit,
            taken_back: serde_json::from_str(&self.taken_back)?,
        })
    }
}

impl Tables<'_> {
    /// Brings the tables up to date and reads what has to be in memory: counts, and what is promised now.
    pub(super) fn open(sql: &SqlStorage) -> worker::Result<Shelf> {
        migrate(sql, &VERSIONS)?;
        let levels: Vec<LevelRow> =
            sql.exec("SELECT sku, on_hand, received, committed FROM level", None)?.to_array()?;
        let rows: Vec<ReservationRow> = sql
            .exec(
                "SELECT checkout_id, cart_id, lines, state, expires_at, share, taken_back
                 FROM reservation WHERE state = 'held'",
                None,
            )?
            .to_array()?;
        let mut held = Vec::with_capacity(rows.len());
        for row in rows {
            held.push((row.checkout_id, row.reservation()?));
        }
        let levels = levels.into_iter().map(|row| {
            let LevelRow { sku, on_hand, received, committed } = row;
            (sku, Level { on_hand, reserved: 0, received, committed })
        });
        Ok(Shelf::restore(levels, held))
    }

    /// Makes `event` part of the shelf and of the tables.
    pub(super) fn persist(&mut self, shelf: &mut Shelf, event: &Event, now: Timestamp) -> worker::Result<()> {
        stock::persist(self, shelf, event, now)
    }

    /// The newest lines of the history before line `before`, newest first, at most [`HISTORY_MAX`].
    pub(super) fn history(&self, before: Option<u64>) -> worker::Result<Vec<StockEntry>> {
        #[derive(Deserialize)]
        struct Row {
            seq: u64,
            at: Timestamp,
            sku: Sku,
            change: i64,
            on_hand: u32,
            cause: Cause,
            reference: String,
            actor: String,
            reason: String,
        }
        let before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or((1 << 53) - 1);
        let rows: Vec<Row> = self
            .0
            .exec(
                "SELECT seq, at, sku, change, on_hand, cause, reference, actor, reason FROM history
                 WHERE seq < ? ORDER BY seq DESC LIMIT ?",
                vec![before.into(), i64::from(HISTORY_MAX).into()],
            )?
            .to_array()?;
        let dated = |row: Row| {
            let Row { seq, at, sku, change, on_hand, cause, reference, actor, reason } = row;
            StockEntry { seq, at, entry: Entry { sku, change, on_hand, cause, reference, actor, reason } }
        };
        Ok(rows.into_iter().map(dated).collect())
    }
}

fn person_key(sale_id: SaleId, person_id: PersonId) -> String {
    format!("{sale_id}/{person_id}")
}

impl Memory for Tables<'_> {
    type Error = worker::Error;

    fn ended(&self, checkout_id: CheckoutId) -> worker::Result<Option<Reservation>> {
        let rows: Vec<ReservationRow> = self
            .0
            .exec(
                "SELECT checkout_id, cart_id, lines, state, expires_at, share, taken_back
                 FROM reservation WHERE checkout_id = ? AND state <> 'held'",
                vec![checkout_id.to_string().into()],
            )?
            .to_array()?;
        rows.into_iter().next().map(ReservationRow::reservation).transpose()
    }

    fn movement(&self, movement_id: MovementId) -> worker::Result<Option<Command>> {
        #[derive(Deserialize)]
        struct Row {
            command: String,
        }
        let rows: Vec<Row> = self
            .0
            .exec("SELECT command FROM movement WHERE movement_id = ?", vec![movement_id.to_string().into()])?
            .to_array()?;
        Ok(rows.first().map(|row| serde_json::from_str(&row.command)).transpose()?)
    }

    fn is_counted(&self) -> worker::Result<bool> {
        #[derive(Deserialize)]
        struct Row {
            counted: u8,
        }
        // What was sold before there was a history is in the counts.
        let rows: Vec<Row> = self
            .0
            .exec(
                "SELECT EXISTS (SELECT 1 FROM history WHERE cause <> 'opened')
                     OR EXISTS (SELECT 1 FROM level WHERE committed > 0) AS counted",
                None,
            )?
            .to_array()?;
        Ok(rows.first().is_some_and(|row| row.counted != 0))
    }

    fn bought(&self, sale_id: SaleId, person_id: PersonId) -> worker::Result<u32> {
        #[derive(Deserialize)]
        struct Row {
            units: u32,
        }
        let rows: Vec<Row> = self
            .0
            .exec(
                "SELECT coalesce(sum(bought), 0) AS units FROM reservation WHERE person = ?",
                vec![person_key(sale_id, person_id).into()],
            )?
            .to_array()?;
        Ok(rows.first().map_or(0, |row| row.units))
    }
}

impl Storage for Tables<'_> {
    fn write_level(&mut self, sku: &Sku, level: Level) -> worker::Result<()> {
        self.0.exec(
            "INSERT INTO level (sku, on_hand, received, committed) VALUES (?, ?, ?, ?)
             ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand, received = excluded.received,
                                             committed = excluded.committed",
            vec![
                sku.as_str().into(),
                i64::from(level.on_hand).into(),
                i64::try_from(level.received).unwrap_or(i64::MAX).into(),
                i64::try_from(level.committed).unwrap_or(i64::MAX).into(),
            ],
        )?;
        Ok(())
    }

    fn write_reservation(&mut self, checkout_id: CheckoutId, after: &Reservation) -> worker::Result<()> {
        let state = serde_json::to_value(after.state)?;
        let limit = after.limit.map(|limit| serde_json::to_string(&limit)).transpose()?;
        let person = after.limit.map(|limit| person_key(limit.sale_id, limit.person_id));
        // Only what is with a buyer counts against a person's share for good.
        let bought = if after.state == ReservationState::Committed { after.units() } else { 0 };
        self.0.exec(
            "INSERT INTO reservation (checkout_id, cart_id, lines, state, expires_at, share, person, bought, taken_back)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (checkout_id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
                                                     bought = excluded.bought, taken_back = excluded.taken_back",
            vec![
                checkout_id.to_string().into(),
                after.cart_id.to_string().into(),
                serde_json::to_string(&after.lines)?.into(),
                state.as_str().unwrap_or_default().into(),
                after.expires_at.as_millis().into(),
                limit.into(),
                person.into(),
                i64::from(bought).into(),
                serde_json::to_string(&after.taken_back)?.into(),
            ],
        )?;
        Ok(())
    }

    fn append(&mut self, entry: &Entry, at: Timestamp) -> worker::Result<()> {
        let cause = serde_json::to_value(entry.cause)?;
        self.0.exec(
            "INSERT INTO history (at, sku, change, on_hand, cause, reference, actor, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                at.as_millis().into(),
                entry.sku.as_str().into(),
                entry.change.into(),
                i64::from(entry.on_hand).into(),
                cause.as_str().unwrap_or_default().into(),
                entry.reference.as_str().into(),
                entry.actor.as_str().into(),
                entry.reason.as_str().into(),
            ],
        )?;
        Ok(())
    }

    fn write_movement(&mut self, movement_id: MovementId, command: &Command) -> worker::Result<()> {
        self.0.exec(
            "INSERT INTO movement (movement_id, command) VALUES (?, ?)",
            vec![movement_id.to_string().into(), serde_json::to_string(command)?.into()],
        )?;
        Ok(())
    }
}
