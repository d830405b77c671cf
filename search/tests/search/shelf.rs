//! A bucket with everything that a publication writes, and the shell round the indexer.

use std::collections::BTreeMap;

use crate::shop::{bytes, compiled};
use search::artefact::{BUNDLE, HOTCACHE, MANIFEST, POINTER_KEY, object_key};
use search::commit::part_key;
use search::pages::BUDGET_DEFAULT_BYTES;
use search::{
    Answer, Artefact, Change, Commit, Document, Indexer, Manifest, Outcome, Part, PartRef, Pointer, Progress,
    Publication, Reader, Request, SearchError, compile_as_of,
};

/// A bucket.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    pub(crate) rounds: u32,
    pub(crate) bytes: u64,
}

impl Shelf {
    /// A shop that has just compiled these products.
    pub(crate) fn with(products: impl Iterator<Item = Document>) -> Self {
        let mut shelf = Self::default();
        let artefact = compiled(products);
        shelf.put_artefact(&artefact);
        let pointer = Pointer::to_artefact(&artefact.manifest, 1);
        shelf.put(POINTER_KEY.to_owned(), serde_json::to_vec(&pointer).unwrap());
        shelf
    }

    pub(crate) fn put(&mut self, key: String, object: Vec<u8>) {
        let before = self.objects.insert(key.clone(), object.clone());
        assert!(key == POINTER_KEY || before.is_none_or(|before| before == object), "{key} changed");
    }

    pub(crate) fn put_artefact(&mut self, artefact: &Artefact) {
        for (file, bytes) in &artefact.files {
            self.put(object_key(&artefact.version, file), bytes.clone());
        }
    }

    pub(crate) fn get(&self, key: &str) -> Result<Vec<u8>, SearchError> {
        self.objects.get(key).cloned().ok_or_else(|| SearchError::Corrupt(format!("{key} is missing")))
    }

    pub(crate) fn pointer(&self) -> Pointer {
        serde_json::from_slice(&self.objects[POINTER_KEY]).unwrap()
    }

    /// Opens what the pointer names, as an isolate does that has nothing yet.
    pub(crate) fn open(&self) -> Result<Reader, SearchError> {
        let pointer = self.pointer();
        let file = |file| self.get(&object_key(pointer.base_version(), file));
        let base = Reader::open(Manifest::from_json(&file(MANIFEST)?)?, file(HOTCACHE)?, BUDGET_DEFAULT_BYTES)?;
        self.follow(&base)
    }

    /// Goes on from a reader of the same base to what the pointer names now.
    pub(crate) fn follow(&self, reader: &Reader) -> Result<Reader, SearchError> {
        let pointer = self.pointer();
        let Some(key) = pointer.commit_key() else { return Ok(reader.without_commit()) };
        let commit = Commit::decode(&pointer.version, self.get(&key)?)?;
        let fetch = |part: &PartRef| Part::decode(part, self.get(&part_key(&part.id))?);
        let parts: Result<Vec<Part>, SearchError> = reader.missing_parts(&pointer).iter().map(fetch).collect();
        reader.with_commit(commit, parts?)
    }

    /// An indexer as it is after a restart: it has no hotcache.
    pub(crate) fn indexer(&self) -> Indexer {
        let pointer = self.pointer();
        let manifest = Manifest::from_json(&self.get(&object_key(pointer.base_version(), MANIFEST)).unwrap()).unwrap();
        Indexer::new(&self.follow(&Reader::open(manifest, Vec::new(), 1_000_000).unwrap()).unwrap())
    }

    pub(crate) fn update(&mut self, indexer: &Indexer, changes: Vec<Change>, catalogue_seq: u64) -> Publication {
        let bundle = self.get(&object_key(indexer.base_version(), BUNDLE)).unwrap();
        let mut update = indexer.begin(changes, catalogue_seq, 2);
        loop {
            match update.run().unwrap() {
                Progress::Ready(publication) => return *publication,
                Progress::NeedBytes(ranges) => {
                    self.rounds += 1;
                    for range in ranges {
                        self.bytes += range.end - range.start;
                        update.supply(range.start, &bundle[range.start as usize..range.end as usize]).unwrap();
                    }
                    assert!(update.rounds() < 20);
                }
            }
        }
    }

    pub(crate) fn publish(&mut self, publication: &Publication) {
        for (key, bytes) in &publication.objects {
            self.put(key.clone(), bytes.clone());
        }
        let (key, bytes) = publication.pointer_object().unwrap();
        self.put(key, bytes);
    }

    pub(crate) fn answer(&self, reader: &Reader, request: &Request) -> Result<Answer, SearchError> {
        let bundle = self.get(&object_key(reader.base_version(), BUNDLE))?;
        let mut search = reader.begin(request)?;
        loop {
            match search.run()? {
                Outcome::Ready(answer) => return Ok(*answer),
                Outcome::NeedBytes(ranges) => {
                    for range in ranges {
                        search.supply(range.start, &bundle[range.start as usize..range.end as usize])?;
                    }
                    assert!(search.rounds() < 20);
                }
            }
        }
    }

    pub(crate) fn ask(&self, request: &Request) -> Answer {
        self.answer(&self.open().unwrap(), request).unwrap()
    }
}

/// What a search over nothing but the finished catalogue answers.
pub(crate) fn fresh(artefact: &Artefact) -> impl Fn(&Request) -> Answer {
    let reader = Reader::open(artefact.manifest.clone(), artefact.file(HOTCACHE).to_vec(), usize::MAX).unwrap();
    move |request| {
        let mut search = reader.begin(request).unwrap();
        loop {
            match search.run().unwrap() {
                Outcome::Ready(answer) => return *answer,
                Outcome::NeedBytes(ranges) => {
                    for range in ranges {
                        search.supply(range.start, bytes(artefact, &range)).unwrap();
                    }
                }
            }
        }
    }
}

pub(crate) fn compiled_as_of(products: impl Iterator<Item = Document>, catalogue_seq: u64) -> Artefact {
    compile_as_of(products, catalogue_seq, 15_000_000).unwrap()
}

pub(crate) fn save(document: Document) -> Change {
    Change::Save(Box::new(document))
}
