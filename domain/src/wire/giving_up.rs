//! Edge → origin: a shopper will not pay what a checkout became.

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;

/// `POST` with `{checkout_id}` appended: the checkout will not be paid ([`GiveUpAnswer`]). Its gateway is asked first, so that money which is
/// there already counts. From then on whatever is captured for it goes back by itself, and it becomes no order any more. The same again
/// changes nothing.
pub const ORIGIN_GIVE_UP: &str = "/internal/give-up/";

/// The code of the [`Problem`](super::Problem) of a checkout that comes again after it was given up.
pub const CHECKOUT_GIVEN_UP: &str = "checkout_given_up";

/// What became of giving a checkout up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum GiveUpAnswer {
    /// It is over. Money that comes for it goes back.
    GivenUp,
    /// It was paid before that.
    Sold {
        /// as this order
        order_id: OrderId,
    },
}
