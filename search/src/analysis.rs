//! From text to terms, the same way for products and for queries. It never looks into an index.
//!
//! Words are lower-cased, freed of accents, spelt the American way, made singular and stemmed. What shops need on top: a model number is
//! found with and without its punctuation (`dv7-1211ea`, `dv7 1211ea`, `dv71211ea`), a number and its unit together and
//! apart (`4 GB`, `4gb`), and inches as a word, an abbreviation or a sign (`15 inch`, `15in`, `15"`).
//!
//! Several terms may stand at one position. The *parts*, cut at punctuation and between number and unit, always take one
//! position each: a phrase is a sequence of parts, however it was written.

use std::ops::Range;

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer,
};

use crate::spelling::American;

/// The names under which the analysers are registered with the index: of terms, of words as people write them, and of
/// the first letters of those.
pub(crate) const ANALYSER: &str = "shop";
pub(crate) const WORDS: &str = "shop_words";
pub(crate) const BEGINNINGS: &str = "shop_beginnings";
/// Beginnings of words up to this length, in characters, are indexed as terms.
pub(crate) const BEGINNING_CHARS_MAX: usize = 2;
/// Longest term, in characters; what is longer is cut.
const TERM_CHARS_MAX: usize = 40;
/// Digits of the numbers that stand below bar codes, from UPC to GTIN.
const GTIN_DIGITS: std::ops::RangeInclusive<usize> = 12..=14;
/// Most parts of one punctuated word that are joined into one term.
const JOINED_PARTS_MAX: usize = 6;

/// Units that stick to the number before them, and how each is indexed.
const UNITS: &[(&str, &str)] = &[
    ("a", "a"),
    ("amp", "a"),
    ("amps", "a"),
    ("bit", "bit"),
    ("btu", "btu"),
    ("cc", "cc"),
    ("cl", "cl"),
    ("cm", "cm"),
    ("db", "db"),
    ("dpi", "dpi"),
    ("feet", "ft"),
    ("foot", "ft"),
    ("fps", "fps"),
    ("ft", "ft"),
    ("g", "g"),
    ("gb", "gb"),
    ("ghz", "ghz"),
    ("gigabyte", "gb"),
    ("gigabytes", "gb"),
    ("gram", "g"),
    ("grams", "g"),
    ("hp", "hp"),
    ("hz", "hz"),
    ("in", "inch"),
    ("inch", "inch"),
    ("inches", "inch"),
    ("k", "k"),
    ("kg", "kg"),
    ("kgs", "kg"),
    ("khz", "khz"),
    ("kilo", "kg"),
    ("kilogram", "kg"),
    ("kilograms", "kg"),
    ("kilowatt", "kw"),
    ("km", "km"),
    ("kva", "kva"),
    ("kw", "kw"),
    ("kwh", "kwh"),
    ("l", "l"),
    ("lb", "lb"),
    ("lbs", "lb"),
    ("liter", "l"),
    ("liters", "l"),
    ("litre", "l"),
    ("litres", "l"),
    ("ltr", "l"),
    ("m", "m"),
    ("mah", "mah"),
    ("mb", "mb"),
    ("mbit", "mbit"),
    ("megapixel", "mp"),
    ("megapixels", "mp"),
    ("meter", "m"),
    ("meters", "m"),
    ("metre", "m"),
    ("metres", "m"),
    ("mhz", "mhz"),
    ("ml", "ml"),
    ("mm", "mm"),
    ("mp", "mp"),
    ("ms", "ms"),
    ("nm", "nm"),
    ("ounce", "oz"),
    ("ounces", "oz"),
    ("oz", "oz"),
    ("rpm", "rpm"),
    ("tb", "tb"),
    ("terabyte", "tb"),
    ("terabytes", "tb"),
    ("v", "v"),
    ("va", "va"),
    ("volt", "v"),
    ("volts", "v"),
    ("w", "w"),
    ("watt", "w"),
    ("watts", "w"),
    ("wh", "wh"),
    ("x", "x"),
];

/// Units that are words by themselves unless they touch the number.
const UNITS_ONLY_ATTACHED: &[&str] = &["a", "in", "k"];

/// Words that say nothing about a product as long as another word does.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "that", "the",
    "to", "with",
];

