//! The category of an Icecat product. The set has none of its own, so its words decide: the longest phrase that is found wins,
//! and among phrases of one length the category that comes first here.

use std::collections::HashMap;

/// A category, what it is drawn as, and the phrases that lead to it.
pub(super) struct Category {
    /// From the top.
    pub(super) path: [&'static str; 2],
    /// Phosphor's name of an icon.
    pub(super) icon: &'static str,
    phrases: &'static str,
}

impl Category {
    /// Hue of its drawings: one for each top-level category.
    pub(super) fn hue(&self) -> u16 {
        match self.path[0] {
            "Computers" => 218,
            "Components & Storage" => 262,
            "Printers & Ink" => 328,
            "Cables & Power" => 32,
            "Networking" => 190,
            "TV & Projectors" => 245,
            "Audio & Phones" => 285,
            "Cameras" => 14,
            "Accessories" => 160,
            "Office" => 48,
            "Home" => 100,
            _ => 352,
        }
    }
}

/// Where nothing leads anywhere.
pub(super) const OTHER: Category = Category { path: ["Accessories", "Other"], icon: "package", phrases: "" };

/// Most words of a phrase.
const WORDS_MAX: usize = 4;

/// Finds categories by phrases.
pub(super) struct Categories(HashMap<String, usize>);

impl Categories {
    pub(super) fn new() -> Self {
        let mut by_phrase = HashMap::new();
        for (index, category) in CATEGORIES.iter().enumerate() {
            for phrase in category.phrases.split('|') {
                by_phrase.entry(words(phrase).join(" ")).or_insert(index);
            }
        }
        Self(by_phrase)
    }

    /// The category of the first of `texts` that tells one.
    pub(super) fn find<'t>(
        &self,
        texts: impl IntoIterator<Item = &'t str>,
        attribute_names: &str,
    ) -> &'static Category {
        let told = texts.into_iter().find_map(|text| self.in_text(text));
        told.or_else(|| by_attributes(attribute_names)).unwrap_or(&OTHER)
    }

    fn in_text(&self, text: &str) -> Option<&'static Category> {
        let words = words(text);
        (1..=WORDS_MAX).rev().find_map(|length| {
            let found = words.windows(length).filter_map(|window| self.0.get(&window.join(" "))).min()?;
            CATEGORIES.get(*found)
        })
    }
}

