//! What queries mean: phrases, exclusions, spellings, synonyms, measures, and what of them is marked.

use std::sync::{Arc, OnceLock};

use crate::shop::{self, Bucket, compiled, words};
use search::{Answer, Artefact, Document, Reader, Request, Synonyms, Weights};

const TITLES: [&str; 30] = [
    "Baobab power bank 10000 mAh black",
    "Bank of flowers, power of colour",
    "Zuma wireless mouse",
    "Zuma mouse with wire",
    "Sahel notebook 15\" 4GB grey",
    "Sahel notebook 17 inch 8 GB gray",
    "Sahel laptop 15.6in",
    "Kano wifi router",
    "Kano Wi-Fi extender",
    "HP Pavilion dv7-1211ea",
    "Aluminium tyre centre organiser",
    "Aluminum tire center organizer",
    "Cafetière for the kitchen",
    "Generator 3.5 kVA",
    "Television stand",
    "TV bracket",
    "Red mat for the front door",
    "Door mat, red",
    "Front door bell",
    "Printers and printing",
    "Printer",
    "Toner cartridge black",
    "Black ink",
    "Black toner",
    "Mouse mat",
    "Mousse maker",
    "Ọjà àti bàtà",
    "سماعات رأس",
    "Kettle 2 litre",
    "Kettle 1.7L",
];

fn document((n, title): (usize, &str)) -> Document {
    Document {
        id: format!("{n}"),
        sku: format!("Q-{n:03}"),
        slug: format!("product-{n}"),
        title: title.to_owned(),
        currency: "NGN".to_owned(),
        ..Document::default()
    }
}

/// The titles, and a hundred phones: common, and one of them spelt wrongly by its seller.
fn artefact() -> &'static Artefact {
    static ARTEFACT: OnceLock<Artefact> = OnceLock::new();
    ARTEFACT.get_or_init(|| {
        let phones = (0..100).map(|n| if n == 0 { "Smartphome case" } else { "Smartphone case" });
        compiled(TITLES.into_iter().chain(phones).enumerate().map(document))
    })
}

fn answer(reader: &Reader, request: &Request) -> Answer {
    Bucket::default().answer(reader, artefact(), request).unwrap()
}

/// Shows only what has all the words, so that it can be told what a word means.
fn reader(artefact: &Artefact) -> Reader {
    shop::reader(artefact).with_weights(Weights { enough_products: 1, ..Weights::default() })
}

fn ask(query: &str) -> Answer {
    answer(&reader(artefact()), &words(query))
}

fn typing(query: &str) -> Answer {
    answer(&reader(artefact()), &Request { prefix_last_word: true, ..words(query) })
}

fn titles(answer: &Answer) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.title.as_str()).collect()
}

fn sorted(query: &str) -> Vec<String> {
    let answer = ask(query);
    let mut titles: Vec<String> = titles(&answer).into_iter().map(str::to_owned).collect();
    titles.sort();
    titles
}

fn marked(answer: &Answer) -> Vec<String> {
    let show = |hit: &search::Hit| {
        let mut title = hit.title.clone();
        for mark in hit.title_marks.iter().rev() {
            title.insert(mark.end, ']');
            title.insert(mark.start, '[');
        }
        title
    };
    answer.hits.iter().map(show).collect()
}

#[test]
fn words_in_quotes_stand_next_to_one_another() {
    assert_eq!(titles(&ask("\"power bank\"")), [TITLES[0]]);
    assert_eq!(ask("power bank").total, 2);
    assert_eq!(titles(&ask("\"red mat\"")), [TITLES[16]]);
    assert_eq!(titles(&ask("\"front door\" red")), [TITLES[16]]);
    assert_eq!(ask("\"front door\"").total, 2);
    for measure in ["\"4gb grey\"", "\"4 GB gray\"", "\"notebook 15\" 4 gb\"", "\"notebook 15 inch\" 4gb"] {
        assert_eq!(titles(&ask(measure)), [TITLES[4]], "{measure}");
    }
    assert_eq!(titles(&ask("\"hp pavilion dv7 1211ea\"")), [TITLES[9]]);
}

#[test]
fn a_phrase_that_no_product_has_is_told_from_words_that_none_has() {
    let phrase = ask("\"mat front\"");
    assert_eq!((titles(&phrase), phrase.relaxed, phrase.missed_phrase), (vec![TITLES[16]], true, true));
    let found = ask("\"front door\"");
    assert_eq!((found.relaxed, found.missed_phrase), (false, false));
    assert!(!ask("zuma wireless tyre").missed_phrase);
}

