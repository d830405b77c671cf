//! Answers to questions that are asked again and again: a few in memory, the hot ones in KV, all under the version of the index that
//! they come from. KV is asked by cold searches only and written to seldom: a thousand different questions cost no write.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};

use domain::time::{Millis, Timestamp};
use search::{Answer, Request};
use sha2::{Digest, Sha256};

use crate::context::{self, Context};
use crate::error::Error;
use crate::log;

/// A question asked this often in one isolate is hot.
const HOT_AFTER: u32 = 3;
/// Questions that one isolate counts before it starts again.
const COUNTED_MAX: usize = 2_000;
/// Writes to KV that one isolate makes in a minute, whatever is asked.
const WRITES_MAX: u32 = 30;
const WRITES_WINDOW: Millis = Millis::seconds(60);
const KEPT_SECONDS: u64 = 24 * 60 * 60;
/// What the answers in memory may take, roughly.
const REMEMBERED_BYTES: usize = 2 * 1024 * 1024;

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::new(Memory::default());
    static WRITES: Cell<(Timestamp, u32)> = const { Cell::new((Timestamp(0), 0)) };
    static TALLY: Cell<Tally> = const { Cell::new(Tally { remembered: 0, kv_hits: 0, kv_misses: 0, kv_writes: 0 }) };
}

/// What became of questions in this isolate so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) remembered: u64,
    pub(crate) kv_hits: u64,
    pub(crate) kv_misses: u64,
    pub(crate) kv_writes: u64,
}

/// What this isolate knows of questions about one version of the index.
#[derive(Default)]
struct Memory {
    version: String,
    counts: HashMap<String, Count>,
    answers: HashMap<String, Answer>,
    /// Keys of `answers`, oldest first, each with its size.
    ages: VecDeque<(String, usize)>,
    bytes: usize,
}

#[derive(Clone, Copy, Default)]
struct Count {
    times: u32,
    /// Whether it had to fetch bytes here once: then it would have to elsewhere.
    was_cold: bool,
    in_kv: bool,
}

/// A question on its way to its answer.
pub(crate) struct Asked {
    key: String,
}

impl Asked {
    /// Counts the question.
    pub(crate) fn new(version: &str, request: &Request) -> Result<Self, Error> {
        let digest = Sha256::digest(serde_json::to_vec(request)?);
        let key = format!("{version}:{}", hex::encode(&digest[..16]));
        MEMORY.with_borrow_mut(|memory| {
            if memory.version != version || memory.counts.len() >= COUNTED_MAX {
                *memory = Memory { version: version.to_owned(), ..Memory::default() };
            }
            memory.counts.entry(key.clone()).or_default().times += 1;
        });
        Ok(Self { key })
    }

    /// The answer, if it was given here before.
    pub(crate) fn remembered(&self, context: &Context) -> Result<Option<Answer>, Error> {
        let Some(answer) = MEMORY.with_borrow(|memory| memory.answers.get(&self.key).cloned()) else { return Ok(None) };
        tally(|tally| tally.remembered += 1);
        self.share(context, &answer)?;
        Ok(Some(answer))
    }

    /// The answer, if it is hot somewhere.
    pub(crate) async fn look_in_kv(&self, context: &Context) -> Result<Option<Answer>, Error> {
        let answer = context.answers()?.get(&self.key).json::<Answer>().await?;
        match &answer {
            Some(answer) => {
                tally(|tally| tally.kv_hits += 1);
                self.note(answer, false, true);
            }
            None => tally(|tally| tally.kv_misses += 1),
        }
        Ok(answer.map(|answer| Answer { rounds: 0, bytes_fetched: 0, ..answer }))
    }

    /// Remembers the answer, and gives it to everybody if the question has become hot.
    pub(crate) fn answered(&self, context: &Context, answer: &Answer, was_cold: bool) -> Result<(), Error> {
        self.note(answer, was_cold, false);
        self.share(context, answer)
    }

