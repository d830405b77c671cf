//! Makes a [`Plan`]: looks the words of a query up in the dictionaries, and decides in which ways each may be matched.
//! It reads no postings and ranks nothing.

mod beginnings;

use std::ops::Range;

use tantivy::Term;

use super::Plan;
use crate::analysis::{self, QueryWord, Speller};
use crate::answer::Correction;
use crate::lexicon::{Lexicon, Near};
use crate::marks::Marks;
use crate::measures;
use crate::query::{self, Clause};
use crate::request::Request;
use crate::synonyms::Synonyms;
use crate::ways::{Group, Matcher, Way, Worth};
use crate::weights::Weights;

/// Most terms that may be searched for besides those typed.
pub(super) const EXPANSIONS_MAX: usize = 160;
/// Most words of one query for which near spellings are looked for.
pub(super) const NEAR_LOOKUPS_MAX: usize = 4;
/// Most terms for a word at the end of a phrase that is still being typed.
const PREFIX_PHRASES_MAX: usize = 8;
/// Most near spellings that are searched for, and how much rarer than the likeliest they may be.
const NEAR_TERMS_MAX: usize = 4;
const NEAR_TIMES_RARER_MAX: u64 = 50;
/// How much rarer than the likeliest near spelling the rarer half of a word may be, for the halves to be what was meant.
const SPLIT_TIMES_RARER_MAX: u64 = 4;
/// Most synonyms of one word.
const SYNONYMS_MAX: usize = 8;
/// Shortest code, in characters, that may be one word among others. Shorter ones are as often a number of something: `300 dpi`.
const CODE_AMONG_WORDS_CHARS_MIN: usize = 4;
/// Shortest run of digits that may be a code among other words.
const DIGITS_AMONG_WORDS_MIN: usize = 5;
/// From how many words on a query is taken for a title as it is written somewhere, and what a title is worth that has them all,
/// and what it is worth on top when it has them in order.
const TITLE_WORDS_MIN: usize = 4;
const TITLE_WORTH: f32 = 10.0;
/// Fewest letters of a word whose being rare makes it look like a slip. Almost any shorter one is one slip from another.
const DOUBTED_CHARS_MIN: usize = 5;

/// A plan in the making.
pub(super) struct Planner<'a> {
    lexicon: &'a Lexicon,
    weights: &'a Weights,
    synonyms: &'a Synonyms,
    speller: Speller,
    expansions_left: usize,
    near_lookups_left: usize,
    /// Words of the query that were or might be put right, and how they are written then.
    rewritten: Vec<(Range<usize>, String)>,
    has_suggestion: bool,
    plan: Plan,
}

impl<'a> Planner<'a> {
    pub(super) fn new(lexicon: &'a Lexicon, weights: &'a Weights, synonyms: &'a Synonyms) -> Self {
        Self {
            lexicon,
            weights,
            synonyms,
            speller: Speller::new(),
            expansions_left: EXPANSIONS_MAX,
            near_lookups_left: NEAR_LOOKUPS_MAX,
            rewritten: Vec::new(),
            has_suggestion: false,
            plan: Plan::default(),
        }
    }

    pub(super) fn plan(mut self, request: &Request) -> tantivy::Result<Plan> {
        // A star says that the last word is the beginning of others.
        let (text, is_open) = match request.query.trim_end().strip_suffix('*') {
            Some(text) => (text, true),
            None => (request.query.as_str(), request.prefix_last_word),
        };
        let parsed = query::parse(text, &mut self.speller);
        let only_unwanted = parsed.wanted.is_empty() && !parsed.unwanted.is_empty();
        self.plan.other_fields = self.weights.other_fields;
        self.plan.more_words = self.weights.more_words;
        self.plan.is_listing = request.query.trim().is_empty() || only_unwanted;
        // A model number goes on after its hyphen.
        let typed = text.strip_suffix(['-', '/']).unwrap_or(text);
        let last_is_typed = is_open && typed.ends_with(char::is_alphanumeric);
        self.add_wanted(&parsed.wanted, last_is_typed)?;
        self.add_unwanted(&parsed.unwanted)?;
        Ok(self.finish(text))
    }

