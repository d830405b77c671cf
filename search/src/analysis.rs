//! From text to terms, the same way for products and for queries. It never looks into an index.
//!
//! Words are lower-cased, freed of accents and stemmed. What shops need on top: a model number is found with and without
//! its punctuation (`dv7-1211ea`, `dv7 1211ea`, `dv71211ea`), a number and its unit together and apart (`4 GB`, `4gb`),
//! and inches as a word or a sign (`15 inch`, `15"`).

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer,
};

/// The name under which the analyser is registered with the index.
pub(crate) const ANALYSER: &str = "shop";
/// Longest term, in characters; what is longer is cut.
const TERM_CHARS_MAX: usize = 40;
/// Most words of a query that are searched for.
const QUERY_WORDS_MAX: usize = 16;
/// Most parts of one punctuated word that are joined into one term.
const JOINED_PARTS_MAX: usize = 6;

/// Units that stick to the number before them.
const UNITS: &[&str] = &[
    "a", "bit", "btu", "cc", "cl", "cm", "db", "dpi", "fps", "ft", "g", "gb", "ghz", "hp", "hz", "in", "inch", "kg",
    "khz", "km", "kw", "kwh", "l", "lb", "m", "mah", "mb", "mbit", "mhz", "ml", "mm", "mp", "ms", "nm", "oz", "rpm",
    "tb", "v", "va", "w", "wh", "x",
];

/// Words that say nothing about a product as long as another word does.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "that", "the",
    "to", "with",
];

/// What turns the text of products into terms.
pub(crate) fn analyser() -> TextAnalyzer {
    TextAnalyzer::builder(ShopTokenizer).filter(AsciiFoldingFilter).filter(Stemmer::new(Language::English)).build()
}

/// A word of a query: what was between two spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryWord {
    /// What is between punctuation, as terms.
    pub(crate) parts: Vec<String>,
    /// The parts as typed: lower case, without accents, not stemmed.
    pub(crate) plain_parts: Vec<String>,
    /// All parts as one term, when there are several.
    pub(crate) joined: Option<String>,
    /// A number and its unit, when the word is both: `4gb`.
    pub(crate) number_and_unit: Option<(String, String)>,
    /// Says nothing as long as another word does.
    pub(crate) is_stop_word: bool,
}

impl QueryWord {
    /// The word without punctuation, as codes are indexed.
    pub(crate) fn code(&self) -> String {
        self.plain_parts.concat().replace('.', "")
    }
}

/// Cuts a query into words. Empty when it has no letter and no digit.
pub(crate) fn query_words(text: &str) -> Vec<QueryWord> {
    let mut fold = TextAnalyzer::builder(RawTokenizer::default()).filter(AsciiFoldingFilter).build();
    let mut stem = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
    let mut words = Vec::new();
    for chunk in chunks(text) {
        if words.len() == QUERY_WORDS_MAX {
            break;
        }
        let plain_parts: Vec<String> = chunk.iter().map(|part| single(&mut fold, part)).collect();
        let parts: Vec<String> = plain_parts.iter().map(|part| single(&mut stem, part)).collect();
        let joined = joined(&plain_parts).map(|joined| single(&mut stem, &joined));
        let number_and_unit = match plain_parts.as_slice() {
            [only] => split_unit(only).map(|(number, unit)| (number.to_owned(), single(&mut stem, unit))),
            _ => None,
        };
        let is_stop_word = plain_parts.len() == 1 && STOP_WORDS.contains(&plain_parts[0].as_str());
        words.push(QueryWord { parts, plain_parts, joined, number_and_unit, is_stop_word });
    }
    if words.iter().any(|word: &QueryWord| !word.is_stop_word) {
        words.retain(|word| !word.is_stop_word);
    }
    words
}

/// A SKU, an EAN or a part number as it is indexed: letters and digits only, lower case.
pub(crate) fn code(text: &str) -> String {
    let plain = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    plain.take(TERM_CHARS_MAX).collect()
}

fn single(analyser: &mut TextAnalyzer, text: &str) -> String {
    let mut stream = analyser.token_stream(text);
    if stream.advance() { stream.token().text.clone() } else { text.to_owned() }
}

/// What is between spaces, each cut at punctuation; lower case, inch signs spelt out, combining marks dropped.
fn chunks(text: &str) -> Vec<Vec<String>> {
    let mut chunks: Vec<Vec<String>> = Vec::new();
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut characters = text.chars().filter(|c| !is_combining_mark(*c)).peekable();
    let mut previous = ' ';
    while let Some(character) = characters.next() {
        let next_is_digit = characters.peek().is_some_and(char::is_ascii_digit);
        if character.is_alphanumeric() {
            part.extend(character.to_lowercase());
        } else if character == '.' && previous.is_ascii_digit() && next_is_digit && is_decimal_start(&part) {
            part.push('.');
        } else {
            end_part(&mut part, &mut parts);
            let is_inch = matches!(character, '"' | '″' | '”') && previous.is_ascii_digit();
            if is_inch || character.is_whitespace() || character.is_control() {
                end_chunk(&mut parts, &mut chunks);
            }
            if is_inch {
                chunks.push(vec!["inch".to_owned()]);
            }
        }
        previous = character;
    }
    end_part(&mut part, &mut parts);
    end_chunk(&mut parts, &mut chunks);
    chunks
}

