//! Draws a catalogue: what a market town's shops would sell, with invented makers, in naira. The same seed gives the same
//! catalogue for ever, and a smaller one is the beginning of a larger one.

mod lines;
mod words;

use domain::ids::Sku;
use domain::money::{Currency, Money};
use domain::wire::{ProductStatus, Rating};

use self::lines::{Choices, LINES, Line};
use crate::draft::{Draft, DraftVariant};
use crate::picture::drawing::Drawing;
use crate::random::Random;
use crate::source::{Source, Sourced};

/// Most products that are drawn.
pub const PRODUCTS_MAX: u64 = 1_000_000;

/// Keeps the number of different pictures small, so that seeding takes seconds.
const DRAWINGS_PER_ICON: u32 = 2;

/// The first `count` products of the catalogue of `seed`.
pub fn open(seed: u64, count: u64) -> Source {
    Box::new((1..=count).map(move |number| Sourced { line: number, draft: product(seed, number) }))
}

fn product(seed: u64, number: u64) -> Result<Draft, String> {
    // Each product has its own stream, so that it does not depend on how many there are.
    let mut random = Random::from_seed(seed ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03));
    random.draw();
    let line = line(&mut random).ok_or("there is nothing to draw")?;
    let sku_text = format!("{}-{seed:02}{number:06}", line.code);
    let brand = random.pick(line.brands).copied().unwrap_or_default();
    let (noun, icon) = random.pick(line.nouns).copied().unwrap_or_default();
    let word = random.pick(line.words).copied().unwrap_or_default();
    let attributes: Vec<(String, String)> = line
        .attributes
        .iter()
        .filter_map(|(name, values)| {
            let values: Vec<&str> = values.split('|').collect();
            random.pick(&values).map(|value| ((*name).to_owned(), (*value).to_owned()))
        })
        .collect();
    let title = title(line, brand, word, noun, &mut random);
    let price_major = round_price(random.between(line.price.0, line.price.1));
    let sku = Sku::new(&sku_text).map_err(|error| error.to_string())?;
    let variants = variants(line, &sku_text, price_major, &mut random)?;
    let price = Money::new(variants.iter().map(|variant| variant.price_minor).min().unwrap_or_default(), Currency::Ngn);
    let (rating, sold) = history(seed, number);
    let [top, _] = line.path;
    let hue = (lines::hue(top) + u16::try_from(Random::from_text(icon).below(24)).unwrap_or(0)) % 360;
    Draft {
        description: words::description(line, brand, noun, &attributes, &mut random),
        brand: Some(brand.to_owned()),
        category: line.path.map(str::to_owned).to_vec(),
        price,
        attributes,
        images: Vec::new(),
        // The noun's drawing, in one of its variations: many products share one.
        drawing: Some(Drawing::new(icon, hue, &title, DRAWINGS_PER_ICON)),
        codes: vec![ean(&mut random)],
        seller: random.pick(&words::SELLERS).copied().unwrap_or("Kasuwa").to_owned(),
        title,
        variants,
        status: ProductStatus::Active,
        rating,
        sold,
        weight_grams: 0,
        sku,
    }
    .tidied()
}

/// What shoppers did before the shop opened here: most things were bought by some and rated by a few of them, a few sell and sell,
/// new ones have no history. Of a stream of its own, so that everything else is drawn as it always was.
fn history(seed: u64, number: u64) -> (Option<Rating>, u32) {
    let mut random = Random::from_seed(!seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f));
    random.draw();
    let sold = match random.below(100) {
        0..12 => 0,
        12..60 => random.between(1, 60),
        60..92 => random.between(40, 900),
        _ => random.between(600, 6_000),
    };
    let count = sold * random.between(0, 30) / 100;
    // The middle of three draws: most are good, few are perfect, some are poor.
    let mut draws = [random.between(200, 500), random.between(330, 500), random.between(330, 500)];
    draws.sort_unstable();
    let hundredths = u16::try_from(draws[1]).unwrap_or(Rating::HUNDREDTHS_MAX);
    ((count > 0).then_some(Rating { hundredths, count }), sold)
}