#[test]
fn a_measure_is_found_in_whatever_unit_and_with_a_decimal_comma() {
    for (measure, title) in [
        ("notebook 4096 mb", TITLES[4]),
        ("notebook 8000mb", TITLES[5]),
        ("laptop 15,6\"", TITLES[6]),
        ("generator 3500 va", TITLES[13]),
        ("kettle 2000 ml", TITLES[28]),
        ("kettle 170cl", TITLES[29]),
    ] {
        let found = ask(measure);
        assert_eq!((titles(&found)[0], found.relaxed), (title, false), "{measure}");
    }
}

#[test]
fn when_few_products_have_all_words_those_with_some_follow() {
    let usual = shop::reader(artefact());
    let found = answer(&usual, &words("zuma wireless mouse"));
    assert_eq!(titles(&found)[..2], [TITLES[2], TITLES[3]]);
    let with_all = ask("zuma wireless mouse").total;
    assert!(found.total > with_all && !found.relaxed);
    assert_eq!((found.with_all_words, ask("zuma wireless mouse").with_all_words), (Some(with_all), None));
    // No product has all of these; that some have two of them is not the same.
    let none = answer(&usual, &words("zuma wireless tyre"));
    assert_eq!((titles(&none)[0], none.relaxed, none.with_all_words), (TITLES[2], true, None));
    // Not after a phrase, not where the best need not come first, not while somebody is still typing.
    assert_eq!(answer(&usual, &words("\"wireless mouse\" zuma")).total, 1);
    let cheapest = Request { sort: search::Sort::PriceAsc, ..words("zuma wireless mouse") };
    assert_eq!(answer(&usual, &cheapest).total, 1);
    let typing = Request { prefix_last_word: true, ..words("zuma wireless mou") };
    assert_eq!(answer(&usual, &typing).total, 1);
}

#[test]
fn an_irregular_plural_finds_the_one_thing_and_back() {
    assert_eq!(sorted("zuma mice"), sorted("zuma mouse"));
    assert_eq!(marked(&ask("wireless mice")), ["Zuma [wireless] [mouse]"]);
    let artefact = compiled(
        ["Kitchen knives", "Bread knife", "Men's shoes", "Camera lenses"].into_iter().enumerate().map(document),
    );
    let found = |query: &str| Bucket::default().answer(&reader(&artefact), &artefact, &words(query)).unwrap();
    for (query, total) in
        [("knife", 2), ("knives", 2), ("man shoe", 1), ("mens shoes", 1), ("men shoes", 1), ("camera lens", 1)]
    {
        assert_eq!(found(query).total, total, "{query}");
    }
}

#[test]
fn a_phrase_that_nothing_has_is_taken_for_its_words_and_it_says_so() {
    let answer = ask("\"mat red\" front");
    assert_eq!((titles(&answer), answer.relaxed), (vec![TITLES[16]], true));
    assert!(!ask("\"red mat\" front").relaxed);
    let unknown = ask("\"zzzz mouse\"");
    assert!(unknown.relaxed && unknown.total > 0);
}

#[test]
fn a_phrase_may_be_unfinished_while_typing() {
    for query in ["\"power ba", "\"power bank", "\"powe", "black \"power b"] {
        assert!(titles(&typing(query)).contains(&TITLES[0]), "{query}");
    }
    assert_eq!(titles(&typing("\"power ba")), [TITLES[0]]);
}

#[test]
fn what_is_excluded_is_not_shown() {
    assert_eq!(titles(&ask("mouse -wireless -mat -maker")), [TITLES[3]]);
    assert_eq!(titles(&ask("door -\"front door\"")), [TITLES[17]]);
    assert_eq!(titles(&ask("door -mats")), [TITLES[18]]);
    assert_eq!(titles(&ask("notebook -17\"")), [TITLES[4]]);
    assert_eq!(ask("-smartphone").total, (TITLES.len() + 1) as u64);
    assert_eq!(ask("-zzzz").total, (TITLES.len() + 100) as u64);
    // Products have the words of this phrase, none has the phrase.
    assert_eq!(ask("door -\"bell front\"").total, ask("door").total);
    assert_eq!(ask("-\"mat door\"").total, (TITLES.len() + 100) as u64);
    // A slip in what is excluded hides nothing.
    assert_eq!(ask("mouse -wireles").total, ask("mouse").total);
    assert_eq!(titles(&ask("-Q-002 wireless")), [] as [&str; 0]);
}