/// What turns the text of products into terms.
pub(crate) fn analyser() -> TextAnalyzer {
    TextAnalyzer::builder(ShopTokenizer { yields: Yields::Terms })
        .filter(AsciiFoldingFilter)
        .filter(American)
        .filter(Stemmer::new(Language::English))
        .build()
}

/// What turns names into words as people write them: neither stemmed nor respelt, model numbers also in one piece.
pub(crate) fn words() -> TextAnalyzer {
    TextAnalyzer::builder(ShopTokenizer { yields: Yields::Words }).filter(AsciiFoldingFilter).build()
}

/// What turns names into the first letters of their words.
fn beginnings() -> TextAnalyzer {
    TextAnalyzer::builder(ShopTokenizer { yields: Yields::Beginnings }).filter(AsciiFoldingFilter).build()
}

/// All analysers, by the names that the schema uses.
pub(crate) fn analysers() -> [(&'static str, TextAnalyzer); 3] {
    [(ANALYSER, analyser()), (WORDS, words()), (BEGINNINGS, beginnings())]
}

/// A word of a query: what was between two spaces, or a number and its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryWord {
    /// Where it stands in the query, in bytes.
    pub(crate) range: Range<usize>,
    /// What is between punctuation, and between number and unit, as terms.
    pub(crate) parts: Vec<String>,
    /// What is between punctuation as typed: lower case, without accents, not stemmed.
    pub(crate) plain_parts: Vec<String>,
    /// All parts as one term, when there are several.
    pub(crate) whole: Option<String>,
    /// A number and its unit: `4gb`, `4 gb`, `15"`.
    pub(crate) is_measure: bool,
    /// Says nothing as long as another word does.
    pub(crate) is_stop_word: bool,
}

impl QueryWord {
    /// The word without punctuation, as codes are indexed.
    pub(crate) fn code(&self) -> String {
        self.plain_parts.concat().replace('.', "")
    }

    /// The word as typed, when no punctuation cuts it.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.plain_parts.as_slice() {
            [only] if !self.is_measure => Some(only),
            _ => None,
        }
    }
}

/// Makes terms of words, one at a time.
pub(crate) struct Speller {
    fold: TextAnalyzer,
    stem: TextAnalyzer,
}

impl Speller {
    pub(crate) fn new() -> Self {
        let whole = || TextAnalyzer::builder(RawTokenizer::default());
        Self {
            fold: whole().filter(AsciiFoldingFilter).build(),
            stem: whole().filter(American).filter(Stemmer::new(Language::English)).build(),
        }
    }

    /// Without accents.
    pub(crate) fn fold(&mut self, text: &str) -> String {
        single(&mut self.fold, text)
    }

    /// The term of a folded word.
    pub(crate) fn term(&mut self, plain: &str) -> String {
        single(&mut self.stem, plain)
    }

    /// Cuts text into words; `offset` is where it begins in the whole query. Empty without letters and digits.
    pub(crate) fn words(&mut self, text: &str, offset: usize) -> Vec<QueryWord> {
        let chunks: Vec<Vec<Part>> = chunks(text);
        let mut words = Vec::new();
        let mut next = 0;
        while let Some(chunk) = chunks.get(next) {
            next += 1;
            let measure = match chunk.as_slice() {
                [only] => split_unit(&only.text).map(|(number, unit)| (number.to_owned(), unit)),
                [number, unit] if is_number(&number.text) => {
                    unit_of(&unit.text, true).map(|unit| (number.text.clone(), unit))
                }
                _ => None,
            };
            let mut range = whole_range(chunk);
            let mut plain_parts: Vec<String> = chunk.iter().map(|part| self.fold(&part.text)).collect();
            let mut measured = measure;
            if let ([number], Some([unit])) = (chunk.as_slice(), chunks.get(next).map(Vec::as_slice))
                && is_number(&number.text)
                && let Some(unit_term) = unit_of(&unit.text, unit.is_sign)
            {
                measured = Some((number.text.clone(), unit_term));
                range.end = unit.range.end;
                plain_parts.push(unit.text.clone());
                next += 1;
            }
            let range = range.start + offset..range.end + offset;
            let word = match measured {
                Some((number, unit)) => QueryWord {
                    range,
                    whole: Some(format!("{number}{unit}")),
                    parts: vec![number, unit.to_owned()],
                    plain_parts,
                    is_measure: true,
                    is_stop_word: false,
                },
                None => QueryWord {
                    range,
                    parts: plain_parts.iter().map(|part| self.term(part)).collect(),
                    whole: joined(&plain_parts).map(|joined| self.term(&joined)),
                    is_stop_word: plain_parts.len() == 1 && STOP_WORDS.contains(&plain_parts[0].as_str()),
                    plain_parts,
                    is_measure: false,
                },
            };
            words.push(word);
        }
        words
    }
}

