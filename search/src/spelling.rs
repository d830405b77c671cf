//! British and American spellings as one. It knows English words only, and no word of any catalogue.
//!
//! Both what is indexed and what is asked for are written the American way before they are stemmed, so which of the two
//! a seller or a shopper uses makes no difference. Words that merely look alike (`hour`, `greyhound`, `raise`) are left.

use tantivy::tokenizer::{Token, TokenFilter, TokenStream, Tokenizer};

use crate::plurals;

/// Words spelt in a way of their own, and the other spelling.
const WORDS: &[(&str, &str)] = &[
    ("ageing", "aging"),
    ("aluminium", "aluminum"),
    ("artefact", "artifact"),
    ("axe", "ax"),
    ("chilli", "chili"),
    ("cosy", "cozy"),
    ("defence", "defense"),
    ("disc", "disk"),
    ("discs", "disks"),
    ("doughnut", "donut"),
    ("draught", "draft"),
    ("grey", "gray"),
    ("greys", "grays"),
    ("greyscale", "grayscale"),
    ("jewellery", "jewelry"),
    ("licence", "license"),
    ("moustache", "mustache"),
    ("offence", "offense"),
    ("plough", "plow"),
    ("practise", "practice"),
    ("programme", "program"),
    ("programmes", "programs"),
    ("pyjama", "pajama"),
    ("pyjamas", "pajamas"),
    ("sulphate", "sulfate"),
    ("sulphur", "sulfur"),
    ("tyre", "tire"),
    ("tyres", "tires"),
    ("whiskey", "whisky"),
    ("woollen", "woolen"),
    ("yoghurt", "yogurt"),
];

/// Letters that are spelt differently wherever they stand in a word.
const INSIDE: &[(&str, &str)] = &[
    ("anaesth", "anesth"),
    ("armour", "armor"),
    ("behaviour", "behavior"),
    ("calibre", "caliber"),
    ("centre", "center"),
    ("chequer", "checker"),
    ("colour", "color"),
    ("favour", "favor"),
    ("fibre", "fiber"),
    ("flavour", "flavor"),
    ("harbour", "harbor"),
    ("honour", "honor"),
    ("humour", "humor"),
    ("jeweller", "jeweler"),
    ("labour", "labor"),
    ("litre", "liter"),
    ("lustre", "luster"),
    ("manoeuv", "maneuv"),
    ("metre", "meter"),
    ("mould", "mold"),
    ("neighbour", "neighbor"),
    ("odour", "odor"),
    ("paed", "ped"),
    ("rumour", "rumor"),
    ("savour", "savor"),
    ("splendour", "splendor"),
    ("theatre", "theater"),
    ("vapour", "vapor"),
    ("vigour", "vigor"),
];

/// Words in `-ogue` that lose two letters.
const OGUE: &[&str] = &["analogue", "catalogue", "dialogue", "monologue"];

/// What stands before `-ise` when `-ize` is the same word.
const ISE: &[&str] = &[
    "anod",
    "author",
    "caramel",
    "categor",
    "character",
    "color",
    "crystal",
    "custom",
    "deodor",
    "digit",
    "emuls",
    "energ",
    "equal",
    "fertil",
    "final",
    "galvan",
    "general",
    "immun",
    "item",
    "magnet",
    "maxim",
    "memor",
    "miniatur",
    "minim",
    "mobil",
    "modern",
    "moistur",
    "motor",
    "neutral",
    "normal",
    "optim",
    "organ",
    "oxid",
    "pasteur",
    "personal",
    "plastic",
    "polar",
    "pressur",
    "priorit",
    "pulver",
    "random",
    "real",
    "recogn",
    "rubber",
    "sanit",
    "serial",
    "special",
    "stabil",
    "standard",
    "steril",
    "summar",
    "synchron",
    "tender",
    "token",
    "util",
    "vapor",
    "visual",
    "vulcan",
    "winter",
];
/// What may follow `-is` in those words.
const ISE_ENDINGS: &[&str] = &["e", "ed", "er", "ers", "es", "ing", "ation", "ations"];

/// What stands before an `l` that British spelling doubles.
const DOUBLED_L: &[&str] = &[
    "cancel", "channel", "chisel", "dial", "enamel", "fuel", "funnel", "label", "level", "marvel", "model", "panel",
    "pencil", "signal", "spiral", "swivel", "towel", "travel", "tunnel",
];
const DOUBLED_L_ENDINGS: &[&str] = &["ed", "er", "ers", "ing", "ous"];