#[test]
fn a_slip_finds_what_was_meant_and_says_it_as_people_write_it() {
    let answer = ask("wireles mouse");
    assert_eq!(titles(&answer), [TITLES[2]]);
    assert_eq!(
        (answer.corrections[0].typed.as_str(), answer.corrections[0].searched.as_str()),
        ("wireles", "wireless")
    );
    assert_eq!(ask("cafetiare").corrections[0].searched, "cafetiere");
    assert_eq!(ask("genrator").corrections[0].searched, "generator");
    // The first letter only when nothing else is near.
    assert_eq!(ask("kaptop").corrections[0].searched, "laptop");
    assert_eq!(titles(&typing("wirelss mou")), [TITLES[2]]);
    assert!(titles(&typing("televasi")).contains(&TITLES[14]));
}

#[test]
fn a_known_word_is_never_replaced_but_a_much_commoner_one_is_suggested() {
    let answer = ask("smartphome  Case");
    assert_eq!((answer.total, answer.corrections.len()), (1, 0));
    assert_eq!(answer.suggestion.as_deref(), Some("smartphone Case"));
    assert_eq!(ask("smartphone case").suggestion, None);
    // "mousse" is as common as "mouse".
    assert_eq!((titles(&ask("mousse")), ask("mousse").suggestion), (vec![TITLES[25]], None));
}

#[test]
fn an_exact_word_ranks_before_a_beginning_and_both_before_a_slip() {
    let found = typing("printer");
    assert_eq!(titles(&found)[0], TITLES[20]);
    let found = typing("mous");
    assert!(titles(&found).contains(&TITLES[24]) && titles(&found).contains(&TITLES[25]));
}

#[test]
fn words_may_be_written_as_one_or_as_two() {
    assert_eq!(titles(&ask("powerbank"))[0], TITLES[0]);
    assert_eq!(ask("powerbank").total, 1);
    assert_eq!(ask("powerbank").corrections[0].searched, "power bank");
    for query in ["wi fi", "wifi", "wi-fi", "Wi Fi"] {
        assert_eq!(ask(query).total, 2, "{query}");
    }
    assert_eq!(ask("note book").total, ask("notebook").total);
}

#[test]
fn british_and_american_spelling_plurals_and_accents_do_not_matter() {
    for [left, right] in [
        ["aluminium tyre centre organiser", "aluminum tires center organizers"],
        ["notebook grey", "notebook gray"],
        ["cafetière", "CAFETIERES"],
        ["ọjà àti bàtà", "oja ati bata"],
        ["o\u{323}ja\u{300}", "ọjà"],
        ["سماعات", "سَمّاعات"],
    ] {
        assert!(!sorted(left).is_empty(), "{left}");
        assert_eq!(sorted(left), sorted(right), "{left}");
    }
}

#[test]
fn measures_are_found_however_they_are_written() {
    for query in ["15 inch", "15\"", "15in", "15-inch", "15″", "15 inches"] {
        assert_eq!(titles(&ask(query)), [TITLES[4]], "{query}");
    }
    assert_eq!(titles(&ask("15.6 inch laptop")), [TITLES[6]]);
    for query in ["8gb", "8 GB", "8 gigabytes"] {
        assert_eq!(titles(&ask(query)), [TITLES[5]], "{query}");
    }
    assert_eq!(titles(&ask("2l kettle")), [TITLES[28]]);
    assert_eq!(titles(&ask("1.7 litres kettle")), [TITLES[29]]);
    assert_eq!(titles(&typing("notebook 4g")), [TITLES[4]]);
}

#[test]
fn a_star_leaves_the_last_word_open() {
    let (open, closed, typed) = (ask("sahel note*"), ask("sahel note"), typing("sahel note"));
    assert_eq!(titles(&open), titles(&typed));
    assert_eq!(open.total, 2, "{closed:?}");
    assert_eq!(titles(&ask("mat *")), titles(&ask("mat")), "a star by itself is nothing");
}

