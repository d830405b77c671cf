//! How an Admission object's tables keep what [`domain::admission`] decides. Decides nothing itself.

use domain::admission::{Admission, Attempts, Event, Memory, Ticket};
use domain::ids::{PersonId, SaleId};
use domain::time::Timestamp;
use serde::Deserialize;
use worker::SqlStorage;

use super::migrate;

/// The tables of one Admission object.
pub(super) struct Tables<'a>(pub(super) &'a SqlStorage);

/// Tables and the sale that they are about.
pub(super) struct Places<'a> {
    pub(super) tables: Tables<'a>,
    pub(super) sale_id: SaleId,
}

impl Tables<'_> {
    /// Brings the tables up to date and reads what has to be in memory.
    pub(super) fn open(sql: &SqlStorage) -> worker::Result<Admission> {
        #[derive(Deserialize)]
        struct Row {
            body: String,
        }
        migrate(sql, &[include_str!("../../../migrations/durable/admission.sql")])?;
        let rows: Vec<Row> = sql.exec("SELECT body FROM admission", None)?.to_array()?;
        Ok(rows.first().map(|row| serde_json::from_str(&row.body)).transpose()?.unwrap_or_default())
    }

    /// Makes `event` part of the admission and of the tables.
    pub(super) fn persist(&self, admission: &mut Admission, event: &Event) -> worker::Result<()> {
        admission.evolve(event);
        match event {
            Event::Joined { ticket } => {
                self.0.exec(
                    "INSERT INTO place (number, person_id, late) VALUES (?, ?, ?)",
                    vec![
                        i64::from(ticket.number).into(),
                        ticket.person_id.to_string().into(),
                        ticket.late.map(Timestamp::as_millis).into(),
                    ],
                )?;
            }
            Event::Forgotten => {
                self.0.exec("DELETE FROM place", None)?;
                self.0.exec("DELETE FROM attempt", None)?;
            }
            Event::Opened { .. } | Event::Drawn | Event::Cancelled => {}
        }
        let is_news = matches!(event, Event::Drawn);
        self.0.exec(
            "INSERT INTO admission (one, body, unpublished) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE
             SET body = excluded.body, unpublished = max(unpublished, excluded.unpublished)",
            vec![serde_json::to_string(admission)?.into(), i64::from(is_news).into()],
        )?;
        Ok(())
    }

    /// Whether D1 has yet to hear of the draw.
    pub(super) fn is_unpublished(&self) -> worker::Result<bool> {
        #[derive(Deserialize)]
        struct Row {
            unpublished: u32,
        }
        let rows: Vec<Row> = self.0.exec("SELECT unpublished FROM admission", None)?.to_array()?;
        Ok(rows.first().is_some_and(|row| row.unpublished == 1))
    }

    /// D1 has heard of it.
    pub(super) fn published(&self) -> worker::Result<()> {
        self.0.exec("UPDATE admission SET unpublished = 0", None)?;
        Ok(())
    }

    /// How often a person's codes were asked for and mistyped.
    pub(super) fn attempts(&self, person_id: PersonId) -> worker::Result<Attempts> {
        #[derive(Deserialize)]
        struct Row {
            body: String,
        }
        let rows: Vec<Row> = self
            .0
            .exec("SELECT body FROM attempt WHERE person_id = ?", vec![person_id.to_string().into()])?
            .to_array()?;
        Ok(rows.first().map(|row| serde_json::from_str(&row.body)).transpose()?.unwrap_or_default())
    }

    /// Keeps them.
    pub(super) fn write_attempts(&self, person_id: PersonId, attempts: Attempts) -> worker::Result<()> {
        self.0.exec(
            "INSERT INTO attempt (person_id, body) VALUES (?, ?) ON CONFLICT (person_id) DO UPDATE SET body = excluded.body",
            vec![person_id.to_string().into(), serde_json::to_string(&attempts)?.into()],
        )?;
        Ok(())
    }

    /// Those who joined, by their number, from `from` on and before `end`.
    pub(super) fn people(&self, from: u32, end: u32) -> worker::Result<Vec<PersonId>> {
        #[derive(Deserialize)]
        struct Row {
            person_id: PersonId,
        }
        let rows: Vec<Row> = self
            .0
            .exec(
                "SELECT person_id FROM place WHERE number >= ? AND number < ? ORDER BY number",
                vec![i64::from(from).into(), i64::from(end).into()],
            )?
            .to_array()?;
        Ok(rows.into_iter().map(|row| row.person_id).collect())
    }
}

impl Memory for Places<'_> {
    type Error = worker::Error;

    fn ticket(&self, person_id: PersonId) -> worker::Result<Option<Ticket>> {
        #[derive(Deserialize)]
        struct Row {
            number: u32,
            late: Option<Timestamp>,
        }
        let rows: Vec<Row> = self
            .tables
            .0
            .exec(
                "SELECT number, late FROM place WHERE person_id = ? ORDER BY number DESC LIMIT 1",
                vec![person_id.to_string().into()],
            )?
            .to_array()?;
        let ticket = |row: &Row| Ticket { sale_id: self.sale_id, person_id, number: row.number, late: row.late };
        Ok(rows.first().map(ticket))
    }
}
