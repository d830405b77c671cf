//! Telling the edge once more how orders stand, for one that has lost its read models.

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;

/// `POST` [`Restate`] → [`Restated`]: tells the edge once more how every order stands, so that its read models are built anew. In steps:
/// ask again with `after` as it was answered, until there is none.
pub const ORIGIN_RESTATE: &str = "/internal/restate";

/// Which orders are to be told once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restate {
    /// Those after this one; `None`: from the first on.
    #[serde(default)]
    pub after: Option<OrderId>,
}

/// What is on its way to the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restated {
    /// How many orders.
    pub orders: u32,
    /// Where to go on; `None`: that was all.
    pub after: Option<OrderId>,
}