    fn add_wanted(&mut self, clauses: &[Clause], last_is_typed: bool) -> tantivy::Result<()> {
        let words: Vec<&QueryWord> = clauses.iter().flat_map(Clause::words).collect();
        self.find_code(&words)?;
        let mut next = 0;
        while let Some(clause) = clauses.get(next) {
            let is_last = |taken: usize| last_is_typed && next + taken == clauses.len();
            match clause {
                Clause::Word(_) => {
                    let run: Vec<&QueryWord> = clauses[next..].iter().map_while(as_word).collect();
                    let before = next.checked_sub(1).and_then(|before| as_word(&clauses[before]));
                    let (group, taken) = self.words_group(&run, before, is_last(run.len()))?;
                    self.add_group(group);
                    next += taken;
                }
                Clause::Phrase(words) => {
                    let group = self.phrase_group(words, is_last(1))?;
                    self.plan.has_phrases = true;
                    self.add_group(group);
                    next += 1;
                }
            }
        }
        if last_is_typed {
            self.find_code_beginning(&words)?;
        }
        self.add_lifts_together(&words);
        Ok(())
    }

    fn add_group(&mut self, group: Group) {
        // A phrase that the catalogue cannot have is kept for its words.
        if group.is_empty() && group.words.is_empty() {
            self.plan.unmatched += 1;
        } else {
            self.plan.groups.push(group);
        }
    }

    /// What is excluded, exactly as typed: a guess must not hide anything.
    fn add_unwanted(&mut self, clauses: &[Clause]) -> tantivy::Result<()> {
        for clause in clauses {
            let mut group = Group::default();
            match clause {
                Clause::Word(word) => {
                    self.add_exact(word, &mut group)?;
                    self.add_code(word, &mut group)?;
                }
                Clause::Phrase(words) => {
                    let terms: Vec<Term> = self.phrase_terms(words.iter());
                    group.add(Matcher::Phrase(terms), Worth::Flat(0.0));
                }
            }
            group.lifts.clear();
            if !group.is_empty() {
                self.plan.unwanted.push(group);
            }
        }
        Ok(())
    }