/// The last resort: what is specified about a product.
fn by_attributes(names: &str) -> Option<&'static Category> {
    let (sub, _) = BY_ATTRIBUTE.iter().find(|(_, parts)| parts.split('|').any(|part| names.contains(part)))?;
    CATEGORIES.iter().find(|category| category.path[1] == *sub)
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .map(|word| word.trim_matches(['.', ':', '"', '(', ')', '[', ']']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

const BY_ATTRIBUTE: [(&str, &str); 13] = [
    ("Toner & Ink", "printing_colours|ink_type|black_toner_page_yield|print_technology|cartridge"),
    ("USB & data cables", "cable_length|connector_1|connector_gender"),
    ("Processors", "processor_socket"),
    ("Drives", "hard_drive|hdd|ssd|storage_drive"),
    ("Monitors & TVs", "display_diagonal|native_aspect"),
    ("Desktops & Workstations", "processor_family|processor_frequency|internal_memory"),
    ("Routers & Cards", "ethernet_lan|networking|wi_fi|data_transfer_rate"),
    ("Speakers & Players", "audio|speaker|rms"),
    ("Labels & Tape", "label"),
    ("Paper & Film", "media_weight|paper|sheets"),
    ("Adapters & Inverters", "input_voltage|output_power|output_voltage|ac_input"),
    ("Lenses & Accessories", "lens|camera|focal"),
    ("Dolls & Playsets", "recommended_age|suggested_gender|puzzle|toy"),
];

#[rustfmt::skip]
const CATEGORIES: &[Category] = &[
    Category {
        path: ["Toys & Games", "Dolls & Playsets"],
        icon: "puzzle-piece",
        phrases: "puzzle|puzzles|board game|card game|model building kit|building kit|surprise|sylvanian families| \
            sylvanian|meccano|play set|sand|slide|swing|game|games|beedz|iron on beads|animals|figures| \
            figure|hatchimals|paw patrol|lego|kids|race|racing|science kit|unicorn|ravensburger|jumbo| \
            collectible|collectible doll|playground|sweetwater playhouse|slime|goula|quercetti|gameboard| \
            party game|puzzle game|doll|dolls|doll's|playhouse|barbie|baby annabell|baby born|chou chou| \
            playmobil|puppet|toy animals|toy|toys|plush|craft kit|kids' craft kit|knitting set|playset",
    },
    Category {
        path: ["Printers & Ink", "Toner & Ink"],
        icon: "drop",
        phrases: "original cyan|original magenta|original yellow|original light|original black|original photo| \
            original matte|original gray|original 1|original 2|original 3|original red|original blue| \
            original green|photo black|light cyan|light magenta|toner cartridge|toner cartridges|toner| \
            ink cartridge|ink cartridges|print cartridge|print cartridges|singlepack|multipack|ink|inks| \
            printhead|print head|printheads|ink stick|ink sticks|cartridge|cartridges|ribbon|ribbons| \
            printer ribbon|tri-colour",
    },
    Category {
        path: ["Printers & Ink", "Drums & Maintenance"],
        icon: "gear-six",
        phrases: "printer drum|drum|drums|maintenance kit|fuser|fusers|transfer kit|transfer belt|transfer roll| \
            roller kit|photoconductor|imaging unit|developer unit|developer|developers|waste toner| \
            image transfer|feed roller|feed rollers|printer kit|imaging kit|fuser kit|staple cartridge| \
            staples|cleaning kit for printers|photo conductor",
    },
    Category {
        path: ["Office", "Labels & Tape"],
        icon: "tag",
        phrases: "marking tags|tags|imprint|p-touch|nylon|letratag|rhino|dymo|label-making tape| \
            label making tape|labels|label|self-adhesive label|label printer|label maker|tape|tapes| \
            adhesive|sticker|stickers|barcode",
    },
    Category {
        path: ["Office", "Paper & Film"],
        icon: "file-text",
        phrases: "g/m²|g/m2|sheets a4|mm x|photo paper|paper|papers|transparency film|transparency films|canvas| \
            banner|printing film|bond|vellum|envelopes|envelope|greeting card|postcard|large format media| \
            roll|cardstock|plotting|polyester film|polypropylene|films|matte film",
    },
    Category {
        path: ["Cables & Power", "Network cables"],
        icon: "network",
        phrases: "networking cable|patch cable|patch cord|crossover|cat5|cat5e|cat6|cat6a|cat7|cat 5e|utp|ftp| \
            stp|s/ftp|rj-45|rj45|ethernet cable",
    },
    Category {
        path: ["Cables & Power", "Fibre cables"],
        icon: "waves",
        phrases: "fiber optic cable|fibre optic cable|fiber patch|fibre patch|multimode|singlemode|optic cable| \
            fiber optic|fibre optic|lc/lc|duplex lc|om3|om4",
    },
    Category {
        path: ["Cables & Power", "UPS"],
        icon: "battery-charging",
        phrases: "management accessory card|power module|smart-ups rt|uninterruptible power supply| \
            uninterruptible power supplies|ups|smart-ups|back-ups|ups battery|battery cabinet|ups batteries| \
            symmetra|smart ups",
    },
    Category {
        path: ["Cables & Power", "Power strips & PDUs"],
        icon: "plugs",
        phrases: "power distribution unit|pdu|surge protector|surge suppressor|power extension|power strip| \
            outlet strip|surge|ac outlet(s)|ac outlet|outlets|multi-socket|voltage regulator| \
            line conditioner|socket-outlet|power distribution|transfer switch",
    },
    Category {
        path: ["Cables & Power", "Power cables"],
        icon: "plug",
        phrases: "power cable|power cord|power cords|extension cord|internal power cable|iec|nema|c13|c14|c19| \
            c20",
    },
    Category {
        path: ["Cables & Power", "Adapters & Inverters"],
        icon: "lightning",
        phrases: "power adapter/inverter|power adapter|inverter|ac adapter|power supply|power supply unit| \
            power supplies|charger|chargers|mobile device charger|battery charger|power plug adapter| \
            docking charger|voltage transformer|transformer|psu|poe adapter|power injector",
    },
    Category {
        path: ["Cables & Power", "Batteries"],
        icon: "battery-full",
        phrases: "battery|batteries|rechargeable battery|rechargeable batteries|power bank|lithium-ion|li-ion|nimh| \
            alkaline|mah|lithium polymer",
    },
    Category {
        path: ["Cables & Power", "Video cables"],
        icon: "video",
        phrases: "hdmi cable|dvi cable|vga cable|displayport cable|video cable|monitor cable|vga|dvi|hdmi| \
            displayport|s-video|composite video|component (ypbpr)|dvi-d|dvi-i|thunderbolt cable|scart| \
            coaxial cable|coax|bnc|rg-6|rg-59",
    },
    Category {
        path: ["Cables & Power", "Audio cables"],
        icon: "wave-sine",
        phrases: "audio cable|speaker cable|3.5mm|rca|toslink|xlr|audio adapter|2 x rca|6.35mm|audio/video cable| \
            jack",
    },
    Category {
        path: ["Cables & Power", "USB & data cables"],
        icon: "usb",
        phrases: "usb cable|firewire cable|serial cable|parallel cable|printer cable|sata cable|scsi cable| \
            sas cable|kvm cable|ide cable|lightning|serial attached scsi|mini-sas|signal cable|infiniband| \
            telephony cable|telephone cable|ribbon cable|flat cable|fibre channel|db-9|db9|db-25|centronics| \
            ps/2 cable|keyboard cable|mobile phone cable|molex|cable",
    },
    Category {
        path: ["Cables & Power", "Adapters & Gender changers"],
        icon: "plugs-connected",
        phrases: "cable interface/gender adapter|gender changer|gender adapter|adapter cable|cable splitter| \
            cable combiner|wire connector|connector|connectors|cable splitter or combiner|coupler|adapter| \
            adaptor|converter|splitter|null modem|antenna cable",
    },
    Category {
        path: ["Computers", "Notebooks"],
        icon: "laptop",
        phrases: "intel® core™ i5|core™|intel® core™|hybrid|7th gen|8th gen|compaq 6730s|ideapad|yoga|aspire| \
            pavilion|compaq|notebook|notebooks|laptop|ultrabook|chromebook|netbook|hybrid (2-in-1)|macbook| \
            thinkpad|mobile workstation|probook|elitebook|vostro|latitude|satellite",
    },
    Category {
        path: ["Computers", "Desktops & Workstations"],
        icon: "desktop-tower",
        phrases: "pc|desktop|desktops|workstation|workstations|all-in-one|mini pc|thin client|barebone|barebones| \
            tower|optiplex|thinkcentre|mac mini|imac|pc/workstation barebone|minitower|sff",
    },
    Category {
        path: ["Computers", "Servers"],
        icon: "hard-drives",
        phrases: "server|servers|blade|proliant|poweredge|nas|disk array|storage server|rack (1u)|rack (2u)| \
            server barebone",
    },
    Category {
        path: ["Components & Storage", "Processors"],
        icon: "cpu",
        phrases: "processor|processors|xeon|celeron|pentium|core i3|core i5|core i7|opteron|athlon|ryzen| \
            core 2 duo",
    },
    Category {
        path: ["Components & Storage", "Motherboards"],
        icon: "circuitry",
        phrases: "motherboard|motherboards|mainboard|desktop board|server/workstation board|micro atx|mini itx| \
            lga 775|lga 1150|lga 1151|socket am2|server/workstation motherboard",
    },
    Category {
        path: ["Components & Storage", "Memory"],
        icon: "memory",
        phrases: "memory module|memory modules|ddr|ddr2|ddr3|ddr4|sdram|dimm|so-dimm|sodimm|ram|memory|rambus| \
            ddr3l",
    },
    Category {
        path: ["Components & Storage", "Graphics cards"],
        icon: "graphics-card",
        phrases: "geforce|radeon|quadro|graphics card|graphic card|gpu|firepro",
    },
    Category {
        path: ["Components & Storage", "Drives"],
        icon: "hard-drive",
        phrases: "diskette drive|serial ata|usb external diskette|tape autoloader|autoloader|tape library|sata|sas| \
            nvme|ide|rdx|zip drive|media library|dvd-rom|cd-rom|hdd/ssd|hdd|hard drive|hard disk| \
            solid state drive|ssd|external hard drive|internal hard drive|internal solid state drive| \
            optical disc drive|dvd drive|dvd super multi|blu-ray drive|floppy|dvd±rw|tape drive|disc drive| \
            dvd-rw drive|hard drives|hdds|gb sas|rpm",
    },
    Category {
        path: ["Components & Storage", "Memory cards & Sticks"],
        icon: "sim-card",
        phrases: "flash drive|usb flash drive|flash drives|memory card|microsd|microsdhc|sdhc|compactflash| \
            sd card|memory stick|card reader|usb stick|datatraveler|secure digital",
    },
    Category {
        path: ["Components & Storage", "Media"],
        icon: "disc",
        phrases: "dvd-r|dvd+r|dvd-rw|dvd+rw|cd-r|cd-rw|bd-r|blank data tape|data tape|blank dvd|blank cd|lto| \
            dat|dlt|blu-ray disc|optical disc|cd|dvd|ultrium|floppy disk|videocassette|video tape| \
            storage media case",
    },
    Category {
        path: ["Networking", "Switches & KVM"],
        icon: "share-network",
        phrases: "kvm switch|kvm|network switch|switch|switches|console|managed|unmanaged|gigabit ethernet| \
            video splitter|video switch|kvm extender|console server",
    },
    Category {
        path: ["Networking", "Routers & Cards"],
        icon: "wifi-high",
        phrases: "kbit/s|tokenring|token ring|isdn|adsl|dsl|voip gateway|interface module|poe|x2|xenpak| \
            100base-tx|10base-t|1000base-t|1000base-sx|procurve|sfp+|router|wireless router|access point| \
            wlan access point|network card|networking card|wlan|modem|bridge|repeater|antenna|antennas| \
            bluetooth|nic|network media converter|network transceiver module|transceiver|sfp|gbic| \
            network interface card|ethernet|wi-fi|powerline|network antenna|print server|media converter| \
            firewall|hub|hubs|interface hub|gateway|network extender|lan|mbit/s",
    },
    Category {
        path: ["Components & Storage", "Cards & Controllers"],
        icon: "circuitry",
        phrases: "adapter card|serial adapter card|parallel adapter card|serial card|usb card|graphics adapter card| \
            interface cards/adapter|interface card|controller card|raid controller|raid|tv tuner|sound card| \
            pci express|pcie|pci|host bus adapter|expansion card|slot expander|serial port|backplane| \
            backplanes|computer tv tuner",
    },
    Category {
        path: ["Components & Storage", "Cooling & Cases"],
        icon: "fan",
        phrases: "superchassis|fan tray|rail|rails|rail kit|bezel|mounting bracket|tool-less|cooler|cooling|fan| \
            fans|heatsink|heat sink|computer case|computer cases|case fan|hardware cooling|chassis| \
            midi-tower|drive bay panel|thermal paste|hdd cage|mounting kit|hdd/ssd enclosure|enclosure| \
            drive cage|bay|computer case part|liquid cooling|be quiet! pure rock|pure rock|noise absorber",
    },
    Category {
        path: ["TV & Projectors", "Projectors & Lamps"],
        icon: "projector-screen",
        phrases: "projector|projectors|projection lamp|projector lamp|lamp|projection lens|projection screen| \
            projection screens|projector accessory|projector mount|lumens|ansi lumens|lamps",
    },
    Category {
        path: ["TV & Projectors", "Monitors & TVs"],
        icon: "television",
        phrases: "smart tv|hd smart tv|computer monitor|signage display|monitor|monitors|lcd|led tv|tv| \
            led display|touch screen monitor|flat panel|public display|display|hdtv|signage|set-top box| \
            remote control|remote controls|plasma|monitor arm|displays|televisions",
    },
    Category {
        path: ["TV & Projectors", "Mounts & Stands"],
        icon: "monitor",
        phrases: "mount|mounts|wall mount|ceiling mount|flat panel mount|desk mount|stand|stands|bracket| \
            brackets|arm|multimedia cart|trolley|notebook arm|multimedia stand|flat panel accessory|cart",
    },
    Category {
        path: ["Networking", "Racks & Cabinets"],
        icon: "rows",
        phrases: "threaded hole|rack enclosure server cabinet|server cabinet|open server equipment rack| \
            equipment rack|sensor pod|roof fan tray|smartrack|rack enclosure|rack|racks|rack accessory| \
            rack cabinet|cabinet|patch panel|patch panels|rack shelf|shelf|faceplate|wall plate|outlet box| \
            keystone|cable management|cable tray|cable organizer|cable tie|cable clamp|cable trunking| \
            cable protector|cable boot|cable tie mount|conduit|rack console|panel|blank panel|netshelter| \
            cable accessory|mounting",
    },
    Category {
        path: ["Printers & Ink", "Printers"],
        icon: "printer",
        phrases: "dpi a4|ppm|printing calculator|laserjet|officejet|deskjet|multifunctional|printer|printers| \
            inkjet printer|laser printer|mfp|photosmart|imageprog|pixma|dot matrix printer|plotter| \
            designjet|label printers|dot matrix|thermal|multifunction|inkjet|laser|phaser|workcentre| \
            all-in-one printer|copier|fax|stylus|ecotank|workforce",
    },
    Category {
        path: ["Printers & Ink", "Printer parts"],
        icon: "stack",
        phrases: "tray|paper tray|feeder|duplex unit|feeder module|output stacker|printer cabinet|stapler| \
            finisher|document feeder|adf|printing equipment spare part|printer cabinets|sheet feeder| \
            feeder modules|printer/scanner spare part|printing",
    },
    Category {
        path: ["Office", "Scanners & Readers"],
        icon: "scan",
        phrases: "barcode scanner|handheld barcode scanner|ccd barcode scanner|photo scanner|scanner|scanners| \
            flatbed|bar code reader|bar code readers|barcode reader|document camera|sheet-fed scanner| \
            card readers|magnetic card reader|bar code|transparency adapter",
    },
    Category {
        path: ["Audio & Phones", "Headphones & Headsets"],
        icon: "headphones",
        phrases: "head-band|ear-hook|neck-band|binaural|monaural|headphones|headphone|headset|headsets|earphones| \
            earbuds|in-ear|microphone|microphones",
    },
    Category {
        path: ["Audio & Phones", "Speakers & Players"],
        icon: "speaker-hifi",
        phrases: "mp3/mp4 player|mp3/mp4|gogear|portable cd player|portable radio|cd player|dvd/blu-ray player| \
            dvd/blu-ray|dvd recorder|audio module|walkman|boombox|micro music system|music system|speaker| \
            speakers|loudspeaker|loudspeakers|soundbar|docking speaker|speaker set|speaker dock|mp3|mp4| \
            mp3 player|radio|cd radio|audio system|home audio|home audio sets|home cinema|hi-fi|amplifier| \
            receiver|clock radio|dvd player|blu-ray player|car radio|mini hi-fi|subwoofer|audio|dvd players| \
            car media|media player|digital media player|turntable|dictaphone|voice recorder|karaoke| \
            home theater|home theatre",
    },
    Category {
        path: ["Audio & Phones", "Phones & Tablets"],
        icon: "device-mobile",
        phrases: "phone|phones|telephone|dect|smartphone|mobile phone|ip phone|tablet|tablets|e-book reader| \
            ipad|iphone|conference phone|handset|telephones|pda|mobile computer|handheld mobile computer| \
            navigator|gps|voip|smart watch|smartwatch|answering machine|ipod|galaxy|hybrid dual sim| \
            dual sim|dual sim 4g",
    },
    Category {
        path: ["Cameras", "Cameras & Camcorders"],
        icon: "camera",
        phrases: "camera|cameras|camcorder|webcam|digital camera|ip security camera|ip camera|slr| \
            digital photo frame|security camera|dome|bullet|video surveillance|camera kit|video recorder| \
            cctv|dvr|surveillance|hot shoe|binocular|binoculars|pc camera|slr camera body",
    },
    Category {
        path: ["Cameras", "Lenses & Accessories"],
        icon: "aperture",
        phrases: "ef|f/2.8|f/2.8l|f/4|f/4l|f/3.5-5.6|is usm|usm|telephoto lens|slr telephoto lens|slr wide lens| \
            close-up lens|eyecup|focusing screen|viewfinder|speedlite|camera battery|camera cable|macro| \
            camera lens adapter|lens hood camera|tele|sal|teleconverter|remote commander|lens|lenses| \
            camera lens|camera filter|filter|tripod|tripods|camera flash|flash|camera case|lens hood| \
            lens cap|slide viewer|negative storage page|photo studio|lens adapter|camera kit|camera accessory| \
            camera mounting|softbox|photo album|film camera",
    },
    Category {
        path: ["Accessories", "Keyboards & Mice"],
        icon: "keyboard",
        phrases: "keyboard|keyboards|mouse|mice|trackball|presenter|mouse pad|wireless presenter|touchpad| \
            joystick|gamepad|game controller|numeric keypad|graphic tablet|stylus pen|mouse mat|wrist rest| \
            keypad|gaming",
    },
    Category {
        path: ["Accessories", "Notebook bags"],
        icon: "backpack",
        phrases: "mobile phone case|laptop backpack|notebook backpack|tablet case|laptop sleeve|camera case| \
            notebook case|notebook bag|backpack|sleeve case|briefcase|messenger|laptop bag|case|bag|bags| \
            cases|sleeve|carrying case|trolley case|pouch|holster|equipment case|luggage|topload|wallet",
    },
    Category {
        path: ["Accessories", "Locks & Screen protectors"],
        icon: "lock",
        phrases: "laptop lock|screen privacy filter|privacy screen|slot cover|slot cover plate|screen protectors| \
            display privacy|cable lock|lock|locks|screen protector|privacy filter|display privacy filters| \
            protector|cover|covers|dust cover|protective|skin|keyboard cover|anti-glare|security| \
            protection|notebook lock|key lock",
    },
    Category {
        path: ["Accessories", "Docks & Stands"],
        icon: "desk",
        phrases: "docking station|dock|docks|port replicator|notebook stand|cooling pad|notebook docks| \
            notebook dock|notebook cooling|holder|cradle|docks/port replicators|mobile device dock station| \
            footrest|foot rest|cpu holder|riser|notebook spare part|usb graphics adapter|mouse cable",
    },
    Category {
        path: ["Office", "Stationery & Machines"],
        icon: "pencil-ruler",
        phrases: "sheet protector|punched pocket|easy orga|fountain|pencils|crayons|paint|index tabs|binder| \
            binders|folder|pen|pens|pencil|shredder|shredders|paper shredder|laminator|laminators| \
            lamination|laminating|calculator|calculators|stapler|file|whiteboard|board|punch|binding| \
            notes|divider|desk|chair|clipboard|paper cutter|trimmer|pocket|pockets|filing|organizer| \
            index|marker|notebook paper|album|typewriter|correction|money|cash drawer|safe|ring binder| \
            paper knife|box|presentation|report|cleaning|wipes|cleaner|duster|equipment cleansing| \
            sharpener|scissors|magnet|display case|archive|tag|badge|badges|table|clock|easel|cleansing",
    },
    Category {
        path: ["Home", "Kitchen & Coffee"],
        icon: "coffee",
        phrases: "fridge part/accessory|coffee maker part|coffee|espresso|kettle|toaster|blender|mixer| \
            food processor|juicer|juice|oven|microwave|fryer|grill|refrigerator|fridge|freezer|dishwasher| \
            hob|cooker|cooktop|hood|pan|cookware|water filter|kitchen|salt|grinder|slicer|rice|bread| \
            ice|senseo|thermos|cup|waffle|sandwich|steamer|food|milk|bottle|knife|scale|scales|jug| \
            cutlery|wine",
    },
    Category {
        path: ["Home", "Care & Household"],
        icon: "hand-soap",
        phrases: "household fan|beard trimmer|car light bulb|hair clipper|alarm clock|ironing board|steam generator| \
            shaver|shavers|hair|epilator|toothbrush|trimmers|clipper|beard|nail|vacuum|iron|steam| \
            washing machine|dryer|tumble dryer|air purifier|humidifier|baby|breast pump|thermometer| \
            blood pressure|massage|sewing|heater|fan heater|bulb|light bulb|light|lights|lighting|spot| \
            luminaire|led|torch|flashlight|watt|halogen|fluorescent|pet|garden|tool|tools|screwdriver| \
            drill|cutter|crimper|tester|razor|sonicare|avent|mirror|bathroom|cosmetic|sauna| \
            wake-up light|body|shaving head|shaving heads|hairdryer|oral",
    },
    Category {
        path: ["Office", "Software"],
        icon: "app-window",
        phrases: "software|license|licence|windows|office|antivirus|licences|upgrade|security software|licenses| \
            database|operating system|utility|adobe|microsoft|backup",
    },
    Category {
        path: ["Office", "Warranties & Services"],
        icon: "shield-check",
        phrases: "warranty|care pack|carepack|support|service|onsite|installation|year|years|on-site|nbd| \
            extension|training|extended|maintenance|support service|assembly|start-up",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(title: &str) -> String {
        Categories::new().find([title], "").path.join("/")
    }

    #[test]
    fn the_longest_phrase_decides() {
        assert_eq!(of("Acme X1 toner cartridge Original Black 6 pc(s)"), "Printers & Ink/Toner & Ink");
        assert_eq!(of("Acme Laptop Lock - Keyed"), "Accessories/Locks & Screen protectors");
        assert_eq!(of("Acme Laptop 15, Black"), "Computers/Notebooks");
        assert_eq!(of("zzz qqq"), "Accessories/Other");
    }

    #[test]
    fn attributes_decide_where_words_do_not() {
        let found = Categories::new().find(["zzz", "qqq"], "n_cable_length b_colour");
        assert_eq!(found.path, ["Cables & Power", "USB & data cables"]);
        assert!(BY_ATTRIBUTE.iter().all(|(sub, _)| CATEGORIES.iter().any(|category| category.path[1] == *sub)));
    }

    #[test]
    fn there_are_few_enough_to_browse() {
        let tops: std::collections::HashSet<_> = CATEGORIES.iter().map(|category| category.path[0]).collect();
        assert!(tops.len() <= 12 && CATEGORIES.len() < 60);
    }
}