    fn share(&self, context: &Context, answer: &Answer) -> Result<(), Error> {
        let count = MEMORY.with_borrow(|memory| memory.counts.get(&self.key).copied().unwrap_or_default());
        if count.times < HOT_AFTER || !count.was_cold || count.in_kv || !may_write(context::now()) {
            return Ok(());
        }
        MEMORY.with_borrow_mut(|memory| memory.counts.entry(self.key.clone()).or_default().in_kv = true);
        let text = serde_json::to_string(answer)?;
        tally(|tally| tally.kv_writes += 1);
        let put = context.answers()?.put(&self.key, text)?.expiration_ttl(KEPT_SECONDS);
        context.after_answer(async move {
            if let Err(error) = put.execute().await {
                log::warn("hot answers", error);
            }
        });
        Ok(())
    }

    fn note(&self, answer: &Answer, was_cold: bool, in_kv: bool) {
        MEMORY.with_borrow_mut(|memory| {
            let count = memory.counts.entry(self.key.clone()).or_default();
            count.was_cold |= was_cold;
            count.in_kv |= in_kv;
            // What was asked once is mostly never asked again.
            if count.times > 1 {
                memory.remember(&self.key, answer);
            }
        })
    }
}

impl Memory {
    fn remember(&mut self, key: &str, answer: &Answer) {
        if self.answers.contains_key(key) {
            return;
        }
        let bytes = size(answer);
        self.bytes += bytes;
        self.answers.insert(key.to_owned(), Answer { rounds: 0, bytes_fetched: 0, ..answer.clone() });
        self.ages.push_back((key.to_owned(), bytes));
        while self.bytes > REMEMBERED_BYTES
            && let Some((oldest, bytes)) = self.ages.pop_front()
        {
            self.answers.remove(&oldest);
            self.bytes -= bytes;
        }
    }
}

/// Roughly what an answer takes in memory.
fn size(answer: &Answer) -> usize {
    let hits = answer.hits.iter().map(|hit| 400 + hit.title.len() + hit.image.as_ref().map_or(0, String::len));
    let facets = &answer.facets;
    let values = facets.category.len() + facets.brand.len();
    let attributes = facets.attributes.iter().map(|attribute| attribute.values.len() + 1).sum::<usize>();
    512 + hits.sum::<usize>() + 80 * (values + attributes)
}

/// Counts a write, unless there were enough in this minute.
fn may_write(now: Timestamp) -> bool {
    let (since, count) = WRITES.get();
    let (since, count) = if now - since >= WRITES_WINDOW { (now, 0) } else { (since, count) };
    WRITES.set((since, (count + 1).min(WRITES_MAX)));
    count < WRITES_MAX
}

/// What became of questions in this isolate so far.
pub(crate) fn tallied() -> Tally {
    TALLY.get()
}

fn tally(change: impl FnOnce(&mut Tally)) {
    let mut tally = TALLY.get();
    change(&mut tally);
    TALLY.set(tally);
}

#[cfg(test)]
mod tests {
    use search::Hit;

    use super::*;

    #[test]
    fn a_thousand_hot_questions_in_a_minute_are_thirty_writes() {
        let writes = |from: i64| (0..1_000).filter(|at| may_write(Timestamp(from + at * 50))).count();
        assert_eq!(writes(1_000_000), WRITES_MAX as usize);
        assert_eq!(writes(1_060_000), WRITES_MAX as usize);
    }

    #[test]
    fn answers_in_memory_keep_their_bounds() {
        let mut memory = Memory::default();
        let answer = Answer { hits: vec![Hit { title: "x".repeat(500), ..Hit::default() }; 24], ..Answer::default() };
        for number in 0..1_000 {
            memory.remember(&number.to_string(), &answer);
        }
        assert!(memory.bytes <= REMEMBERED_BYTES && memory.answers.len() == memory.ages.len());
        assert!(memory.answers.contains_key("999") && !memory.answers.contains_key("0"));
    }

    #[test]
    fn a_new_version_of_the_index_forgets_the_answers_of_the_old_one() {
        let request = Request { query: "lamp".into(), ..Request::default() };
        for _ in 0..2 {
            Asked::new("v1", &request).unwrap().note(&Answer { total: 1, ..Answer::default() }, true, false);
        }
        let remembered = |version: &str| {
            let asked = Asked::new(version, &request).unwrap();
            MEMORY.with_borrow(|memory| memory.answers.contains_key(&asked.key))
        };
        assert_eq!((remembered("v1"), remembered("v2"), remembered("v1")), (true, false, false));
    }
}
