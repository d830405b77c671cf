//! Which document of a segment is which product: a file beside the segment's own, sorted, read by a few ranges however
//! long it is. Searches never read it.
//!
//! A record is 16 bytes of the id's SHA-256 and the document's number, little endian. Hashes are spread evenly, so the place
//! of a record can be guessed from the hash, and the file needs no index of its own.

use std::io;
use std::ops::Range;

use sha2::{Digest as _, Sha256};
use tantivy::DocId;
use tantivy::directory::FileHandle;

/// The file's extension; its stem is the segment's id.
pub(crate) const EXTENSION: &str = "ids";
const KEY_BYTES: usize = 16;
const RECORD_BYTES: usize = KEY_BYTES + 4;

/// A product's id, hashed.
pub(crate) type Key = [u8; KEY_BYTES];

/// The key of a product's id.
pub(crate) fn key(id: &str) -> Key {
    let digest = Sha256::digest(id);
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(&digest[..KEY_BYTES]);
    key
}

/// The file of a segment whose documents are these products, in order.
pub(crate) fn encode(keys: &[Key]) -> Vec<u8> {
    let mut records: Vec<(&Key, DocId)> = keys.iter().zip(0..).collect();
    records.sort_unstable();
    let mut bytes = Vec::with_capacity(records.len() * RECORD_BYTES);
    for (key, doc) in records {
        bytes.extend(key);
        bytes.extend(doc.to_le_bytes());
    }
    bytes
}

/// The products of a segment, in the order of its documents; `None` when the bytes are no such file.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Key>> {
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    let mut keys = vec![None; records.len()];
    for record in records {
        let (key, doc) = split(record);
        *keys.get_mut(doc as usize)? = Some(key);
    }
    if rest.is_empty() { keys.into_iter().collect() } else { None }
}

/// The document that is the product, if the segment has it.
///
/// # Errors
/// When bytes are not at hand.
pub(crate) fn find(file: &dyn FileHandle, wanted: &Key) -> io::Result<Option<DocId>> {
    let count = file.len() / RECORD_BYTES;
    let mut left = 0..count;
    // Where a hash stands strays from where it should by about half the square root of their number.
    let reach = count.isqrt().max(8);
    let lead =
        u64::from_be_bytes([wanted[0], wanted[1], wanted[2], wanted[3], wanted[4], wanted[5], wanted[6], wanted[7]]);
    let mut guess = ((u128::from(lead) * count as u128) >> 64) as usize;
    while !left.is_empty() {
        let window = guess.saturating_sub(reach).max(left.start)..guess.saturating_add(reach).min(left.end);
        let bytes = file.read_bytes(window.start * RECORD_BYTES..window.end * RECORD_BYTES)?;
        let (records, _) = bytes.as_chunks::<RECORD_BYTES>();
        match records.binary_search_by(|record| record[..KEY_BYTES].cmp(wanted)) {
            Ok(at) => return Ok(Some(split(&records[at]).1)),
            Err(0) => (left, guess) = beside(left.start..window.start, window.start, reach),
            Err(at) if at == records.len() => (left, guess) = beside(window.end..left.end, window.end, reach),
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// What is left to look at, and the next guess: the neighbouring window.
fn beside(left: Range<usize>, edge: usize, reach: usize) -> (Range<usize>, usize) {
    let guess = if left.end == edge { edge.saturating_sub(reach) } else { edge.saturating_add(reach) };
    let inside = guess.clamp(left.start, left.end.saturating_sub(1).max(left.start));
    (left, inside)
}

fn split(record: &[u8; RECORD_BYTES]) -> (Key, DocId) {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(&record[..KEY_BYTES]);
    (key, DocId::from_le_bytes([record[16], record[17], record[18], record[19]]))
}

#[cfg(test)]
mod tests {
    use tantivy::directory::OwnedBytes;

    use super::*;

    #[test]
    fn every_product_is_found_and_no_other() {
        for count in [0, 1, 2, 3, 40, 5_000] {
            let keys: Vec<Key> = (0..count).map(|n| key(&format!("product {n}"))).collect();
            let bytes = encode(&keys);
            assert_eq!(decode(&bytes).unwrap(), keys);
            let file = OwnedBytes::new(bytes);
            for (doc, key) in keys.iter().enumerate() {
                assert_eq!(find(&file, key).unwrap(), Some(doc as DocId));
            }
            for n in 0..200 {
                assert_eq!(find(&file, &key(&format!("stranger {n}"))).unwrap(), None);
            }
            assert_eq!(find(&file, &[0; KEY_BYTES]).unwrap(), None);
            assert_eq!(find(&file, &[u8::MAX; KEY_BYTES]).unwrap(), None);
        }
    }

    #[test]
    fn a_file_of_another_length_or_with_strange_numbers_is_refused() {
        let bytes = encode(&[key("a"), key("b")]);
        assert!(decode(&bytes[1..]).is_none());
        assert!(decode(&bytes[..RECORD_BYTES * 2 - 4]).is_none());
        let mut strange = bytes;
        strange[KEY_BYTES] = 9;
        assert!(decode(&strange).is_none());
    }
}