/// The spelling under which a word is indexed; `None` when it stays as it is. Lower case, without accents.
pub(crate) fn american(word: &str) -> Option<String> {
    if word.len() < 3 || !word.is_ascii() {
        return None;
    }
    if let Some((_, other)) = WORDS.iter().find(|(british, _)| *british == word) {
        return Some((*other).to_owned());
    }
    // Every word of a catalogue comes by here, and hardly one has such letters.
    let may_differ = |pair: &[u8]| matches!(pair, b"ae" | b"gu" | b"is" | b"ll" | b"oe" | b"ou" | b"qu" | b"re");
    if !word.as_bytes().windows(2).any(may_differ) {
        return None;
    }
    let mut spelling = word.to_owned();
    if let Some((british, other)) = INSIDE.iter().find(|(british, _)| word.contains(british)) {
        spelling = spelling.replacen(british, other, 1);
    }
    if let Some(ogue) = OGUE.iter().find(|ogue| spelling.starts_with(**ogue)) {
        let (kept, rest) = (&ogue[..ogue.len() - 2], &spelling[ogue.len()..]);
        if ["", "s"].contains(&rest) {
            spelling = format!("{kept}{rest}");
        }
    }
    if let Some(ized) = ized(&spelling).or_else(|| single_l(&spelling)) {
        spelling = ized;
    }
    (spelling != word).then_some(spelling)
}

fn ized(word: &str) -> Option<String> {
    let ending = ISE_ENDINGS.iter().find(|ending| {
        word.strip_suffix(**ending)
            .and_then(|before| before.strip_suffix("is"))
            .is_some_and(|start| ISE.contains(&start))
    })?;
    Some(format!("{}z{ending}", &word[..word.len() - ending.len() - 1]))
}

fn single_l(word: &str) -> Option<String> {
    DOUBLED_L_ENDINGS.iter().find_map(|ending| {
        let start = word.strip_suffix(ending)?.strip_suffix('l')?;
        DOUBLED_L.contains(&start).then(|| format!("{start}{ending}"))
    })
}

/// Writes every term the American way, and irregular plurals as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct American;

impl TokenFilter for American {
    type Tokenizer<T: Tokenizer> = AmericanTokenizer<T>;

    fn transform<T: Tokenizer>(self, tokenizer: T) -> AmericanTokenizer<T> {
        AmericanTokenizer { tokenizer }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct AmericanTokenizer<T> {
    tokenizer: T,
}

impl<T: Tokenizer> Tokenizer for AmericanTokenizer<T> {
    type TokenStream<'a> = AmericanStream<T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        AmericanStream { stream: self.tokenizer.token_stream(text) }
    }
}

pub(crate) struct AmericanStream<S> {
    stream: S,
}

impl<S: TokenStream> TokenStream for AmericanStream<S> {
    fn advance(&mut self) -> bool {
        if !self.stream.advance() {
            return false;
        }
        let text = &self.stream.token().text;
        if let Some(spelling) = plurals::singular(text).map(str::to_owned).or_else(|| american(text)) {
            self.stream.token_mut().text = spelling;
        }
        true
    }

    fn token(&self) -> &Token {
        self.stream.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.stream.token_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn british_and_american_spellings_are_one() {
        for (british, expected) in [
            ("colour", "color"),
            ("multicoloured", "multicolored"),
            ("grey", "gray"),
            ("centre", "center"),
            ("millimetres", "millimeters"),
            ("aluminium", "aluminum"),
            ("tyres", "tires"),
            ("fibreglass", "fiberglass"),
            ("catalogues", "catalogs"),
            ("organiser", "organizer"),
            ("sterilisation", "sterilization"),
            ("colourised", "colorized"),
            ("labelling", "labeling"),
            ("travellers", "travelers"),
        ] {
            assert_eq!(american(british).as_deref(), Some(expected));
            assert_eq!(american(expected), None, "{expected} is changed again");
        }
    }

    #[test]
    fn no_letters_of_the_tables_are_passed_over() {
        for (british, other) in INSIDE.iter().chain(WORDS) {
            assert_eq!(american(british).as_deref(), Some(*other));
        }
        for ogue in OGUE {
            assert!(american(ogue).is_some(), "{ogue}");
        }
        for (start, ending) in ISE.iter().flat_map(|start| ISE_ENDINGS.iter().map(move |ending| (start, ending))) {
            assert_eq!(american(&format!("{start}is{ending}")), Some(format!("{start}iz{ending}")));
        }
        for (start, ending) in DOUBLED_L.iter().flat_map(|start| DOUBLED_L_ENDINGS.iter().map(move |e| (start, e))) {
            assert_eq!(american(&format!("{start}l{ending}")), Some(format!("{start}{ending}")));
        }
    }

    #[test]
    fn words_that_only_look_british_stay() {
        for word in
            ["hour", "four", "velour", "contour", "greyhound", "raise", "noise", "advertise", "exercise", "vogue"]
        {
            assert_eq!(american(word), None);
        }
        for word in ["promise", "precise", "diameter", "filler", "roller", "waller", "ọjà", "", "re"] {
            assert_eq!(american(word), None);
        }
    }
}