/// A SKU, an EAN or a part number as it is indexed: letters and digits only, lower case. A UPC of twelve digits, the EAN of thirteen and
/// the GTIN of fourteen that it is written as elsewhere differ in zeros before them only, and are the same.
pub(crate) fn code(text: &str) -> String {
    let plain = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    let code: String = plain.take(TERM_CHARS_MAX).collect();
    let is_gtin = GTIN_DIGITS.contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    if is_gtin { code.trim_start_matches('0').to_owned() } else { code }
}

fn single(analyser: &mut TextAnalyzer, text: &str) -> String {
    let mut stream = analyser.token_stream(text);
    if stream.advance() { stream.token().text.clone() } else { text.to_owned() }
}

/// What is between punctuation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// Lower case, without combining marks.
    text: String,
    /// Where it stands, in bytes.
    range: Range<usize>,
    /// It was a sign, spelt out here.
    is_sign: bool,
}

fn whole_range(parts: &[Part]) -> Range<usize> {
    parts.first().map_or(0, |part| part.range.start)..parts.last().map_or(0, |part| part.range.end)
}

/// What is between spaces, each cut at punctuation; lower case, inch signs spelt out, combining marks dropped.
fn chunks(text: &str) -> Vec<Vec<Part>> {
    let mut cut = Cut::default();
    let mut characters = text.char_indices().filter(|(_, c)| !is_combining_mark(*c)).peekable();
    let mut previous = ' ';
    while let Some((at, character)) = characters.next() {
        let next_is_digit = characters.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        let is_decimal_sign = previous.is_ascii_digit()
            && is_decimal_start(&cut.part)
            && match character {
                '.' => next_is_digit,
                ',' => cut.parts.is_empty() && is_fraction(&text[at + 1..]),
                _ => false,
            };
        if character.is_alphanumeric() {
            cut.push(character, at);
        } else if is_decimal_sign {
            cut.push('.', at);
        } else {
            cut.end_part(at);
            let is_inch = is_inch_sign(character) && previous.is_ascii_digit();
            // `brand: sony` are two words, `16:9` is one.
            let is_label_end = character == ':' && previous.is_alphabetic();
            if is_inch || is_label_end || character.is_whitespace() || character.is_control() {
                cut.end_chunk();
            }
            if is_inch {
                let range = at..at + character.len_utf8();
                cut.chunks.push(vec![Part { text: "inch".to_owned(), range, is_sign: true }]);
            }
        }
        previous = character;
    }
    cut.end_part(text.len());
    cut.end_chunk();
    cut.chunks
}

/// What is between punctuation, lower case, and where it stands.
pub(crate) fn parts(text: &str) -> Vec<(String, Range<usize>)> {
    chunks(text).into_iter().flatten().map(|part| (part.text, part.range)).collect()
}

/// Text on its way to being cut.
#[derive(Default)]
struct Cut {
    chunks: Vec<Vec<Part>>,
    parts: Vec<Part>,
    part: String,
    part_start: usize,
}

impl Cut {
    fn push(&mut self, character: char, at: usize) {
        if self.part.is_empty() {
            self.part_start = at;
        }
        self.part.extend(character.to_lowercase().filter(|c| !is_combining_mark(*c)));
    }

    fn end_part(&mut self, at: usize) {
        if !self.part.is_empty() {
            if let Some((end, _)) = self.part.char_indices().nth(TERM_CHARS_MAX) {
                self.part.truncate(end);
            }
            let text = std::mem::take(&mut self.part);
            self.parts.push(Part { text, range: self.part_start..at, is_sign: false });
        }
    }