#[test]
fn short_words_and_stems_are_no_slips_of_others() {
    let titles = ["Tripod with one leg", "Baby doll", "Grip tape", "Grip bag"];
    let artefact = compiled(titles.into_iter().enumerate().map(document));
    let ask = |query: &str| Bucket::default().answer(&reader(&artefact), &artefact, &words(query)).unwrap();
    for query in ["lego", "barbie"] {
        let answer = ask(query);
        assert!(answer.hits.is_empty() && answer.corrections.is_empty(), "{query}: {answer:?}");
    }
    assert_eq!(ask("gripp").total, 2);
}

#[test]
fn what_was_put_right_finds_its_synonyms() {
    let artefact = compiled(["Pen blue", "Drive belt", "Flash drive 32GB"].into_iter().enumerate().map(document));
    let synonyms = Arc::new(Synonyms::parse("pen drive, flash drive").unwrap());
    let reader = reader(&artefact).with_synonyms(synonyms);
    let answer = Bucket::default().answer(&reader, &artefact, &words("pendrive")).unwrap();
    assert_eq!(titles(&answer), ["Flash drive 32GB"]);
}

#[test]
fn synonyms_find_one_another_and_rank_after_the_word_itself() {
    let rules = "tv, television, telly\ngen => generator\nportable charger => power bank\ncell => power bank, zzzz";
    let synonyms = Arc::new(Synonyms::parse(rules).unwrap());
    let reader = reader(artefact()).with_synonyms(synonyms);
    let ask = |query: &str| answer(&reader, &words(query));
    assert_eq!(titles(&ask("tv")), [TITLES[15], TITLES[14]]);
    assert_eq!(titles(&ask("television")), [TITLES[14], TITLES[15]]);
    let telly = ask("telly");
    assert_eq!((telly.total, telly.corrections.len(), telly.relaxed), (2, 0, false));
    assert!(marked(&telly).contains(&"[TV] bracket".to_owned()));
    assert_eq!(titles(&ask("gen")), [TITLES[13]]);
    assert_eq!(titles(&ask("portable charger black")), [TITLES[0]]);
    assert_eq!(titles(&ask("cell")), [TITLES[0]]);
    assert_eq!(titles(&ask("telly bracket")), [TITLES[15]]);
}

#[test]
fn what_matched_is_marked_in_the_title() {
    let marks = |query: &str| marked(&ask(query)).swap_remove(0);
    assert_eq!(marks("wireles mouse"), "Zuma [wireless] [mouse]");
    assert_eq!(marks("dv71211ea"), "HP Pavilion [dv7-1211ea]");
    assert_eq!(marks("dv7 1211ea"), "HP Pavilion [dv7-1211ea]");
    assert_eq!(marks("notebook 15 inch"), "Sahel [notebook] [15\"] 4GB grey");
    assert_eq!(marks("cafetieres"), "[Cafetière] for the kitchen");
    assert_eq!(marks("\"power bank\" black"), "Baobab [power] [bank] 10000 mAh [black]");
    assert_eq!(marks("powerbank"), "Baobab [power] [bank] 10000 mAh black");
    assert_eq!(marked(&typing("wireless mou")), ["Zuma [wireless] [mou]se"]);
    assert_eq!(marked(&typing("caf")), ["[Caf]etière for the kitchen"]);
    assert!(ask("").hits.iter().all(|hit| hit.title_marks.is_empty()));
}

#[test]
fn results_follow_every_keystroke() {
    let query = "wireless mouse";
    for end in 1..=query.len() {
        let found = typing(&query[..end]);
        assert!(titles(&found).contains(&TITLES[2]), "{:?}: {:?}", &query[..end], titles(&found));
    }
    for beginning in ["dv7-12", "dv71", "dv7 12", "d", "dv"] {
        assert_eq!(
            titles(&typing(beginning)).first().copied().filter(|_| beginning.len() > 2),
            Some(TITLES[9]).filter(|_| beginning.len() > 2),
            "{beginning}"
        );
        assert!(titles(&typing(beginning)).contains(&TITLES[9]), "{beginning}");
    }
}

#[test]
fn a_code_comes_first_alone_and_among_words() {
    assert_eq!(titles(&ask("Q-003")), [TITLES[3]]);
    assert_eq!(titles(&ask("q003"))[0], TITLES[3]);
    assert_eq!(titles(&ask("mouse q003"))[0], TITLES[3]);
}

