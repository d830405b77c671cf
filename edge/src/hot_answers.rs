//! Answers to questions that are asked again and again: many in memory, packed, and the hot ones in KV, all under the version of the
//! index that they come from. KV is asked by cold searches only and written to seldom: a thousand different questions cost no write.

use std::cell::{Cell, RefCell};

use domain::time::{Millis, Timestamp};
use lru::LruCache;
use lz4_flex::block;
use search::{Answer, Request};
use sha2::{Digest, Sha256};

use crate::context::{self, Context};
use crate::error::Error;
use crate::log;

/// A question asked this often in one isolate is hot.
const HOT_AFTER: u32 = 3;
/// Writes to KV that one isolate makes in a minute, whatever is asked.
const WRITES_MAX: u32 = 30;
const WRITES_WINDOW: Millis = Millis::seconds(60);
const KEPT_SECONDS: u64 = 24 * 60 * 60;
/// What everything remembered may take: some two thousand questions, each with one page of hits and its facets.
const REMEMBERED_BYTES: usize = 6 * 1024 * 1024;
/// What knowing of a question takes besides its answers: its key, its counts, its places in the map and in the order of use.
const QUESTION_BYTES: usize = 192;

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::new(Memory::of(""));
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

/// Of a version and a request, whole.
type Key = [u8; 16];

/// What this isolate knows of questions about one version of the index. What was used longest ago is forgotten first.
struct Memory {
    version: String,
    questions: LruCache<Key, Question>,
    bytes: usize,
}

#[derive(Default)]
struct Question {
    times: u32,
    /// Whether it had to fetch bytes here once: then it would have to elsewhere.
    was_cold: bool,
    in_kv: bool,
    answer: Option<Packed>,
    body: Option<(u64, Packed)>,
}

/// Bytes, compressed.
struct Packed {
    length: usize,
    bytes: Box<[u8]>,
}

/// An answer as the API writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// Products that match.
    pub(crate) total: u64,
    pub(crate) bytes: Vec<u8>,
}

/// A question on its way to its answer.
pub(crate) struct Asked {
    version: String,
    key: Key,
}

impl Asked {
    /// Nothing is counted yet.
    pub(crate) fn new(version: &str, request: &Request) -> Result<Self, Error> {
        let mut digest = Sha256::new_with_prefix(version);
        digest.update([0]);
        digest.update(serde_json::to_vec(request)?);
        let mut key = Key::default();
        key.copy_from_slice(&digest.finalize()[..16]);
        Ok(Self { version: version.to_owned(), key })
    }

    /// Counts the question. What is remembered of another version is forgotten: the index has moved on, or back.
    pub(crate) fn count(&self) {
        MEMORY.with_borrow_mut(|memory| {
            if memory.version != self.version {
                *memory = Memory::of(&self.version);
            }
        });
        self.with_question(|question| question.times = question.times.saturating_add(1));
    }

    /// The answer, if it was given here before.
    pub(crate) fn remembered(&self, context: &Context) -> Result<Option<Answer>, Error> {
        let unpacked = self.look(|question| question.answer.as_ref()?.unpacked()).flatten();
        let Some(bytes) = unpacked else { return Ok(None) };
        let answer = serde_json::from_slice(&bytes)?;
        tally(|tally| tally.remembered += 1);
        self.share(context, &answer)?;
        Ok(Some(answer))
    }

    /// The API's body, if it was written here before. A question that everybody should have the answer to has to be answered once
    /// more, because a body cannot be shared.
    pub(crate) fn remembered_body(&self, now: Timestamp) -> Option<Body> {
        let is_to_be_shared = |question: &Question| question.times >= HOT_AFTER && question.is_worth_sharing();
        let body = self.look(|question| {
            if is_to_be_shared(question) && writes_left(now) > 0 {
                return None;
            }
            let (total, packed) = question.body.as_ref()?;
            Some(Body { total: *total, bytes: packed.unpacked()? })
        });
        let body = body.flatten()?;
        tally(|tally| tally.remembered += 1);
        Some(body)
    }