    fn end_chunk(&mut self) {
        if !self.parts.is_empty() {
            self.chunks.push(std::mem::take(&mut self.parts));
        }
    }
}

pub(crate) fn is_inch_sign(character: char) -> bool {
    matches!(character, '"' | '″' | '”')
}

pub(crate) fn is_combining_mark(character: char) -> bool {
    // Of Latin script, and the vowel signs and stretches of Arabic, which are seldom typed.
    matches!(character, '\u{300}'..='\u{36f}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}')
}

fn is_decimal_start(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a number goes on here after a decimal comma: `15,6`. Three digits are thousands, and more numbers are a list.
fn is_fraction(rest: &str) -> bool {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    matches!(digits, 1 | 2) && !rest[digits..].starts_with([',', '.'])
}

/// The parts as one term, when joining them gives a word that somebody would type.
fn joined<S: AsRef<str>>(parts: &[S]) -> Option<String> {
    if !(2..=JOINED_PARTS_MAX).contains(&parts.len()) {
        return None;
    }
    let joined: String = parts.iter().map(AsRef::as_ref).collect();
    (joined.chars().count() <= TERM_CHARS_MAX).then_some(joined)
}

impl AsRef<str> for Part {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// How a unit is indexed. `attached`: it touches the number.
fn unit_of(word: &str, attached: bool) -> Option<&'static str> {
    if !attached && UNITS_ONLY_ATTACHED.contains(&word) {
        return None;
    }
    UNITS.binary_search_by(|(unit, _)| (*unit).cmp(word)).ok().map(|at| UNITS[at].1)
}

/// `4gb` is `4` and `gb`.
fn split_unit(word: &str) -> Option<(&str, &'static str)> {
    let at = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = word.split_at(at);
    if number.is_empty() { None } else { unit_of(unit, true).map(|unit| (number, unit)) }
}

pub(crate) fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// What a tokenizer makes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Yields {
    Terms,
    Words,
    Beginnings,
}

#[derive(Debug, Clone, Copy)]
struct ShopTokenizer {
    yields: Yields,
}

impl Tokenizer for ShopTokenizer {
    type TokenStream<'a> = Terms;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms {
        let terms = match self.yields {
            Yields::Terms => terms(text),
            Yields::Words => plain_words(text, usize::MAX),
            Yields::Beginnings => plain_words(text, BEGINNING_CHARS_MAX),
        };
        Terms { terms: terms.into_iter(), token: Token::default() }
    }
}

fn terms(text: &str) -> Vec<Token> {
    let mut terms = Vec::new();
    let mut position = 0;
    let mut number: Option<Part> = None;
    let mut add = |text: String, range: Range<usize>, position: usize| {
        terms.push(Token { offset_from: range.start, offset_to: range.end, position, text, position_length: 1 });
    };
    for parts in chunks(text) {
        if let Some(joined) = joined(&parts) {
            add(joined, whole_range(&parts), position);
        }
        for (index, part) in parts.into_iter().enumerate() {
            if let Some(number) = number.take()
                && let Some(unit) = unit_of(&part.text, index > 0 || part.is_sign)
            {
                add(format!("{}{unit}", number.text), number.range.start..part.range.end, position);
                if unit != part.text {
                    add(unit.to_owned(), part.range.clone(), position);
                }
            }
            if let Some((number, unit)) = split_unit(&part.text) {
                let unit_start = part.range.start + number.len();
                add(number.to_owned(), part.range.start..unit_start, position);
                add(format!("{number}{unit}"), part.range.clone(), position);
                position += 1;
                add(unit.to_owned(), unit_start..part.range.end, position);
            } else {
                number = is_number(&part.text).then(|| part.clone());
                add(part.text, part.range, position);
            }
            position += 1;
        }
    }
    terms
}

/// The words of a text, and each punctuated one in one piece, cut to `chars_max`.
fn plain_words(text: &str, chars_max: usize) -> Vec<Token> {
    let mut words: Vec<String> = Vec::new();
    for parts in chunks(text) {
        words.extend(joined(&parts));
        words.extend(parts.into_iter().map(|part| part.text));
    }
    if chars_max != usize::MAX {
        let beginnings =
            words.iter().flat_map(|word| (1..=chars_max).map(|length| word.chars().take(length).collect()));
        words = beginnings.collect();
        words.sort();
        words.dedup();
    }
    let token = |(position, text): (usize, String)| Token { position, text, ..Token::default() };
    words.into_iter().enumerate().map(token).collect()
}