/// A line of goods, commoner ones more often.
fn line(random: &mut Random) -> Option<&'static Line> {
    let total: u32 = LINES.iter().map(|line| line.weight).sum();
    let mut left = random.below(total);
    LINES.iter().find(|line| {
        let found = left < line.weight;
        left = left.saturating_sub(line.weight);
        found
    })
}

fn title(line: &Line, brand: &str, word: &str, noun: &str, random: &mut Random) -> String {
    let model = match line.choices {
        // What is made by machines has a model, what is made by hands has not.
        Choices::Storage | Choices::Plain(true) => {
            let letter = random.pick(&['A', 'C', 'E', 'G', 'K', 'M', 'S', 'T', 'X', 'Z']).copied().unwrap_or('K');
            format!(" {letter}{}", random.between(1, 99) * 10)
        }
        Choices::Plain(false) | Choices::Garment | Choices::Shoes | Choices::Colours | Choices::Sizes(_) => {
            String::new()
        }
    };
    format!("{brand} {word} {noun}{model}")
}

/// Prices as they are written on a card: whole naira, to the next 50 below 10,000 and to the next 500 above.
fn round_price(naira: u32) -> u32 {
    let step = if naira < 10_000 { 50 } else { 500 };
    naira.div_ceil(step) * step
}

fn variants(line: &Line, sku: &str, price_major: u32, random: &mut Random) -> Result<Vec<DraftVariant>, String> {
    let colours = some_of(&words::COLOURS, random.between(2, 4) as usize, random);
    // What sets each apart, a suffix for its SKU, and its price in hundredths of the product's.
    let mut choices: Vec<(Vec<(&str, String)>, u32)> = Vec::new();
    match line.choices {
        Choices::Plain(_) => choices.push((Vec::new(), 100)),
        Choices::Colours => choices.extend(colours.iter().map(|colour| (vec![("Colour", (*colour).to_owned())], 100))),
        Choices::Garment => {
            let sizes = &["S", "M", "L", "XL", "XXL"][..random.between(3, 5) as usize];
            for colour in &colours[..colours.len().min(3)] {
                for size in sizes {
                    choices.push((vec![("Size", (*size).to_owned()), ("Colour", (*colour).to_owned())], 100));
                }
            }
        }
        Choices::Shoes => {
            let first = random.between(36, 40);
            choices.extend((first..first + 6).map(|size| (vec![("Size", size.to_string())], 100)));
        }
        Choices::Storage => {
            for (storage, hundredths) in [("64 GB", 100), ("128 GB", 118), ("256 GB", 141)] {
                for colour in &colours[..colours.len().min(2)] {
                    choices.push((vec![("Storage", storage.to_owned()), ("Colour", (*colour).to_owned())], hundredths));
                }
            }
        }
        Choices::Sizes(sizes) => {
            for size in sizes.split('|') {
                let (size, hundredths) = size.split_once('=').unwrap_or((size, "100"));
                choices.push((vec![("Size", size.to_owned())], hundredths.parse().unwrap_or(100)));
            }
        }
    }
    let alone = choices.len() == 1;
    choices
        .into_iter()
        .map(|(options, hundredths)| {
            let suffix: String = options.iter().map(|(_, value)| format!("-{}", short(value))).collect();
            let number = if alone { sku.to_owned() } else { format!("{sku}{suffix}") };
            let price_minor = i64::from(round_price(price_major * hundredths / 100)) * 100;
            Ok(DraftVariant {
                sku: Sku::new(&number).map_err(|error| error.to_string())?,
                options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                price_minor,
                stock: random.stock(),
                image: None,
            })
        })
        .collect()
}