    /// The answer, if it is hot somewhere. No search fails because KV does.
    pub(crate) async fn look_in_kv(&self, context: &Context) -> Option<Answer> {
        let looked: Result<_, Error> =
            async { Ok(context.answers()?.get(&self.kv_key()).json::<Answer>().await?) }.await;
        let answer = looked.unwrap_or_else(|error| {
            log::warn("hot answers", format!("{error:?}"));
            None
        });
        match &answer {
            Some(_) => tally(|tally| tally.kv_hits += 1),
            None => tally(|tally| tally.kv_misses += 1),
        }
        if answer.is_some() {
            self.with_question(|question| question.in_kv = true);
        }
        answer.map(|answer| Answer { rounds: 0, bytes_fetched: 0, ..answer })
    }

    /// Notes what the answer cost, and gives it to everybody if the question has become hot.
    pub(crate) fn answered(&self, context: &Context, answer: &Answer, was_cold: bool) -> Result<(), Error> {
        self.with_question(|question| question.was_cold |= was_cold);
        self.share(context, answer)
    }

    /// Remembers the answer.
    pub(crate) fn keep(&self, answer: &Answer) -> Result<(), Error> {
        let bytes = serde_json::to_vec(&Answer { rounds: 0, bytes_fetched: 0, ..answer.clone() })?;
        if let Some(packed) = Packed::new(&bytes) {
            self.with_question(|question| question.answer = Some(packed));
        }
        Ok(())
    }

    /// Remembers the API's body, which must depend on nothing but the question and the version of the index.
    pub(crate) fn keep_body(&self, body: &Body) {
        if let Some(packed) = Packed::new(&body.bytes) {
            self.with_question(|question| question.body = Some((body.total, packed)));
        }
    }

    fn share(&self, context: &Context, answer: &Answer) -> Result<(), Error> {
        let is_hot = self.look(|question| question.times >= HOT_AFTER && question.is_worth_sharing()).unwrap_or(false);
        if !is_hot || !may_write(context::now()) {
            return Ok(());
        }
        self.with_question(|question| question.in_kv = true);
        let text = serde_json::to_string(answer)?;
        tally(|tally| tally.kv_writes += 1);
        let put = context.answers()?.put(&self.kv_key(), text)?.expiration_ttl(KEPT_SECONDS);
        context.after_answer(async move {
            if let Err(error) = put.execute().await {
                log::warn("hot answers", error);
            }
        });
        Ok(())
    }

    fn kv_key(&self) -> String {
        format!("{}:{}", self.version, hex::encode(self.key))
    }

    /// What is known of the question. Looking at it is using it.
    fn look<T>(&self, see: impl FnOnce(&Question) -> T) -> Option<T> {
        MEMORY.with_borrow_mut(|memory| {
            if memory.version != self.version {
                return None;
            }
            memory.questions.get(&self.key).map(see)
        })
    }

    /// Changes what is known of the question, unless the index has moved on since it was counted.
    fn with_question(&self, change: impl FnOnce(&mut Question)) {
        MEMORY.with_borrow_mut(|memory| {
            if memory.version == self.version {
                memory.change(self.key, change);
            }
        });
    }
}

impl Question {
    fn is_worth_sharing(&self) -> bool {
        self.was_cold && !self.in_kv
    }

    fn bytes(&self) -> usize {
        let packed = self.answer.iter().chain(self.body.iter().map(|(_, packed)| packed));
        QUESTION_BYTES + packed.map(|packed| packed.bytes.len()).sum::<usize>()
    }
}

impl Memory {
    fn of(version: &str) -> Self {
        Self { version: version.to_owned(), questions: LruCache::unbounded(), bytes: 0 }
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut Question)) {
        let is_known = self.questions.contains(&key);
        let question = self.questions.get_or_insert_mut(key, Question::default);
        let before = if is_known { question.bytes() } else { 0 };
        change(question);
        self.bytes = self.bytes + question.bytes() - before;
        while self.bytes > REMEMBERED_BYTES
            && let Some((_, oldest)) = self.questions.pop_lru()
        {
            self.bytes -= oldest.bytes();
        }
    }
}

