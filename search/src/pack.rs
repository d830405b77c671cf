//! Several named files in one object that is read whole. It knows nothing of what they hold, and checks no sums: whoever
//! names the object does.

use tantivy::directory::OwnedBytes;

const MAGIC: &[u8; 8] = b"KASUPAK1";

/// Puts files into one object, in the order given.
pub(crate) fn encode<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])> + Clone) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((files.clone().count() as u32).to_le_bytes());
    for (name, content) in files.clone() {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(name.as_bytes());
    }
    for (_, content) in files {
        bytes.extend(content);
    }
    bytes
}

/// The files that [`encode`] put together; `None` when something is cut off or left over. Nothing is copied.
pub(crate) fn decode(bytes: Vec<u8>) -> Option<Vec<(String, OwnedBytes)>> {
    let mut rest = OwnedBytes::new(bytes);
    let mut take = |length: usize| -> Option<OwnedBytes> {
        if length > rest.len() {
            return None;
        }
        let (taken, left) = rest.clone().split(length);
        rest = left;
        Some(taken)
    };
    if take(8)?.as_slice() != MAGIC {
        return None;
    }
    let count = u32::from_le_bytes(take(4)?.as_slice().try_into().ok()?);
    let mut listed = Vec::new();
    for _ in 0..count {
        let name = u32::from_le_bytes(take(4)?.as_slice().try_into().ok()?);
        let length = u64::from_le_bytes(take(8)?.as_slice().try_into().ok()?);
        let name = String::from_utf8(take(usize::try_from(name).ok()?)?.to_vec()).ok()?;
        listed.push((name, usize::try_from(length).ok()?));
    }
    let files: Option<Vec<_>> = listed.into_iter().map(|(name, length)| Some((name, take(length)?))).collect();
    files.filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_and_a_cut_or_longer_object_is_refused() {
        let files: [(&str, &[u8]); 3] = [("a", b"one"), ("b.json", b""), ("ç", &[7; 300])];
        let whole = encode(files.into_iter());
        let decoded = decode(whole.clone()).unwrap();
        let decoded: Vec<(&str, &[u8])> =
            decoded.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        assert_eq!(decoded, files);
        for length in 0..whole.len() {
            assert!(decode(whole[..length].to_vec()).is_none(), "{length}");
        }
        assert!(decode([whole, vec![0]].concat()).is_none());
    }
}
