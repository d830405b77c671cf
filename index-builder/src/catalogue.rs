//! Reads a shop's catalogue, page by page, as documents for the index. It never writes.

use domain::ids::ProductId;
use domain::wire::{CataloguePage, EDGE_CATALOGUE};
use importer::shop::{Shop, ShopError};
use search::Document;

/// Products a page: some 2 MB of JSON.
pub const PAGE_PRODUCTS: u32 = 500;

/// Why a catalogue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCatalogue {
    /// The shop did not answer, or refused.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// The pages lead in a circle.
    #[error("the catalogue's pages do not end: after {0} comes {0} again")]
    Circle(ProductId),
}

/// A shop's catalogue as documents.
#[derive(Debug)]
pub struct Catalogue {
    /// In the order of the products' ids.
    pub documents: Vec<Document>,
    /// The last change of the catalogue that is sure to be in `documents`; what was changed while they were read, may be.
    pub change_seq: u64,
}

/// All products of the shop. `so_far` hears the count after every page.
///
/// # Errors
/// See [`UnreadableCatalogue`].
pub async fn read(shop: &Shop, so_far: impl Fn(usize)) -> Result<Catalogue, UnreadableCatalogue> {
    let mut documents = Vec::new();
    let mut after: Option<ProductId> = None;
    let mut change_seq = None;
    loop {
        let cursor = after.map(|id| format!("after={id}&")).unwrap_or_default();
        let page: CataloguePage = shop.get(&format!("{EDGE_CATALOGUE}?{cursor}limit={PAGE_PRODUCTS}")).await?;
        documents.extend(page.products.into_iter().map(Document::from));
        so_far(documents.len());
        let change_seq = *change_seq.get_or_insert(page.change_seq);
        match page.next {
            None => return Ok(Catalogue { documents, change_seq }),
            Some(next) if after.is_some_and(|before| next <= before) => return Err(UnreadableCatalogue::Circle(next)),
            Some(next) => after = Some(next),
        }
    }
}
