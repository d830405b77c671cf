//! Who else knows a product's levels, and which of them: D1's projection, and the relays of those who look at the product. Every change
//! of what can be bought has a number, its *version*; each copy has one, and is behind while it is smaller.
//!
//! Kept in memory and in the tables alike; whatever was persisted and not told is told after a crash.

use std::collections::BTreeMap;

use domain::ids::ProductId;
use serde::Deserialize;
use worker::SqlStorage;

/// What each copy has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copies {
    /// `None` before there was an opening balance.
    product_id: Option<ProductId>,
    /// What is true here.
    version: u64,
    /// What D1 has.
    published: u64,
    /// How often a relay began to follow.
    followings: u64,
    relays: BTreeMap<u32, Relay>,
}

/// One relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Relay {
    /// Its number among the product's.
    pub(super) relay: u32,
    /// Which time of following this is.
    pub(super) following: u64,
    /// What it has; 0 before it was told anything.
    told: u64,
    /// How many it had when it was told.
    viewers: u32,
}

impl Default for Copies {
    fn default() -> Self {
        Self { product_id: None, version: 1, published: 1, followings: 0, relays: BTreeMap::new() }
    }
}

impl Copies {
    pub(super) fn open(sql: &SqlStorage) -> worker::Result<Self> {
        #[derive(Deserialize)]
        struct Meta {
            product_id: ProductId,
            version: u64,
            published: u64,
            followings: u64,
        }
        let meta: Vec<Meta> =
            sql.exec("SELECT product_id, version, published, followings FROM meta", None)?.to_array()?;
        let Some(meta) = meta.into_iter().next() else { return Ok(Self::default()) };
        let relays: Vec<Relay> = sql.exec("SELECT relay, following, told, viewers FROM relay", None)?.to_array()?;
        Ok(Self {
            product_id: Some(meta.product_id),
            version: meta.version,
            published: meta.published,
            followings: meta.followings,
            relays: relays.into_iter().map(|relay| (relay.relay, relay)).collect(),
        })
    }

    /// Whose stock it is.
    pub(super) const fn product_id(&self) -> Option<ProductId> {
        self.product_id
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Whether D1 is.
    pub(super) const fn is_unpublished(&self) -> bool {
        self.published < self.version
    }

    /// The relays that are.
    pub(super) fn relays_behind(&self) -> impl Iterator<Item = Relay> {
        self.relays.values().copied().filter(|relay| relay.told < self.version)
    }

    /// Whether anybody is.
    pub(super) fn is_anybody_behind(&self) -> bool {
        self.is_unpublished() || self.relays_behind().next().is_some()
    }

    /// All relays, whatever they have.
    pub(super) fn relays(&self) -> impl Iterator<Item = Relay> {
        self.relays.values().copied()
    }

    /// Relays, and their viewers when they were told something last.
    pub(super) fn audience(&self) -> (u32, u32) {
        let viewers = self.relays.values().map(|relay| relay.viewers).fold(0, u32::saturating_add);
        (u32::try_from(self.relays.len()).unwrap_or(u32::MAX), viewers)
    }

    /// Begins to count for a product.
    pub(super) fn belong_to(&mut self, sql: &SqlStorage, product_id: ProductId) -> worker::Result<()> {
        sql.exec(
            "INSERT INTO meta (one, product_id) VALUES (1, ?) ON CONFLICT (one) DO NOTHING",
            vec![product_id.to_string().into()],
        )?;
        self.product_id = Some(product_id);
        Ok(())
    }

    /// What can be bought has changed.
    pub(super) fn change(&mut self, sql: &SqlStorage) -> worker::Result<()> {
        sql.exec("UPDATE meta SET version = ?", vec![number(self.version + 1).into()])?;
        self.version += 1;
        Ok(())
    }

    /// D1 has this version.
    pub(super) fn published(&mut self, sql: &SqlStorage, version: u64) -> worker::Result<()> {
        sql.exec("UPDATE meta SET published = ?", vec![number(version).into()])?;
        self.published = version;
        Ok(())
    }

    /// A relay got its first viewer: it is to be told of everything.
    pub(super) fn follow(&mut self, sql: &SqlStorage, relay: u32) -> worker::Result<()> {
        let following = self.followings + 1;
        sql.exec("UPDATE meta SET followings = ?", vec![number(following).into()])?;
        sql.exec(
            "INSERT INTO relay (relay, following, told, viewers) VALUES (?, ?, 0, 0)
             ON CONFLICT (relay) DO UPDATE SET following = excluded.following, told = 0",
            vec![i64::from(relay).into(), number(following).into()],
        )?;
        self.followings = following;
        self.relays.insert(relay, Relay { relay, following, told: 0, viewers: 0 });
        Ok(())
    }

    /// What `before` answered when it was told `version`. One without viewers is forgotten, unless it began to follow again meanwhile.
    pub(super) fn told(&mut self, sql: &SqlStorage, before: Relay, version: u64, viewers: u32) -> worker::Result<()> {
        let Some(after) = self.heard_of(before, version, viewers) else { return Ok(()) };
        let relay = i64::from(before.relay);
        match after {
            None => sql.exec("DELETE FROM relay WHERE relay = ?", vec![relay.into()])?,
            Some(after) => sql.exec(
                "UPDATE relay SET told = ?, viewers = ? WHERE relay = ?",
                vec![number(after.told).into(), i64::from(viewers).into(), relay.into()],
            )?,
        };
        match after {
            None => self.relays.remove(&before.relay),
            Some(after) => self.relays.insert(after.relay, after),
        };
        Ok(())
    }

    /// What becomes of a relay; `None` outside when the answer means nothing any more.
    fn heard_of(&self, before: Relay, version: u64, viewers: u32) -> Option<Option<Relay>> {
        let now = self.relays.get(&before.relay).filter(|now| now.following == before.following)?;
        Some((viewers > 0).then(|| Relay { told: now.told.max(version), viewers, ..*now }))
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(relay: u32, following: u64, told: u64) -> Relay {
        Relay { relay, following, told, viewers: 5 }
    }

    fn copies(version: u64, published: u64, relays: &[Relay]) -> Copies {
        let relays = relays.iter().map(|relay| (relay.relay, *relay)).collect();
        Copies { version, published, relays, ..Copies::default() }
    }

    #[test]
    fn whoever_has_an_older_version_is_behind() {
        let copies = copies(7, 7, &[relay(0, 1, 7), relay(1, 2, 6), relay(2, 3, 0)]);
        assert_eq!(copies.relays_behind().map(|relay| relay.relay).collect::<Vec<_>>(), [1, 2]);
        assert!(!copies.is_unpublished() && copies.is_anybody_behind());
        assert_eq!(copies.audience(), (3, 15));
    }

    #[test]
    fn a_relay_without_viewers_is_forgotten_unless_it_began_to_follow_again() {
        let copies = copies(7, 7, &[relay(0, 4, 3)]);
        assert_eq!(copies.heard_of(relay(0, 4, 3), 7, 0), Some(None));
        assert_eq!(copies.heard_of(relay(0, 3, 3), 7, 0), None, "it follows for a fourth time now");
        assert_eq!(copies.heard_of(relay(1, 3, 3), 7, 0), None);
    }

    #[test]
    fn an_answer_that_was_overtaken_takes_nothing_back() {
        let copies = copies(9, 9, &[relay(0, 4, 8)]);
        let after = copies.heard_of(relay(0, 4, 3), 7, 2).unwrap().unwrap();
        assert_eq!((after.told, after.viewers), (8, 2));
    }
}