/// A value as part of a SKU: `Palm green` is `PALMGREEN`.
fn short(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// So many different ones of `items`, in their order.
fn some_of<'a>(items: &[&'a str], count: usize, random: &mut Random) -> Vec<&'a str> {
    let mut left = count.min(items.len());
    let mut some = Vec::with_capacity(left);
    for (index, item) in items.iter().enumerate() {
        let remaining = u32::try_from(items.len() - index).unwrap_or(1);
        if (random.below(remaining) as usize) < left {
            some.push(*item);
            left -= 1;
        }
    }
    some
}

/// A thirteen-digit number with its check digit (GS1), from the range that shops use among themselves.
fn ean(random: &mut Random) -> String {
    let digits: String = format!("20{:05}{:05}", random.below(100_000), random.below(100_000));
    let sum: u32 =
        digits.bytes().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::source::SeenSkus;

    fn drafts(seed: u64, count: u64) -> Vec<Draft> {
        open(seed, count).map(|sourced| sourced.draft.unwrap()).collect()
    }

    fn digest(drafts: &[Draft]) -> String {
        hex::encode(Sha256::digest(format!("{drafts:?}")))
    }

    #[test]
    fn the_same_seed_gives_the_same_catalogue() {
        assert_eq!(digest(&drafts(1, 300)), digest(&drafts(1, 300)));
        assert_ne!(digest(&drafts(1, 300)), digest(&drafts(2, 300)));
        assert_eq!(drafts(1, 300)[..50], drafts(1, 50), "a smaller one is the beginning of a larger one");
    }

    #[test]
    fn every_product_can_be_imported_and_told_from_the_others() {
        let drafts = drafts(7, 5_000);
        let mut seen = SeenSkus::default();
        for (draft, line) in drafts.iter().zip(1..) {
            seen.note(line, draft).unwrap();
            assert!(draft.price.amount_minor > 0 && draft.price.currency == Currency::Ngn);
            assert!(draft.variants.iter().all(|variant| variant.price_minor >= draft.price.amount_minor));
            assert!(draft.description.len() > 80, "{}", draft.description);
        }
        let titles: HashSet<_> = drafts.iter().map(|draft| &draft.title).collect();
        assert!(titles.len() > 2_500, "{} titles", titles.len());
    }

    #[test]
    fn the_market_has_all_its_stalls() {
        let drafts = drafts(3, 2_000);
        let tops: HashSet<_> = drafts.iter().map(|draft| draft.category[0].as_str()).collect();
        assert!(tops.len() >= 9, "{tops:?}");
        let pictures: HashSet<_> = drafts.iter().filter_map(|draft| draft.drawing.clone()).collect();
        assert!(pictures.len() <= 400, "{} drawings", pictures.len());
        let sold_out = drafts.iter().filter(|draft| draft.variants.iter().all(|variant| variant.stock == 0)).count();
        assert!((1..400).contains(&sold_out), "{sold_out} sold out");
    }

    #[test]
    fn most_things_have_a_history_and_new_ones_have_none() {
        let drafts = drafts(1, 1_000);
        let rated: Vec<Rating> = drafts.iter().filter_map(|draft| draft.rating).collect();
        assert!((600..950).contains(&rated.len()) && rated.iter().all(|rating| rating.is_possible()));
        assert!((50..250).contains(&drafts.iter().filter(|draft| draft.sold == 0).count()));
        assert!(drafts.iter().all(|draft| draft.rating.is_none_or(|rating| rating.count <= draft.sold)));
    }

    #[test]
    fn numbers_on_the_pack_check_out() {
        let mut random = Random::from_seed(5);
        for _ in 0..50 {
            let ean = ean(&mut random);
            let sum: u32 = ean.bytes().zip([1, 3].into_iter().cycle()).map(|(d, w)| u32::from(d - b'0') * w).sum();
            assert!(ean.len() == 13 && sum.is_multiple_of(10), "{ean}");
        }
    }
}