    fn finish(mut self, typed: &str) -> Plan {
        let plan = &mut self.plan;
        plan.groups.iter().for_each(|group| mark(group, &mut plan.marks));
        plan.code.iter().for_each(|code| mark_way(code, &mut plan.marks));
        if self.has_suggestion {
            self.rewritten.sort_by_key(|(range, _)| range.start);
            let mut meant = typed.to_owned();
            for (range, written) in self.rewritten.iter().rev() {
                if meant.get(range.clone()).is_some() {
                    meant.replace_range(range.clone(), written);
                }
            }
            plan.suggestion = Some(meant.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        self.plan
    }

    /// The whole query as one code: `006R 90321` finds the SKU `006R90321`.
    fn find_code(&mut self, words: &[&QueryWord]) -> tantivy::Result<()> {
        let code = analysis::code(&words.iter().map(|word| word.code()).collect::<String>());
        if !code.is_empty() && self.lexicon.code.frequency(&code)? > 0 {
            let matcher = Matcher::Term(self.lexicon.code.term(&code));
            self.plan.code = Some(Way { matcher, worth: Worth::Flat(self.weights.code) });
        }
        Ok(())
    }

    /// The group for the first of some words, or for as many of them as a synonym stands for; and how many those are.
    fn words_group(
        &mut self,
        words: &[&QueryWord],
        before: Option<&QueryWord>,
        last_is_typed: bool,
    ) -> tantivy::Result<(Group, usize)> {
        let terms: Vec<String> = words.iter().flat_map(|word| word.parts.iter().cloned()).collect();
        let ends = words.iter().scan(0, |end, word| {
            *end += word.parts.len();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let synonyms = self.synonyms;
        let (taken, others) = match synonyms.of(&terms, &ends) {
            Some((length, others)) => (ends.iter().take_while(|end| **end <= length).count(), others),
            None => (1, &[][..]),
        };
        let mut means = Group::default();
        let typed: f32 = self.rarity(terms.iter().take(ends[taken - 1]))?;
        for other in others.iter().take(SYNONYMS_MAX) {
            self.add_synonym(other, typed, &mut means)?;
        }
        let mut inner = Vec::new();
        for (index, word) in words.iter().take(taken).enumerate() {
            let before = index.checked_sub(1).map_or(before, |before| Some(words[before]));
            let being_typed = last_is_typed && index + 1 == words.len();
            let neighbours = [before, words.get(index + 1).copied()];
            inner.push(self.word_group(word, neighbours, being_typed, !means.is_empty())?);
        }
        let mut group = match inner.len() {
            1 => inner.swap_remove(0),
            _ => {
                let lifts = inner.iter_mut().flat_map(|group| std::mem::take(&mut group.lifts)).collect();
                let ways = vec![Way { matcher: Matcher::Groups(inner), worth: Worth::Times(1.0) }];
                Group { ways, lifts, words: Vec::new() }
            }
        };
        group.ways.append(&mut means.ways);
        group.lifts.append(&mut means.lifts);
        Ok((group, taken))
    }

    fn word_group(
        &mut self,
        word: &QueryWord,
        neighbours: [Option<&QueryWord>; 2],
        being_typed: bool,
        has_synonyms: bool,
    ) -> tantivy::Result<Group> {
        let mut group = Group::default();
        self.add_exact(word, &mut group)?;
        let typed = self.rarity(word.parts.iter())?;
        for joined in joined_with(word, neighbours) {
            // However rare the one word is: `mouse pad` finds mouse pads before mousepads.
            self.add_instead(&joined, self.weights.joined, typed, &mut group)?;
        }
        if let ([number, unit], Some(whole)) = (word.parts.as_slice(), word.whole.as_ref().filter(|_| word.is_measure))
        {
            let typed = self.rarity(std::iter::once(whole))?;
            for other in measures::in_other_units(number, unit) {
                self.add_instead(&other, 1.0, typed, &mut group)?;
            }
        }
        self.add_code(word, &mut group)?;
        let is_known = !group.is_empty();
        if being_typed || (is_known && self.is_half_a_model(word)?) {
            self.add_beginning(word, beginnings::may_begin_code(word), &mut group)?;
        }
        // What may prove unknown is treated so at once: the postings of what it is put right to are asked for in the same round.
        if !has_synonyms && (group.is_empty() || self.lexicon.is_guess(&word.parts)?) {
            self.put_right(word, being_typed, &mut group)?;
        } else if is_known && !being_typed && !has_synonyms {
            self.doubt(word, &mut group)?;
        }
        Ok(group)
    }

    /// The word as typed: its parts, and all in one piece.
    fn add_exact(&mut self, word: &QueryWord, group: &mut Group) -> tantivy::Result<()> {
        let parts: Vec<&str> = word.parts.iter().map(String::as_str).collect();
        let whole = word.whole.as_deref().map(|whole| vec![whole]);
        // A number and its unit apart would add every "4" and every "GB" to what "4 GB" finds.
        let ways = if word.is_measure { [whole, Some(parts)] } else { [Some(parts), whole] };
        for way in ways.into_iter().flatten() {
            let mut known = true;
            for term in &way {
                known &= self.lexicon.all.frequency(term)? > 0;
            }
            if !known || (word.is_measure && !group.is_empty()) {
                continue;
            }
            let terms: Vec<Term> = way.iter().map(|term| self.lexicon.all.term(term)).collect();
            group.add(Matcher::Every(terms), Worth::Times(self.weights.all));
            for term in way {
                self.add_lifts(term, 1.0, group)?;
            }
        }
        Ok(())
    }

    /// Title, description, brand and category lift what has the term there.
    fn add_lifts(&mut self, term: &str, times: f32, group: &mut Group) -> tantivy::Result<()> {
        let (lexicon, weights) = (self.lexicon, self.weights);
        for (terms, weight) in [
            (&lexicon.title, weights.title),
            (&lexicon.text, weights.text),
            (&lexicon.maker, weights.maker),
            (&lexicon.kind, weights.kind),
        ] {
            if weight > 0.0 && terms.frequency(term)? > 0 {
                let matcher = Matcher::Term(terms.term(term));
                group.lifts.push(Way { matcher, worth: Worth::Times(weight * times) });
            }
        }
        Ok(())
    }

    /// A term that stands for what was typed, which is so rare: it scores no more than that, however rare it is itself.
    fn add_instead(&mut self, term: &str, times: f32, typed: f32, group: &mut Group) -> tantivy::Result<()> {
        let rarity = self.rarity(std::iter::once(term))?;
        let share = if typed > 0.0 && rarity > 0.0 { (typed / rarity).min(1.0) } else { 1.0 };
        self.add_term(term, times * share, group)
    }

    /// A term that was not typed, if the catalogue knows it.
    fn add_term(&mut self, term: &str, times: f32, group: &mut Group) -> tantivy::Result<()> {
        if self.lexicon.all.frequency(term)? > 0 && self.may_expand(1) {
            group.add(Matcher::Term(self.lexicon.all.term(term)), Worth::Times(self.weights.all * times));
            self.add_lifts(term, times, group)?;
        }
        Ok(())
    }

    fn may_expand(&mut self, terms: usize) -> bool {
        match self.expansions_left.checked_sub(terms) {
            Some(left) => {
                self.expansions_left = left;
                true
            }
            None => false,
        }
    }

    /// Whether the whole query is a code for sure.
    fn has_code(&self) -> bool {
        self.plan.code.is_some() && !self.lexicon.is_guessing()
    }

    fn add_code(&mut self, word: &QueryWord, group: &mut Group) -> tantivy::Result<()> {
        let code = analysis::code(&word.code());
        if !self.has_code() && may_be_code(&code) && self.lexicon.code.frequency(&code)? > 0 {
            group.add(Matcher::Term(self.lexicon.code.term(&code)), Worth::Flat(self.weights.code));
        }
        Ok(())
    }

    /// A synonym: a word, or several next to one another. However rare it is, it scores less than what was typed.
    fn add_synonym(&mut self, terms: &[String], typed_rarity: f32, group: &mut Group) -> tantivy::Result<()> {
        let rarity = self.rarity(terms.iter())?;
        let times = self.weights.synonym * if typed_rarity > 0.0 { (typed_rarity / rarity).min(1.0) } else { 1.0 };
        if let [only] = terms {
            return self.add_term(only, times, group);
        }
        self.add_phrase(terms, times, group)
    }

    /// How rare words are together, as BM25 counts it; 0 for words that no product has.
    fn rarity(&self, terms: impl Iterator<Item = impl AsRef<str>>) -> tantivy::Result<f32> {
        let mut rarity = 0.0;
        for term in terms {
            let (with, all) = (self.lexicon.all.frequency(term.as_ref())? as f32, self.lexicon.products as f32);
            rarity += if with > 0.0 { (1.0 + (all - with + 0.5).max(0.0) / (with + 0.5)).ln() } else { 0.0 };
        }
        Ok(rarity)
    }

    fn add_phrase(&mut self, terms: &[String], times: f32, group: &mut Group) -> tantivy::Result<()> {
        for term in terms {
            if self.lexicon.all.frequency(term)? == 0 {
                return Ok(());
            }
        }
        if self.may_expand(terms.len()) {
            let phrase = terms.iter().map(|term| self.lexicon.all.term(term)).collect();
            group.add(Matcher::Phrase(phrase), Worth::Times(times));
        }
        Ok(())
    }

    /// Near spellings of a word that the catalogue does not know, and the two words that it may be written as one.
    fn put_right(&mut self, word: &QueryWord, being_typed: bool, group: &mut Group) -> tantivy::Result<()> {
        let typed = word.plain_parts.concat();
        if word.is_measure || self.near_lookups_left == 0 {
            return Ok(());
        }
        self.near_lookups_left -= 1;
        let near = self.lexicon.near(&typed, being_typed && word.plain().is_some(), &mut self.speller)?;
        let split = self.lexicon.split(&typed)?;
        let commonest = near.first().map_or(0, |best| best.products);
        let written = match (&split, near.first()) {
            (Some((left, right, rarer)), _) if rarer.saturating_mul(SPLIT_TIMES_RARER_MAX) >= commonest => {
                Some(format!("{left} {right}"))
            }
            (_, best) => best.map(|best| best.written.clone()),
        };
        if self.is_beginning(word, near.first(), being_typed)? {
            let suggested = written.filter(|_| near.first().is_some_and(|near| near.products > NEAR_TIMES_RARER_MAX));
            if let Some(suggested) = suggested {
                self.rewritten.push((word.range.clone(), suggested));
                self.has_suggestion = true;
            }
            return self.add_beginning(word, true, group);
        }
        self.add_near(&near, group)?;
        if let Some((left, right, _)) = split {
            let terms = [self.speller.term(&left), self.speller.term(&right)];
            self.add_phrase(&terms, self.weights.joined, group)?;
        }
        if let Some(searched) = &written {
            self.add_synonyms_of(searched, group)?;
        }
        if let Some(searched) = written
            && !group.is_empty()
        {
            self.rewritten.push((word.range.clone(), searched.clone()));
            self.plan.corrections.push(Correction { typed: word.plain_parts.join("-"), searched });
        }
        Ok(())
    }

    /// Synonyms of what a word was put right to: `pendrive` is no word, and nobody's title says `pen drive`.
    fn add_synonyms_of(&mut self, written: &str, group: &mut Group) -> tantivy::Result<()> {
        let terms: Vec<String> = written.split(' ').map(|word| self.speller.term(word)).collect();
        let ends: Vec<usize> = (1..=terms.len()).collect();
        let synonyms = self.synonyms;
        let Some((length, others)) = synonyms.of(&terms, &ends) else { return Ok(()) };
        if length == terms.len() {
            let typed = self.rarity(terms.iter())?;
            for other in others.iter().take(SYNONYMS_MAX) {
                self.add_synonym(other, typed, group)?;
            }
        }
        Ok(())
    }

    fn add_near(&mut self, near: &[Near], group: &mut Group) -> tantivy::Result<()> {
        let Some(best) = near.first() else { return Ok(()) };
        let likely = near.iter().filter(|other| other.products >= best.products / NEAR_TIMES_RARER_MAX);
        let best_rarity = self.rarity(std::iter::once(&best.term))?;
        let mut seen: Vec<&str> = Vec::new();
        for other in likely {
            if seen.len() == NEAR_TERMS_MAX {
                break;
            }
            if seen.contains(&other.term.as_str()) {
                continue;
            }
            let rarer = (best_rarity / self.rarity(std::iter::once(&other.term))?.max(f32::MIN_POSITIVE)).min(1.0);
            let likelihood = if seen.is_empty() { 1.0 } else { self.weights.near_others * rarer };
            seen.push(&other.term);
            let times = self.weights.near.powi(i32::from(other.slips)) * likelihood;
            self.add_term(&other.term, times, group)?;
        }
        Ok(())
    }

    /// A known but very rare word may be two words in one, or a slip: then it is searched for as typed, and what was
    /// probably meant is suggested.
    fn doubt(&mut self, word: &QueryWord, group: &mut Group) -> tantivy::Result<()> {
        let (Some(typed), [term]) = (word.plain(), word.parts.as_slice()) else { return Ok(()) };
        let products = self.lexicon.all.frequency(term)?;
        if products > self.weights.rare_products_max || self.near_lookups_left == 0 || self.has_code() {
            return Ok(());
        }
        self.near_lookups_left -= 1;
        let products_min = products.max(1).saturating_mul(self.weights.suggestion_times_commoner);
        if let Some((left, right, rarer)) = self.lexicon.split(typed)?
            && rarer >= products_min
        {
            let terms = [self.speller.term(&left), self.speller.term(&right)];
            self.add_phrase(&terms, self.weights.joined, group)?;
        }
        if typed.chars().count() >= DOUBTED_CHARS_MIN
            && let Some(meant) = self.lexicon.commoner(typed, term, products_min, &mut self.speller)?
        {
            self.rewritten.push((word.range.clone(), meant.written));
            self.has_suggestion = true;
        }
        Ok(())
    }

    /// Words next to one another; and the words by themselves, for when no product has them so.
    fn phrase_group(&mut self, words: &[QueryWord], last_is_typed: bool) -> tantivy::Result<Group> {
        let mut group = Group::default();
        let exact = self.phrase_terms(words.iter());
        let mut phrases = vec![exact];
        if last_is_typed
            && let Some((last, first)) = words.split_last()
            && let Some(beginning) = last.plain()
        {
            let terms_max = PREFIX_PHRASES_MAX.min(self.expansions_left);
            let ends = self.lexicon.beginning_with(beginning, false, terms_max, &mut self.speller)?.terms;
            self.expansions_left -= ends.len();
            for end in ends.into_iter().filter(|end| *end != last.parts[0]) {
                let mut phrase = self.phrase_terms(first.iter());
                phrase.push(self.lexicon.all.term(&end));
                phrases.push(phrase);
            }
        }
        for phrase in phrases {
            let mut known = true;
            for term in &phrase {
                known &= term.value().as_str().map_or(Ok(0), |text| self.lexicon.all.frequency(text))? > 0;
            }
            if known {
                group.add(Matcher::Phrase(phrase), Worth::Times(self.weights.phrase));
            }
        }
        for (index, word) in words.iter().enumerate() {
            let being_typed = last_is_typed && index + 1 == words.len();
            let inner = self.word_group(word, [None, None], being_typed, false)?;
            group.lifts.extend(inner.lifts.iter().cloned());
            if !inner.is_empty() {
                group.words.push(inner);
            }
        }
        Ok(group)
    }

    fn phrase_terms<'w>(&self, words: impl Iterator<Item = &'w QueryWord>) -> Vec<Term> {
        words.flat_map(|word| &word.parts).map(|part| self.lexicon.all.term(part)).collect()
    }

    /// Lifts for all words together in the title.
    fn add_lifts_together(&mut self, words: &[&QueryWord]) {
        let parts = words.iter().flat_map(|word| &word.parts);
        let terms: Vec<Term> = parts.map(|part| self.lexicon.title.term(part)).collect();
        if terms.len() < 2 {
            return;
        }
        if words.len() >= TITLE_WORDS_MIN {
            for matcher in [Matcher::Every(terms.clone()), Matcher::Phrase(terms.clone())] {
                self.plan.lifts.push(Way { matcher, worth: Worth::Flat(TITLE_WORTH) });
            }
        }
        if self.weights.all_in_title > 0.0 {
            let matcher = Matcher::Every(terms.clone());
            self.plan.lifts.push(Way { matcher, worth: Worth::Flat(self.weights.all_in_title) });
        }
        if self.weights.title_phrase > 0.0 {
            let matcher = Matcher::Phrase(terms);
            self.plan.lifts.push(Way { matcher, worth: Worth::Times(self.weights.title_phrase) });
        }
    }
}

/// Marks what a group matches; of phrases the words, each as it was typed.
fn mark(group: &Group, marks: &mut Marks) {
    if !group.words.is_empty() {
        return group.words.iter().for_each(|word| mark(word, marks));
    }
    group.ways.iter().for_each(|way| mark_way(way, marks));
}

fn mark_way(way: &Way, marks: &mut Marks) {
    match &way.matcher {
        Matcher::Groups(groups) => groups.iter().for_each(|group| mark(group, marks)),
        // What a beginning expands to is marked as far as it was typed only.
        Matcher::Any(_) => (),
        Matcher::Term(_) | Matcher::Every(_) | Matcher::Phrase(_) => {
            let terms = way.matcher.terms().iter().filter_map(|term| term.value().as_str().map(str::to_owned));
            marks.terms.extend(terms);
        }
    }
}

/// Whether a word among others may be a code. Whole queries may be shorter ones, and words: `essential` is also somebody's SKU.
fn may_be_code(code: &str) -> bool {
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    let shortest = if digits == code.len() { DIGITS_AMONG_WORDS_MIN } else { CODE_AMONG_WORDS_CHARS_MIN };
    digits > 0 && code.chars().count() >= shortest
}

fn as_word(clause: &Clause) -> Option<&QueryWord> {
    match clause {
        Clause::Word(word) => Some(word),
        Clause::Phrase(_) => None,
    }
}

/// `wi fi` may be written `wifi`: both words are then matched by the one. Only the end is stemmed: `toner red` in one piece
/// would look like the past of a verb.
fn joined_with(word: &QueryWord, neighbours: [Option<&QueryWord>; 2]) -> Vec<String> {
    let single = |word: &QueryWord| Some((word.plain()?.to_owned(), word.parts.first()?.clone()));
    let Some((plain, term)) = single(word) else { return Vec::new() };
    let [before, after] = neighbours.map(|neighbour| neighbour.and_then(single));
    let before = before.map(|(before, _)| format!("{before}{term}"));
    let after = after.map(|(_, after)| format!("{plain}{after}"));
    before.into_iter().chain(after).collect()
}