/// The terms of one text, in order.
struct Terms {
    terms: std::vec::IntoIter<Token>,
    token: Token,
}

impl TokenStream for Terms {
    fn advance(&mut self) -> bool {
        let Some(token) = self.terms.next() else { return false };
        self.token = token;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let mut analyser = analyser();
        let mut stream = analyser.token_stream(text);
        let mut terms = Vec::new();
        while stream.advance() {
            terms.push(stream.token().text.clone());
        }
        terms
    }

    /// The terms of a query's parts, in order.
    fn parts(text: &str) -> Vec<String> {
        Speller::new().words(text, 0).into_iter().flat_map(|word| word.parts).collect()
    }

    #[test]
    fn units_are_in_order() {
        assert!(UNITS.is_sorted());
    }

    #[test]
    fn a_model_number_is_indexed_whole_and_in_parts() {
        assert_eq!(terms("HP dv7-1211ea"), ["hp", "dv71211ea", "dv7", "1211ea"]);
        let word = &Speller::new().words("DV7-1211EA", 0)[0];
        assert_eq!((word.whole.as_deref(), word.code().as_str()), (Some("dv71211ea"), "dv71211ea"));
    }

    #[test]
    fn numbers_and_units_are_found_together_and_apart() {
        assert_eq!(terms("4 GB"), ["4", "4gb", "gb"]);
        assert_eq!(terms("4GB"), ["4", "4gb", "gb"]);
        for inches in ["15.6\"", "15.6in", "15.6 inch", "15.6-inch", "15.6 inches", "15.6″", "15.6 Inch"] {
            assert!(
                ["15.6", "15.6inch", "inch"].iter().all(|term| terms(inches).contains(&(*term).to_owned())),
                "{inches}"
            );
            let words = Speller::new().words(inches, 0);
            assert_eq!((words.len(), words[0].whole.as_deref()), (1, Some("15.6inch")), "{inches}");
            assert_eq!(words[0].range, 0..inches.len());
        }
        assert_eq!(parts("2 in 1"), ["2", "in", "1"]);
        assert_eq!(terms("15,6\""), terms("15.6\""));
        assert_eq!(parts("1,200 w"), ["1", "200", "w"]);
        assert_eq!(parts("10,5,2"), ["10", "5", "2"]);
        assert_eq!(parts("brand:sony 16:9"), ["brand", "soni", "16", "9"]);
    }

    #[test]
    fn parts_take_one_position_each_however_they_are_written() {
        let positions = |text: &str| {
            let mut analyser = analyser();
            let mut stream = analyser.token_stream(text);
            let mut at = Vec::new();
            while stream.advance() {
                at.push((stream.token().text.clone(), stream.token().position));
            }
            at
        };
        for text in ["4gb red dv7-1211ea case", "4 GB red dv7 1211ea case", "4-gb red dv7/1211ea case"] {
            let at = positions(text);
            for (position, part) in parts(text).into_iter().enumerate() {
                assert!(at.contains(&(part.clone(), position)), "{text}: {part} at {position} in {at:?}");
            }
        }
    }

    #[test]
    fn accents_case_endings_and_which_english_do_not_matter() {
        assert_eq!(terms("Cafetières"), terms("CAFETIERE"));
        assert_eq!(terms("O\u{323}\u{300}dàbo\u{301}"), terms("ọdabo"));
        assert_eq!(terms("printers"), terms("printer"));
        assert_eq!(terms("Colour centres, GREY organisers"), terms("colors center gray organizer"));
    }

    #[test]
    fn text_without_letters_or_digits_has_no_words() {
        for text in ["", "   ", "+-&&||!(){}[]^\"~*?:\\/", "🎧🎧", "\u{0}\u{1}\u{7f}", "\u{301}\u{301}"] {
            assert_eq!(Speller::new().words(text, 0), [], "{text:?}");
        }
    }
}