impl Packed {
    /// `None` for what no compression makes small enough to be remembered beside others.
    fn new(bytes: &[u8]) -> Option<Self> {
        let mut packed = vec![0; block::get_maximum_output_size(bytes.len())];
        let length = block::compress_into(bytes, &mut packed).ok()?;
        packed.truncate(length);
        (length <= REMEMBERED_BYTES / 16).then(|| Self { length: bytes.len(), bytes: packed.into_boxed_slice() })
    }

    fn unpacked(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.length];
        let length = block::decompress_into(&self.bytes, &mut bytes).ok()?;
        (length == self.length).then_some(bytes)
    }
}

/// Counts a write, unless there were enough in this minute.
fn may_write(now: Timestamp) -> bool {
    let left = writes_left(now);
    let (since, count) = WRITES.get();
    let (since, count) = if now - since >= WRITES_WINDOW { (now, 0) } else { (since, count) };
    WRITES.set((since, (count + 1).min(WRITES_MAX)));
    left > 0
}

/// Writes that may still be made in this minute.
fn writes_left(now: Timestamp) -> u32 {
    let (since, count) = WRITES.get();
    if now - since >= WRITES_WINDOW { WRITES_MAX } else { WRITES_MAX - count }
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
    use search::answer::{FacetCount, Facets};
    use search::{Hit, Sort};

    use super::*;

    fn request(query: &str) -> Request {
        Request { query: query.to_owned(), ..Request::default() }
    }

    fn asked(version: &str, request: &Request) -> Asked {
        let asked = Asked::new(version, request).unwrap();
        asked.count();
        asked
    }

    fn body_of(asked: &Asked) -> Option<Body> {
        asked.remembered_body(Timestamp(0))
    }

    fn body(text: &str) -> Body {
        Body { total: text.len() as u64, bytes: text.as_bytes().to_vec() }
    }

    /// A page of hits with its facets, in which nothing is like in another.
    fn page(number: usize) -> Answer {
        let unlike = |at: usize| hex::encode(&Sha256::digest(format!("{number} {at}"))[..16]);
        let hit = |at: usize| Hit {
            id: unlike(at),
            sku: format!("SKU-{number}-{at}"),
            slug: format!("stainless-kettle-{number}-{at}"),
            title: format!("Kettle of stainless steel, {at} litres, model {number}"),
            currency: "NGN".to_owned(),
            image: Some(format!(r#"{{"key":"{}","width":640,"height":480,"alt":"Kettle"}}"#, unlike(at + 100))),
            category: vec!["Home".to_owned(), "Kitchen".to_owned()],
            ..Hit::default()
        };
        let facet = |at: usize| FacetCount { value: format!("Maker {at}"), count: (number + at) as u64 };
        let facets = Facets { brand: (0..20).map(facet).collect(), ..Facets::default() };
        Answer { total: number as u64, hits: (0..24).map(hit).collect(), facets, ..Answer::default() }
    }

    #[test]
    fn a_thousand_hot_questions_in_a_minute_are_thirty_writes() {
        let writes = |from: i64| (0..1_000).filter(|at| may_write(Timestamp(from + at * 50))).count();
        assert_eq!(writes(1_000_000), WRITES_MAX as usize);
        assert_eq!(writes(1_060_000), WRITES_MAX as usize);
    }

    #[test]
    fn two_thousand_pages_are_remembered_and_come_back_as_they_were() {
        let asked = |number: usize| asked("v1", &request(&number.to_string()));
        for number in 0..2_000 {
            asked(number).keep(&page(number)).unwrap();
        }
        let answer = |number: usize| asked(number).look(|question| question.answer.as_ref()?.unpacked()).flatten();
        for number in [0, 1_000, 1_999] {
            assert_eq!(serde_json::from_slice::<Answer>(&answer(number).unwrap()).unwrap(), page(number));
        }
        // However many more there are, the bound holds.
        for number in 2_000..12_000 {
            asked(number).keep(&page(number)).unwrap();
            asked(0);
        }
        let (bytes, counted) = MEMORY.with_borrow(|memory| {
            (memory.bytes, memory.questions.iter().map(|(_, question)| question.bytes()).sum::<usize>())
        });
        assert!(bytes <= REMEMBERED_BYTES && bytes == counted, "{bytes} {counted}");
        assert!(answer(0).is_some() && answer(1).is_none(), "what is used stays, what is not goes");
    }

    #[test]
    fn questions_without_answers_keep_the_bound_too() {
        for number in 0..100_000 {
            asked("v1", &request(&number.to_string()));
        }
        let (bytes, questions) = MEMORY.with_borrow(|memory| (memory.bytes, memory.questions.len()));
        assert!(bytes <= REMEMBERED_BYTES && questions * QUESTION_BYTES == bytes, "{bytes} {questions}");
    }

    #[test]
    fn what_is_too_large_is_not_remembered() {
        let noise = |at: u32| Sha256::digest(at.to_le_bytes());
        let bytes: Vec<u8> = (0..20_000).flat_map(noise).collect();
        let asked = asked("v1", &request("lamp"));
        asked.keep_body(&Body { total: 1, bytes });
        assert_eq!(body_of(&asked), None);
    }

    #[test]
    fn an_answer_comes_from_no_other_question_and_no_other_version() {
        let lamp = request("lamp");
        let others = [
            request("lamps"),
            Request { page: 2, ..lamp.clone() },
            Request { per_page: 6, ..lamp.clone() },
            Request { brands: vec!["Softnest".to_owned()], ..lamp.clone() },
            Request { category: Some("Softnest".to_owned()), ..lamp.clone() },
            Request { min_price_minor: Some(1), ..lamp.clone() },
            Request { max_price_minor: Some(1), ..lamp.clone() },
            Request { min_stars: Some(1), ..lamp.clone() },
            Request { available_only: true, ..lamp.clone() },
            Request { sort: Sort::Newest, ..lamp.clone() },
            Request { prefix_last_word: true, ..lamp.clone() },
            Request { with_facets: false, ..lamp.clone() },
            Request { attributes: [("Colour".to_owned(), vec!["Red".to_owned()])].into(), ..lamp.clone() },
        ];
        asked("v1", &lamp).keep_body(&body("of lamps"));
        assert_eq!(body_of(&asked("v1", &lamp)), Some(body("of lamps")));
        for other in &others {
            assert_eq!(body_of(&asked("v1", other)), None, "{other:?}");
        }
        assert_eq!(body_of(&asked("v2", &lamp)), None);
    }

    #[test]
    fn a_new_version_of_the_index_forgets_the_answers_of_the_old_one() {
        let old = asked("v1", &request("lamp"));
        old.keep_body(&body("old"));
        assert_eq!(body_of(&old), Some(body("old")));
        let new = asked("v2", &request("lamp"));
        assert_eq!((body_of(&old), body_of(&new)), (None, None));
        new.keep_body(&body("new"));
        // A search of the old one that ends late brings nothing of it to the new one, and takes nothing away.
        old.keep_body(&body("old"));
        assert_eq!((body_of(&old), body_of(&new)), (None, Some(body("new"))));
        assert_eq!(body_of(&asked("v1", &request("lamp"))), None);
    }

    #[test]
    fn a_hot_cold_question_is_answered_once_more_to_be_shared_and_no_more() {
        let asked = asked("v1", &request("lamp"));
        asked.keep_body(&body("lamps"));
        asked.with_question(|question| (question.times, question.was_cold) = (HOT_AFTER, true));
        assert_eq!(asked.remembered_body(Timestamp(2_000_000)), None);
        asked.with_question(|question| question.in_kv = true);
        assert_eq!(asked.remembered_body(Timestamp(2_000_000)), Some(body("lamps")));
        asked.with_question(|question| question.in_kv = false);
        while may_write(Timestamp(2_000_000)) {}
        assert_eq!(asked.remembered_body(Timestamp(2_000_000)), Some(body("lamps")));
    }
}
