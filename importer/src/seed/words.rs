//! The words of the drawn catalogue: colours, stalls, and sentences that make a description.

use super::lines::Line;
use crate::random::Random;

/// Colours, as a shop names them.
pub(super) const COLOURS: [&str; 14] = [
    "Black",
    "Ivory",
    "Indigo",
    "Palm green",
    "Terracotta",
    "Saffron",
    "Navy",
    "Wine",
    "Sand",
    "Charcoal",
    "Coral",
    "Sky",
    "Olive",
    "Chocolate",
];

/// Who sells: invented stalls.
pub(super) const SELLERS: [&str; 14] = [
    "Kasuwa",
    "Kola Tree Traders",
    "Blue Umbrella Stores",
    "Harmattan House",
    "Lagoon Side Goods",
    "Savanna Stalls",
    "Gate Nine Electronics",
    "Two Rivers Textiles",
    "Morning Market Foods",
    "Calabash & Clay",
    "Sunbird Beauty",
    "Old Station Books",
    "Iron Bridge Tools",
    "Little Drum",
];

const OPENERS: [&str; 8] = [
    "{noun} for every day, made to be used and not only looked at.",
    "A {noun} that does its work quietly and keeps doing it.",
    "{brand} has made this {noun} for busy homes and long days.",
    "The {noun} that neighbours ask about.",
    "Chosen by our buyers out of many: a {noun} that is worth its price.",
    "A dependable {noun}, at a price that leaves something over.",
    "Simple, well made and easy to look after: {brand} at its best.",
    "Bought once, used for years: that is the idea behind this {noun}.",
];

const CLOSERS: [&str; 8] = [
    "Checked by hand before it leaves the shop.",
    "Packed with care, and replaced if it arrives damaged.",
    "Comes with a clear guide in English.",
    "Also makes a good present.",
    "Goes well with the other pieces of the range.",
    "Returns are accepted for seven days, unused and in the original pack.",
    "Small differences from piece to piece are part of its charm.",
    "Made in small batches; when it is gone, the next one takes a few weeks.",
];

/// A description in two or three short paragraphs.
pub(super) fn description(
    line: &Line,
    brand: &str,
    noun: &str,
    attributes: &[(String, String)],
    random: &mut Random,
) -> String {
    let fill = |text: &str| capital(&text.replace("{noun}", &lower_first(noun)).replace("{brand}", brand));
    let opener = fill(random.pick(&OPENERS).copied().unwrap_or_default());
    let says = fill(random.pick(line.says).copied().unwrap_or_default());
    let facts: Vec<String> = attributes.iter().take(3).map(|(name, value)| format!("{name}: {value}.")).collect();
    let closer = fill(random.pick(&CLOSERS).copied().unwrap_or_default());
    format!("{opener} {says}\n\n{}\n\n{closer}", facts.join(" "))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `Rice cooker` in mid-sentence is `rice cooker`; `LED lamp` stays.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