fn end_part(part: &mut String, parts: &mut Vec<String>) {
    if !part.is_empty() {
        if let Some((end, _)) = part.char_indices().nth(TERM_CHARS_MAX) {
            part.truncate(end);
        }
        parts.push(std::mem::take(part));
    }
}

fn end_chunk(parts: &mut Vec<String>, chunks: &mut Vec<Vec<String>>) {
    if !parts.is_empty() {
        chunks.push(std::mem::take(parts));
    }
}

fn is_combining_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}')
}

fn is_decimal_start(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

/// The parts as one term, when joining them gives a word that somebody would type.
fn joined(parts: &[String]) -> Option<String> {
    if !(2..=JOINED_PARTS_MAX).contains(&parts.len()) {
        return None;
    }
    let joined = parts.concat();
    (joined.chars().count() <= TERM_CHARS_MAX).then_some(joined)
}

/// `4gb` is `4` and `gb`.
fn split_unit(word: &str) -> Option<(&str, &str)> {
    let at = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = word.split_at(at);
    (!number.is_empty() && UNITS.contains(&unit)).then_some((number, unit))
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[derive(Debug, Clone, Copy)]
struct ShopTokenizer;

impl Tokenizer for ShopTokenizer {
    type TokenStream<'a> = Terms;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms {
        let mut terms = Vec::new();
        let mut position = 0;
        let mut number: Option<String> = None;
        for parts in chunks(text) {
            if let Some(joined) = joined(&parts) {
                terms.push((joined, position));
            }
            for part in parts {
                if let Some(number) = number.take()
                    && UNITS.contains(&part.as_str())
                {
                    terms.push((format!("{number}{part}"), position));
                }
                if let Some((number, unit)) = split_unit(&part) {
                    terms.push((number.to_owned(), position));
                    terms.push((unit.to_owned(), position));
                }
                number = is_number(&part).then(|| part.clone());
                terms.push((part, position));
                position += 1;
            }
        }
        Terms { terms: terms.into_iter(), token: Token::default() }
    }
}

/// The terms of one text, in order.
struct Terms {
    terms: std::vec::IntoIter<(String, usize)>,
    token: Token,
}

impl TokenStream for Terms {
    fn advance(&mut self) -> bool {
        let Some((text, position)) = self.terms.next() else { return false };
        self.token = Token { offset_from: 0, offset_to: text.len(), position, text, position_length: 1 };
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

    #[test]
    fn a_model_number_is_indexed_whole_and_in_parts() {
        assert_eq!(terms("HP dv7-1211ea"), ["hp", "dv71211ea", "dv7", "1211ea"]);
        assert_eq!(query_words("dv7-1211ea")[0].joined.as_deref(), Some("dv71211ea"));
        assert_eq!(query_words("DV7-1211EA")[0].code(), "dv71211ea");
    }

    #[test]
    fn numbers_and_units_are_found_together_and_apart() {
        assert_eq!(terms("4 GB"), ["4", "4gb", "gb"]);
        assert_eq!(terms("4GB"), ["4", "gb", "4gb"]);
        assert_eq!(terms("15.6\""), ["15.6", "15.6inch", "inch"]);
        assert_eq!(query_words("4gb")[0].number_and_unit, Some(("4".into(), "gb".into())));
    }

    #[test]
    fn accents_case_and_endings_do_not_matter() {
        assert_eq!(terms("Cafetières"), terms("CAFETIERE"));
        assert_eq!(terms("O\u{323}\u{300}dàbo\u{301}"), terms("ọdabo"));
        assert_eq!(terms("printers"), terms("printer"));
    }

    #[test]
    fn small_words_count_only_when_there_is_nothing_else() {
        let words = |text| query_words(text).into_iter().map(|word| word.parts[0].clone()).collect::<Vec<_>>();
        assert_eq!(words("bag for the laptop"), ["bag", "laptop"]);
        assert_eq!(words("the"), ["the"]);
    }

    #[test]
    fn text_without_letters_or_digits_has_no_words() {
        for text in ["", "   ", "+-&&||!(){}[]^\"~*?:\\/", "🎧🎧", "\u{0}\u{1}\u{7f}", "\u{301}\u{301}"] {
            assert_eq!(query_words(text), [], "{text:?}");
        }
    }
}