#[test]
fn other_weights_rank_otherwise_through_the_same_code() {
    let flat = Weights { all_in_title: 5.0, title_phrase: 2.0, ..Weights::default() };
    let reader = reader(artefact()).with_weights(flat);
    let found = answer(&reader, &words("red mat"));
    assert_eq!(titles(&found)[0], TITLES[16]);
    assert!(found.hits[0].score > ask("red mat").hits[0].score);
}

#[test]
fn a_word_that_was_sent_half_typed_finds_what_begins_so() {
    for (query, title) in
        [("telev", TITLES[14]), ("zuma wirel", TITLES[2]), ("dv7-12", TITLES[9]), ("dv71211", TITLES[9])]
    {
        let found = ask(query);
        assert_eq!(titles(&found), [title], "{query}");
        assert!(found.corrections.is_empty() && !found.relaxed, "{query}");
    }
    // One that lacks its end only is put right, and told.
    assert_eq!(ask("televisio").corrections[0].searched, "television");
}

#[test]
fn half_a_model_number_is_found_though_its_parts_are_words_of_others() {
    let others = ["Sleeve for dv7", "Pens, pack of 12"];
    let artefact = compiled([TITLES[9]].into_iter().chain(others).enumerate().map(document));
    for query in ["dv7-12", "dv7-12 hp"] {
        let found = Bucket::default().answer(&reader(&artefact), &artefact, &words(query)).unwrap();
        assert_eq!(titles(&found), [TITLES[9]], "{query}");
    }
}

/// A catalogue of these titles, each product's SKU being a number, and the first by far the best seller.
fn sold(titles: &[&str]) -> Vec<String> {
    let products = titles.iter().enumerate().map(|(n, title)| Document {
        sku: format!("{}", 90 + n),
        sold: if n == 0 { 10_000 } else { 0 },
        ..document((n, title))
    });
    let artefact = compiled(products);
    let found = Bucket::default().answer(&reader(&artefact), &artefact, &words(titles[1])).unwrap();
    found.hits.into_iter().map(|hit| hit.title).collect()
}

#[test]
fn a_whole_title_finds_its_product_first() {
    for titles in [
        ["Sirocco storm 3 secure workflow", "Sirocco storm 3 workflow"],
        ["Ink black", "Keystone jack 90 degrees white"],
    ] {
        assert_eq!(sold(&titles)[0], titles[1]);
    }
}

#[test]
fn products_with_every_word_come_before_those_without_whatever_sells() {
    let titles = ["HP 364XL Original Cyan", "HP 364XL Original Yellow", "HP 364XL Original Magenta"];
    assert_eq!(sold(&titles)[0], titles[1]);
}

#[test]
fn an_everyday_word_that_is_also_a_sku_wins_only_by_itself() {
    let fan = Document { sku: "Essential+".into(), ..document((1, "Rowenta fan")) };
    let artefact = compiled([document((0, "APC essential surge protector")), fan].into_iter());
    let found = |query: &str| {
        let answer = Bucket::default().answer(&reader(&artefact), &artefact, &words(query)).unwrap();
        answer.hits.first().map(|hit| hit.title.clone()).unwrap()
    };
    assert_eq!(found("surge protector essential"), "APC essential surge protector");
    assert_eq!(found("essential+"), "Rowenta fan");
}

#[test]
fn a_bar_code_is_found_with_and_without_the_zeros_before_it() {
    let coded = |n: usize, code: &str| Document { skus: vec![code.to_owned()], ..document((n, "Thing")) };
    let artefact = compiled([coded(1, "0829160705194"), coded(2, "8712581500740"), coded(3, "042")].into_iter());
    let found =
        |query: &str| shop::ids(&Bucket::default().answer(&reader(&artefact), &artefact, &words(query)).unwrap());
    for (query, product) in [("829160705194", 1), ("00829160705194", 1), ("0 829160 705194", 1), ("08712581500740", 2)]
    {
        assert_eq!(found(query), [product], "{query}");
    }
    // Short numbers are not bar codes.
    assert!(!found("42").contains(&3));
}

#[test]
fn a_short_word_is_not_doubted_because_a_commoner_one_looks_like_it() {
    let cases = (1..=60).map(|n| document((n, "Black case")));
    let artefact = compiled([document((0, "Café kettle"))].into_iter().chain(cases));
    let found = Bucket::default().answer(&reader(&artefact), &artefact, &words("café")).unwrap();
    assert_eq!((found.total, found.suggestion), (1, None));
}
