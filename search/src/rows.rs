//! What filtering, counting and sorting need of every product, in memory and packed: some 10 bytes a product. They are made when a
//! segment is written and kept in a file beside it, which is read whole and used as it is. Rows never change; deletions are the
//! index's business.
//!
//! A segment's rows depend on nothing outside it, so that whoever opens the next index may keep those of the segments
//! that are in both.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tantivy::columnar::{Column, StrColumn};
use tantivy::directory::OwnedBytes;
use tantivy::{DocAddress, DocId, SegmentReader};

use crate::answer::Facets;
use crate::packed::{self, Names, Packed};
use crate::rank::{self, BusinessWeights, Ranking};
use crate::schema::{self, PATH_SEPARATOR};

/// The file's extension; its stem is the segment's id.
pub(crate) const EXTENSION: &str = "rows";
const MAGIC: &[u8; 8] = b"KASUROW1";
/// Products that are read at once.
const READ_AT_ONCE: u32 = 256;

/// The rows of one segment.
#[derive(Debug)]
pub(crate) struct Rows {
    count: u32,
    /// Minor units.
    pub(crate) price: Packed,
    /// 1 when it could be bought.
    pub(crate) available: Packed,
    /// Milliseconds since 1970.
    pub(crate) created: Packed,
    pub(crate) sold: Packed,
    /// Whole stars that its average rating reaches; 0 when nobody has rated it.
    pub(crate) stars: Packed,
    /// See [`rank::esteem`].
    pub(crate) esteem: Packed,
    /// Ordinals, plus 1; 0 for none.
    pub(crate) brand: Packed,
    pub(crate) category: Packed,
    pub(crate) currency: Packed,
    pub(crate) brands: Names,
    pub(crate) categories: Names,
    pub(crate) currencies: Names,
    /// Where a product's ordinals begin in `values`.
    value_starts: Packed,
    values: Packed,
    /// Name and value of attributes, see [`schema::attribute_term`].
    pub(crate) attributes: Names,
}

/// A segment's columns as the index has them.
struct Source {
    count: u32,
}

impl Rows {
    /// From the columns of a segment that is whole in memory.
    pub(crate) fn read(segment: &SegmentReader) -> tantivy::Result<Self> {
        let fast = segment.fast_fields();
        let source = Source { count: segment.max_doc() };
        let number = |name: &str| -> tantivy::Result<Column<u64>> {
            Ok(fast.column_opt::<u64>(name)?.unwrap_or_else(|| Column::build_empty_column(source.count)))
        };
        let named = |name: &str| -> tantivy::Result<(Names, Column<u64>)> {
            match fast.str(name)? {
                Some(column) => names(column),
                None => Ok((Names::default(), Column::build_empty_column(source.count))),
            }
        };
        let (rating, ratings, available) =
            (number(schema::RATING)?, number(schema::RATINGS)?, number(schema::AVAILABLE)?);
        let ((brands, brand), (categories, category)) = (named(schema::BRAND)?, named(schema::CATEGORY)?);
        let ((currencies, currency), (attributes, attribute)) = (named(schema::CURRENCY)?, named(schema::ATTRIBUTE)?);
        let rated_max = u64::from(ratings.max_value() > 0);
        let rated = || source.firsts(&rating).zip(source.firsts(&ratings));
        let esteems = rated().map(|(rating, count)| rank::esteem(rating.unwrap_or(0), count.unwrap_or(0)));
        let stars = rated().map(|(rating, count)| rating.filter(|_| count > Some(0)).unwrap_or(0) / 100);
        let (value_starts, values) = source.values(&attribute, attributes.len());
        Ok(Self {
            count: source.count,
            price: source.numbers(&number(schema::PRICE)?),
            available: source.packed(source.firsts(&available).map(|units| u64::from(units > Some(0))), 0, 1),
            created: source.numbers(&number(schema::CREATED)?),
            sold: source.numbers(&number(schema::SOLD)?),
            stars: source.packed(stars, 0, rated_max * 5),
            esteem: source.packed(esteems, 0, rated_max * rank::ESTEEM_MAX),
            brand: source.ordinals(&brand, brands.len()),
            category: source.ordinals(&category, categories.len()),
            currency: source.ordinals(&currency, currencies.len()),
            brands,
            categories,
            currencies,
            value_starts,
            values,
            attributes,
        })
    }

