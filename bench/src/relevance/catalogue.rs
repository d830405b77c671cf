//! The Icecat set as a shop indexes it. Products go the way of an import and of a compile, through the same functions, without a shop
//! in between. Pictures are left out: they are not searched.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};
use domain::ids::ProductId;
use domain::money::Currency;
use domain::time::Timestamp;
use domain::wire::CatalogueProduct;
use flate2::read::MultiGzDecoder;
use importer::draft::{Defaults, Draft};
use importer::icecat;
use importer::source::SeenSkus;
use search::Document;
use serde::Deserialize;
use uuid::Uuid;

/// Products, each with the set's own number.
pub(crate) struct Catalogue {
    products: Vec<(String, Document)>,
    /// Lines that no shop would take.
    pub(crate) refused: usize,
}

/// What a judgement calls a product.
#[derive(Deserialize)]
struct Numbered {
    id: String,
}

impl Catalogue {
    /// Reads the set in `folder`.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let defaults = Defaults { currency: Currency::Usd, seller: "Kasuwa".to_owned(), stock: 0 };
        let options = icecat::Options { defaults, web_pictures: false, draw: false };
        let name = || folder.join(icecat::FILE).display().to_string();
        let (source, _) = icecat::open(folder, options).with_context(name)?;
        let file = File::open(folder.join(icecat::FILE)).with_context(name)?;
        let lines = BufReader::new(MultiGzDecoder::new(BufReader::new(file))).lines();
        let mut seen = SeenSkus::default();
        let mut catalogue = Self { products: Vec::new(), refused: 0 };
        for (sourced, line) in source.zip(lines) {
            let number = serde_json::from_str::<Numbered>(&line.with_context(name)?);
            let draft = sourced.draft.and_then(|draft| seen.note(sourced.line, &draft).map(|()| draft));
            match (number, draft) {
                (Ok(number), Ok(draft)) => {
                    let place = catalogue.products.len();
                    catalogue.products.push((number.id, Document::from(row(place, draft))));
                }
                (Err(_), _) | (_, Err(_)) => catalogue.refused += 1,
            }
        }
        Ok(catalogue)
    }

    /// The set's number of the product at `place`.
    pub(crate) fn docid(&self, place: usize) -> &str {
        &self.products[place].0
    }

    /// All products in order: the one at `place` has the id [`place_of`] turns back.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Document> {
        self.products.iter().map(|(_, document)| document)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.products.len()
    }
}

/// What the shop would keep of the product, and give to the index builder.
fn row(place: usize, draft: Draft) -> CatalogueProduct {
    CatalogueProduct {
        id: ProductId(Uuid::from_u128(place as u128)),
        slug: place.to_string(),
        created_at: Timestamp(i64::try_from(place).unwrap_or(i64::MAX)),
        available: draft.variants.iter().map(|variant| variant.stock).sum(),
        product: draft.into_product(Vec::new(), &[]),
    }
}
