//! What shoppers search for: counted without saying who, to show what others ask, and to report what the shop lacks.
//!
//! No personal data: a question is a text and a count. What looks like an address, a telephone or a card number is not counted at all,
//! and what only one flush brought is neither shown to others nor kept for long. What one visitor asks again and again counts once
//! ([`crate::askers`]).

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use domain::time::{Millis, Timestamp};
use domain::wire::{QueryCount, QueryReport};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use crate::askers::Askers;
use crate::catalogue::d1;
use crate::context::{Context, now};
use crate::error::Error;
use crate::log;

/// The header with a visitor's address.
const ADDRESS: &str = "cf-connecting-ip";
/// Longest question that is counted, in characters.
const QUERY_CHARS_MAX: usize = 64;
/// Different questions that one isolate holds before it writes them down.
const HELD_MAX: usize = 100;
/// How often it does so otherwise.
const FLUSH_INTERVAL: Millis = Millis::seconds(10);
/// A run of so many digits, or so many with single separators between, is somebody's number and nothing that a shop sells.
const DIGITS_RUN_MAX: usize = 7;
const DIGITS_SPACED_MAX: usize = 9;
/// Popular queries that are kept.
const POPULAR_MAX: u32 = 500;
/// How long an isolate believes its list of them.
const POPULAR_FRESH: Millis = Millis::seconds(60);
/// When the list is made anew, should the clock not have done it; a shop that is new has an empty one for a shorter time.
const POPULAR_STALE: Millis = Millis::seconds(2 * 60 * 60);
const POPULAR_EMPTY_STALE: Millis = Millis::seconds(60);
const POPULAR_KEY: &str = "popular-queries";
/// Lines of each table of a report; of what was asked equally often, what was asked last.
const REPORT_LINES: u32 = 200;

thread_local! {
    /// Made by the first question: there is no randomness before a request.
    static ASKERS: RefCell<Option<Askers>> = const { RefCell::new(None) };
    static HELD: RefCell<Held> = RefCell::new(Held::default());
    static POPULAR: RefCell<Option<(Timestamp, Popular)>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Held {
    counts: HashMap<String, Count>,
    flushed_at: Option<Timestamp>,
}

impl Held {
    /// What is to be written down now: everything that is held, when there is much of it or the last time is long ago.
    fn take_due(&mut self, now: Timestamp) -> Option<HashMap<String, Count>> {
        let is_due = self.counts.len() >= HELD_MAX || self.flushed_at.is_none_or(|at| now - at >= FLUSH_INTERVAL);
        if self.counts.is_empty() || !is_due {
            return None;
        }
        self.flushed_at = Some(now);
        Some(std::mem::take(&mut self.counts))
    }
}

#[derive(Default)]
struct Count {
    asked: u32,
    found_nothing: u32,
}

/// What others ask, most asked first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Popular {
    queries: Vec<String>,
    made_at: Option<Timestamp>,
}

/// Counts a question and whether it found anything, unless the same visitor has just asked it. Written down with others, after an
/// answer.
pub(crate) fn count(context: &Context, headers: &HeaderMap, query: &str, total: u64) {
    let now = context.now();
    let is_counted = |query: &String| address(headers).is_none_or(|address| is_new(address, query, now));
    let counted = countable(query).filter(is_counted);
    let due = HELD.with_borrow_mut(|held| {
        if let Some(query) = counted {
            let count = held.counts.entry(query).or_default();
            count.asked += 1;
            count.found_nothing += u32::from(total == 0);
        }
        // What is not counted still writes down what was: a quiet shop may hear nothing new for a long time.
        held.take_due(now)
    });
    let Some(counts) = due else { return };
    let later = context.clone();
    context.after_answer(async move {
        if let Err(error) = flush(&later, &counts).await {
            log::warn("query counts", format!("{error:?}"));
        }
    });
}

/// Where a visitor is. The network sets it; a Worker that nothing stands in front of knows nobody.
pub(crate) fn address(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get(ADDRESS)?.to_str().ok()?.parse().ok()
}

fn is_new(address: IpAddr, query: &str, now: Timestamp) -> bool {
    ASKERS.with_borrow_mut(|askers| askers.get_or_insert_with(|| Askers::new(random_key())).is_new(address, query, now))
}