    /// The file that [`Rows::decode`] reads.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.count.to_le_bytes());
        self.columns().iter().for_each(|column| column.encode(&mut bytes));
        self.all_names().iter().for_each(|names| names.encode(&mut bytes));
        bytes
    }

    /// The rows of a file, which stays in memory; `None` when it is cut off or no such file.
    pub(crate) fn decode(bytes: OwnedBytes) -> Option<Self> {
        let from = &mut bytes.slice(bytes.len().min(MAGIC.len())..bytes.len());
        if bytes.get(..MAGIC.len())? != MAGIC {
            return None;
        }
        let rows = Self {
            count: packed::take_u32(from)?,
            price: Packed::decode(from)?,
            available: Packed::decode(from)?,
            created: Packed::decode(from)?,
            sold: Packed::decode(from)?,
            stars: Packed::decode(from)?,
            esteem: Packed::decode(from)?,
            brand: Packed::decode(from)?,
            category: Packed::decode(from)?,
            currency: Packed::decode(from)?,
            value_starts: Packed::decode(from)?,
            values: Packed::decode(from)?,
            brands: Names::decode(from)?,
            categories: Names::decode(from)?,
            currencies: Names::decode(from)?,
            attributes: Names::decode(from)?,
        };
        from.is_empty().then_some(rows)
    }

    /// All numbers, in the order of the file.
    fn columns(&self) -> [&Packed; 11] {
        [
            &self.price,
            &self.available,
            &self.created,
            &self.sold,
            &self.stars,
            &self.esteem,
            &self.brand,
            &self.category,
            &self.currency,
            &self.value_starts,
            &self.values,
        ]
    }

    /// All names, in the order of the file.
    fn all_names(&self) -> [&Names; 4] {
        [&self.brands, &self.categories, &self.currencies, &self.attributes]
    }

    /// Products, deleted ones included.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Ordinals of a product's attributes, in order.
    #[inline]
    pub(crate) fn values_of(&self, doc: DocId) -> impl Iterator<Item = usize> + '_ {
        (self.value_starts.get(doc)..self.value_starts.get(doc + 1)).map(|at| self.values.get(at as u32) as usize)
    }

    /// The ordinals of a category path and of everything below it, as [`Rows::category`] has them.
    pub(crate) fn categories_below(&self, path: &str) -> Range<u64> {
        let inside = |known: &str| {
            known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(PATH_SEPARATOR))
        };
        let start = self.categories.partition_point(|known| known < path);
        let length = (start..self.categories.len()).take_while(|at| inside(self.categories.get(*at))).count();
        start as u64 + 1..(start + length) as u64 + 1
    }
}

fn names(column: StrColumn) -> tantivy::Result<(Names, Column<u64>)> {
    let (dictionary, ordinals) = column.into_parts();
    let mut names = Names::default();
    let mut stream = dictionary.stream()?;
    while stream.advance() {
        names.push(&String::from_utf8_lossy(stream.key()));
    }
    Ok((names, ordinals))
}

impl Source {
    /// Every product's first value, in order.
    fn firsts<'a>(&self, column: &'a Column<u64>) -> impl Iterator<Item = Option<u64>> + use<'a> {
        let count = self.count;
        (0..count).step_by(READ_AT_ONCE as usize).flat_map(move |start| {
            let docs: Vec<DocId> = (start..count.min(start + READ_AT_ONCE)).collect();
            let mut values = vec![None; docs.len()];
            column.first_vals(&docs, &mut values);
            values
        })
    }

    fn packed(&self, numbers: impl Iterator<Item = u64>, least: u64, greatest: u64) -> Packed {
        let mut packer = Packed::of(self.count as usize, least, greatest);
        numbers.for_each(|number| packer.push(number));
        packer.finish()
    }

    fn numbers(&self, column: &Column<u64>) -> Packed {
        let is_full = column.values.num_vals() == self.count;
        let least = if is_full { column.min_value() } else { 0 };
        self.packed(self.firsts(column).map(|number| number.unwrap_or(0)), least, column.max_value())
    }

    fn ordinals(&self, column: &Column<u64>, names: usize) -> Packed {
        let least = u64::from(names == 1 && column.values.num_vals() == self.count);
        self.packed(self.firsts(column).map(|ordinal| ordinal.map_or(0, |at| at + 1)), least, names as u64)
    }

    fn values(&self, column: &Column<u64>, names: usize) -> (Packed, Packed) {
        let total = column.values.num_vals();
        let mut starts = Packed::of(self.count as usize + 1, 0, u64::from(total));
        let mut values = Packed::of(total as usize, 0, names.saturating_sub(1) as u64);
        let mut start = 0;
        for doc in 0..self.count {
            starts.push(start);
            for value in column.values_for_doc(doc) {
                values.push(value);
                start += 1;
            }
        }
        starts.push(start);
        (starts.finish(), values.finish())
    }
}

/// The rows of all segments, as one table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) segments: Vec<Arc<Rows>>,
    /// Products in the segments before each.
    starts: Vec<u32>,
    pub(crate) ranking: Ranking,
    /// No price is above this, in minor units.
    pub(crate) price_max: u64,
    /// Facets of everything, which is asked most.
    pub(crate) front: OnceLock<Facets>,
}

impl Table {
    /// `segments` in the order of the index.
    pub(crate) fn new(segments: Vec<Arc<Rows>>, weights: &BusinessWeights) -> Self {
        let starts = segments.iter().scan(0_u32, |next, rows| {
            let start = *next;
            *next = next.saturating_add(rows.count());
            Some(start)
        });
        let starts = starts.collect();
        let newest_ms = segments.iter().map(|rows| rows.created.greatest()).max().unwrap_or(0);
        let price_max = segments.iter().map(|rows| rows.price.greatest()).max().unwrap_or(0);
        let ranking = Ranking::new(weights, newest_ms);
        Self { segments, starts, ranking, price_max, front: OnceLock::new() }
    }

    /// Those of each segment, in the order of the index.
    pub(crate) fn rows(&self) -> &[Arc<Rows>] {
        &self.segments
    }

    /// A product's place in the whole table.
    pub(crate) fn start(&self, segment: usize) -> u32 {
        self.starts.get(segment).copied().unwrap_or(0)
    }

    pub(crate) fn address(&self, place: u32) -> DocAddress {
        let segment = self.starts.partition_point(|start| *start <= place).saturating_sub(1);
        DocAddress::new(segment as u32, place - self.start(segment))
    }
}
