//! What ours is compared with: all text of a product in one field, any word of the query, BM25 as the library has it, its English
//! stemmer, no idea of shops.

use anyhow::Result;
use search::Document;
use tantivy::collector::TopDocs;
use tantivy::directory::RamDirectory;
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TokenStream as _;
use tantivy::{Index, IndexSettings, Searcher, TantivyDocument, Term};

use super::catalogue::Catalogue;

const ANALYSER: &str = "en_stem";
const PLACE: &str = "place";
const MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// The catalogue in a plain index.
pub(crate) struct Baseline {
    index: Index,
    searcher: Searcher,
    text: Field,
}

impl Baseline {
    /// Indexes the catalogue.
    ///
    /// # Errors
    /// When the library does.
    pub(crate) fn new(catalogue: &Catalogue) -> Result<Self> {
        let mut schema = Schema::builder();
        let indexing =
            TextFieldIndexing::default().set_tokenizer(ANALYSER).set_index_option(IndexRecordOption::WithFreqs);
        let text = schema.add_text_field("text", TextOptions::default().set_indexing_options(indexing));
        let place = schema.add_u64_field(PLACE, FAST);
        let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let builder = Index::builder().schema(schema.build()).settings(settings);
        let mut writer = builder.single_segment_index_writer(RamDirectory::create(), MEMORY_BYTES)?;
        for (document, at) in catalogue.documents().zip(0_u64..) {
            let mut indexed = TantivyDocument::new();
            for words in texts(document) {
                indexed.add_text(text, words);
            }
            indexed.add_u64(place, at);
            writer.add_document(indexed)?;
        }
        let index = writer.finalize()?;
        let searcher = index.reader()?.searcher();
        Ok(Self { index, searcher, text })
    }

    /// The places of the first hits, best first.
    ///
    /// # Errors
    /// When the library fails.
    pub(crate) fn search(&self, query: &str, hits_max: usize) -> Result<Vec<usize>> {
        let mut analyser = self.index.tokenizer_for_field(self.text)?;
        let mut words = analyser.token_stream(query);
        let mut any: Vec<Box<dyn Query>> = Vec::new();
        while words.advance() {
            let term = Term::from_field_text(self.text, &words.token().text);
            any.push(Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)));
        }
        let best = self.searcher.search(&BooleanQuery::union(any), &TopDocs::with_limit(hits_max).order_by_score())?;
        let mut places = Vec::new();
        for (_, address) in best {
            let column = self.searcher.segment_reader(address.segment_ord).fast_fields().u64(PLACE)?;
            places.extend(column.first(address.doc_id).and_then(|place| usize::try_from(place).ok()));
        }
        Ok(places)
    }
}

/// Everything that a product says.
fn texts(document: &Document) -> impl Iterator<Item = &str> {
    let names = document.brand.iter().chain(&document.category);
    [&document.title, &document.description]
        .into_iter()
        .chain(names)
        .chain(document.attributes.values())
        .map(String::as_str)
}