/// Two random UUIDs: 244 bits that nobody knows.
fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    key[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    key
}

/// Popular queries that begin with `beginning`, most asked first, at most `max`; with nothing typed yet, the most popular ones.
pub(crate) async fn popular(context: &Context, beginning: &str, max: usize) -> Result<Vec<String>, Error> {
    let beginning = normalised(beginning);
    let list = popular_list(context).await?;
    let fitting = list.queries.into_iter().filter(|query| query.starts_with(&beginning) && *query != beginning);
    Ok(fitting.take(max).collect())
}

async fn popular_list(context: &Context) -> Result<Popular, Error> {
    let now = context.now();
    if let Some((at, list)) = POPULAR.with_borrow(Clone::clone)
        && now - at < POPULAR_FRESH
    {
        return Ok(list);
    }
    let list = context.answers()?.get(POPULAR_KEY).json::<Popular>().await?.unwrap_or_default();
    POPULAR.set(Some((now, list.clone())));
    let stale = if list.queries.is_empty() { POPULAR_EMPTY_STALE } else { POPULAR_STALE };
    if list.made_at.is_none_or(|at| now - at > stale) {
        let env = context.env().clone();
        context.after_answer(async move {
            match refresh(&env).await {
                Ok(list) => POPULAR.set(Some((crate::context::now(), list))),
                Err(error) => log::warn("popular queries", format!("{error:?}")),
            }
        });
    }
    Ok(list)
}

/// Makes the list of popular queries from the last thirty days: asked in three flushes at least, and mostly with results. An
/// isolate counts a visitor once, and knows nothing of what others count: who comes from many addresses, or meets many isolates, gets
/// that far too.
pub(crate) async fn refresh(env: &Env) -> Result<Popular, Error> {
    #[derive(Deserialize)]
    struct Row {
        query: String,
    }
    let rows: Vec<Row> = env
        .d1("DB")?
        .prepare(
            "SELECT query FROM search_query WHERE day > date('now', '-30 days') GROUP BY query
             HAVING sum(flushes) >= 3 AND sum(found_nothing) * 2 < sum(asked)
             ORDER BY sum(asked) DESC, query LIMIT ?1",
        )
        .bind(&[JsValue::from_f64(f64::from(POPULAR_MAX))])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    let list = Popular { queries: rows.into_iter().map(|row| row.query).collect(), made_at: Some(now()) };
    env.kv("ANSWERS")?.put(POPULAR_KEY, &list)?.execute().await?;
    Ok(list)
}

/// Forgets what is old, and sooner what was hardly asked.
pub(crate) async fn forget(env: &Env) -> Result<(), Error> {
    env.d1("DB")?
        .prepare(
            "DELETE FROM search_query WHERE day <= date('now', '-90 days')
                OR (day <= date('now', '-7 days') AND flushes < 2)",
        )
        .run()
        .await
        .map_err(d1)?;
    Ok(())
}

/// What was asked in the last `days` days, today included.
pub(crate) async fn report(context: &Context, days: u32) -> Result<QueryReport, Error> {
    let db = context.db()?;
    let since = JsValue::from_str(&format!("-{days} days"));
    let lines = JsValue::from_f64(f64::from(REPORT_LINES));
    let select = "SELECT query, sum(asked) AS asked, sum(found_nothing) AS found_nothing FROM search_query
                  WHERE day > date('now', ?1) GROUP BY query";
    let results = db
        .batch(vec![
            db.prepare(format!("{select} ORDER BY 2 DESC, max(day) DESC, 1 LIMIT ?2"))
                .bind(&[since.clone(), lines.clone()])?,
            db.prepare(format!("{select} HAVING sum(found_nothing) > 0 ORDER BY 3 DESC, max(day) DESC, 1 LIMIT ?2"))
                .bind(&[since, lines])?,
        ])
        .await
        .map_err(d1)?;
    let rows = |index: usize| -> Result<Vec<QueryCount>, Error> {
        results.get(index).ok_or_else(|| Error::bug("a batch without results"))?.results().map_err(d1)
    };
    Ok(QueryReport { days, top: rows(0)?, without_results: rows(1)? })
}

