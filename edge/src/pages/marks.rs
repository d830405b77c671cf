//! Which drawing stands in for a product without a picture: `assets/marks.svg` holds them, one symbol a name.
//!
//! A guess from the words of the title, then of the categories. It never has to be right, only calm and likely.

/// Words (beginnings of words, lower case) and the symbol that they call for. The earliest rule that applies wins, so
/// what a thing *is for* ("toner for a printer") stands above what it mentions.
const RULES: &[(&str, &[&str])] = &[
    ("cartridge", &["toner", "cartridge", "ink", "ribbon", "drum", "fuser", "cyan", "magenta", "inkjet"]),
    (
        "paper",
        &["warranty", "support", "license", "licence", "software", "paper", "label", "antivirus", "e-ltu", "manual"],
    ),
    ("bag", &["bag", "backpack", "case", "sleeve", "pouch", "tote", "duffle", "cover", "wallet"]),
    (
        "cable",
        &["cable", "cord", "adapter", "adaptor", "coupler", "patch", "connector", "converter", "splitter", "cables"],
    ),
    (
        "laptop",
        &["notebook", "notebooks", "laptop", "laptops", "chromebook", "elitebook", "thinkpad", "probook", "ultrabook"],
    ),
    (
        "server",
        &[
            "server",
            "servers",
            "proliant",
            "poweredge",
            "desktop",
            "tower",
            "workstation",
            "computer",
            "computers",
            "barebone",
            "thin",
        ],
    ),
    ("power", &["ups", "uninterruptible", "power", "battery", "batteries", "charger", "pdu", "surge"]),
    (
        "network",
        &[
            "switch",
            "router",
            "network",
            "networking",
            "ethernet",
            "wireless",
            "wlan",
            "wi-fi",
            "firewall",
            "transceiver",
            "modem",
            "access",
            "lan",
            "nic",
            "sfp",
        ],
    ),
    ("projector", &["projector", "projectors", "projection"]),
    ("screen", &["monitor", "monitors", "display", "displays", "tv", "television", "televisions", "lcd", "screen"]),
    ("headphones", &["headset", "headphone", "headphones", "earphone", "earphones", "earbuds"]),
    (
        "speaker",
        &["speaker", "speakers", "audio", "loudspeaker", "subwoofer", "soundbar", "microphone", "radio", "hi-fi"],
    ),
    ("keyboard", &["keyboard", "keypad"]),
    ("mouse", &["mouse", "mice", "trackball"]),
    ("memory", &["memory", "ram", "ddr", "ddr2", "ddr3", "ddr4", "dimm", "sodimm", "flash"]),
    ("disk", &["drive", "drives", "ssd", "hdd", "disk", "hard", "nas", "storage", "tape", "dvd", "blu-ray", "optical"]),
    (
        "printer",
        &[
            "printer",
            "printers",
            "laserjet",
            "officejet",
            "multifunction",
            "multifunctional",
            "scanner",
            "scanners",
            "copier",
            "printing",
            "labelwriter",
            "plotter",
            "designjet",
        ],
    ),
    ("camera", &["camera", "cameras", "camcorder", "lens", "webcam", "photo"]),
    ("phone", &["phone", "phones", "smartphone", "smartphones", "telephone", "mobile", "handset", "tablet", "tablets"]),
    (
        "chip",
        &[
            "processor",
            "processors",
            "cpu",
            "xeon",
            "motherboard",
            "motherboards",
            "graphics",
            "geforce",
            "radeon",
            "controller",
            "card",
        ],
    ),
    (
        "stand",
        &[
            "mount",
            "bracket",
            "stand",
            "rack",
            "holder",
            "chassis",
            "desk",
            "chair",
            "furniture",
            "enclosure",
            "cabinet",
            "tray",
        ],
    ),
    ("trousers", &["pants", "pant", "trousers", "shorts", "short", "jeans", "leggings", "bottoms"]),
    (
        "shirt",
        &[
            "shirt",
            "tee",
            "tees",
            "top",
            "tops",
            "hoodie",
            "hoodies",
            "jacket",
            "jackets",
            "tank",
            "tanks",
            "bra",
            "sweatshirt",
            "dress",
            "clothing",
        ],
    ),
    ("cup", &["cup", "mug", "kitchen", "coffee", "kettle", "blender", "cooker", "bottle", "food"]),
    ("lamp", &["lamp", "light", "lighting", "bulb", "home"]),
    ("book", &["book", "books", "magazine", "stationery"]),
    ("ball", &["ball", "sport", "sports", "fitness", "yoga", "toy", "toys", "game", "games", "gaming"]),
    ("leaf", &["garden", "plant", "beauty", "health", "herbal", "natural"]),
    ("tool", &["tool", "tools", "drill", "screwdriver", "fan", "cooler", "cooling"]),
];

/// The drawing for what nothing else fits.
const PARCEL: &str = "parcel";

/// Name of the symbol for a product or a category: by `title` first, then by `categories`, innermost first.
pub fn mark_for(title: &str, categories: &[String]) -> &'static str {
    by_words(title).or_else(|| categories.iter().rev().find_map(|category| by_words(category))).unwrap_or(PARCEL)
}

fn by_words(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
    RULES.iter().find(|(_, keys)| words.iter().any(|word| keys.contains(word))).map(|(mark, _)| *mark)
}

/// How many tints the style sheet has for drawn pictures.
pub const TINTS: u32 = 8;

/// One of the tints, always the same for the same text (FNV-1a).
pub fn tint_for(text: &str) -> u32 {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 15)) % TINTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_shows_what_the_thing_is_and_not_what_it_is_for() {
        assert_eq!(mark_for("Xerox Phaser 4510 Printer Toner Cartridge", &[]), "cartridge");
        assert_eq!(mark_for("Chaz Kangeroo", &["Men".into(), "Tops".into()]), "shirt");
        assert_eq!(mark_for("Zorblax 9", &["Unheard of".into()]), "parcel");
    }

    #[test]
    fn every_drawing_is_on_the_sheet() {
        let sheet = include_str!("../../assets/marks.svg");
        for mark in RULES.iter().map(|(mark, _)| *mark).chain([PARCEL]) {
            assert!(sheet.contains(&format!("id=\"{mark}\"")), "{mark}");
        }
    }

    #[test]
    fn the_same_brand_always_has_the_same_tint() {
        assert_eq!(tint_for("Xerox"), tint_for("Xerox"));
        let used: std::collections::BTreeSet<u32> =
            ["HP", "Xerox", "Intel", "APC", "Philips", "Eaton", "OKI", "C2G"].into_iter().map(tint_for).collect();
        assert!(used.len() >= 4, "brands differ in tint: {used:?}");
    }
}