async fn flush(context: &Context, counts: &HashMap<String, Count>) -> Result<(), Error> {
    let rows: Vec<(&str, u32, u32)> =
        counts.iter().map(|(query, count)| (query.as_str(), count.asked, count.found_nothing)).collect();
    context
        .db()?
        .prepare(
            "INSERT INTO search_query (day, query, asked, found_nothing, flushes)
             SELECT date('now'), value ->> 0, value ->> 1, value ->> 2, 1 FROM json_each(?1) WHERE true
             ON CONFLICT (day, query) DO UPDATE SET asked = asked + excluded.asked,
               found_nothing = found_nothing + excluded.found_nothing, flushes = flushes + 1",
        )
        .bind(&[JsValue::from_str(&serde_json::to_string(&rows)?)])?
        .run()
        .await
        .map_err(d1)?;
    Ok(())
}

/// The question as it is counted; `None` when it is too long, has neither letter nor digit, or looks like something that says who asked.
fn countable(query: &str) -> Option<String> {
    // Bytes first: a text of megabytes is refused without being walked through. A star means that somebody was still typing.
    if query.len() > QUERY_CHARS_MAX * 8 || query.trim_end().ends_with('*') {
        return None;
    }
    let query = normalised(query);
    let length = query.chars().count();
    let is_question = length <= QUERY_CHARS_MAX && query.chars().any(char::is_alphanumeric);
    (is_question && !looks_personal(&query)).then_some(query)
}

/// Lower case, single spaces, no control characters.
fn normalised(query: &str) -> String {
    let plain = query.replace(char::is_control, " ").to_lowercase();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn looks_personal(query: &str) -> bool {
    if query.contains('@') {
        return true;
    }
    let (mut run, mut spaced, mut gap) = (0, 0, 0);
    for character in query.chars() {
        if character.is_numeric() {
            run += 1;
            spaced += 1;
            gap = 0;
        } else {
            run = 0;
            gap += 1;
            // One separator, or the closing bracket and the space of `(0803) 123`.
            if gap > 2 || !matches!(character, ' ' | '-' | '.' | '/' | '(' | ')' | '+') {
                spaced = 0;
            }
        }
        if run >= DIGITS_RUN_MAX || spaced >= DIGITS_SPACED_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_counted_in_one_spelling() {
        for query in ["Red  Shoes", " red shoes ", "RED\tSHOES", "red\u{0}shoes"] {
            assert_eq!(countable(query).as_deref(), Some("red shoes"));
        }
        assert!(["  ", "\"", "*-*", "\u{200b}"].into_iter().all(|query| countable(query).is_none()));
        assert_eq!(countable(&"x".repeat(65)), None);
        assert_eq!(countable(&"é".repeat(64)), Some("é".repeat(64)));
        assert_eq!(countable(&"x".repeat(10_000_000)), None);
    }

    #[test]
    fn what_is_held_is_written_down_when_it_is_due_whoever_asks_next() {
        let at = |seconds: i64| Timestamp(seconds * 1_000);
        let mut held = Held::default();
        assert!(held.take_due(at(0)).is_none(), "nothing is held");
        held.counts.insert("basin".into(), Count::default());
        assert!(held.take_due(at(1)).is_some_and(|counts| counts.len() == 1));
        held.counts.insert("samovar".into(), Count::default());
        assert!(held.take_due(at(10)).is_none(), "nine seconds later it can wait");
        assert!(held.take_due(at(11)).is_some_and(|counts| counts.contains_key("samovar")));
    }

    #[test]
    fn what_says_who_somebody_is_is_not_counted() {
        for query in [
            "ada@example.com",
            "0803 123 4567",
            "+234-803-123-4567",
            "(0803) 123 4567",
            "4111 1111 1111 1111",
            "4111111111111111",
            "call 08031234567",
            "٠٨٠٣١٢٣٤٥٦٧",
        ] {
            assert_eq!(countable(query), None, "{query}");
        }
        for query in
            ["dv7-1211ea", "iphone 15 128 gb", "15.6 inch 1920x1080", "2024", "ddr4 3200 16gb 2x8", "a4 80gsm 500"]
        {
            assert!(countable(query).is_some(), "{query}");
        }
    }
}
