//! What happens in a simulated world, one thing after the other: a list of these is a run. Each reads and prints as one line of JSON, so
//! that a failing run can be kept, replayed and made shorter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing that happens. Small numbers choose among what there is, whatever there is, so that a list with holes still means
/// something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Time passes.
    Wait {
        /// how long
        seconds: u32,
    },
    /// A buyer puts something into the cart.
    Add {
        /// who
        buyer: u8,
        /// what
        sku: u8,
        /// how many
        quantity: u8,
    },
    /// A buyer takes something out, or makes it one.
    Change {
        /// who
        buyer: u8,
        /// what
        sku: u8,
        /// whether all of it goes
        remove: bool,
    },
    /// A buyer sends a checkout form from one of two tabs. The same tab sends the same checkout again until it came to an end.
    Place {
        /// who
        buyer: u8,
        /// from which tab
        tab: u8,
        /// whether what was typed is other than the last time
        corrected: bool,
        /// how many of its calls are made before something else happens
        calls: u8,
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// A buyer gives up the checkout of one of the tabs.
    GiveUp {
        /// who
        buyer: u8,
        /// of which tab
        tab: u8,
        /// how many of its calls are made before something else happens
        calls: u8,
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// What the Worker was about goes on.
    GoOn {
        /// with which of what is under way
        run: u8,
        /// how many calls are made before something else happens
        calls: u8,
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// Somebody pays on one of the gateway's pages.
    Pay {
        /// which
        payment: u8,
        /// minor units less than asked for
        less: u8,
    },
    /// Somebody is declined on one of the gateway's pages.
    Decline {
        /// which
        payment: u8,
    },
    /// The gateway tells the origin, perhaps not for the first time.
    Webhook {
        /// which of all that it has to tell
        notice: u8,
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// The gateway will never tell.
    Forget {
        /// what of all that it has to tell
        notice: u8,
    },
    /// A buyer comes back from the gateway's page, and the origin looks.
    ComeBack {
        /// who
        buyer: u8,
        /// from which tab's checkout
        tab: u8,
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// The origin delivers one message that is due.
    Deliver {
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// A message that the origin sent once arrives (again).
    Repeat {
        /// which
        message: u8,
        /// how many calls are made before something else happens
        calls: u8,
    },
    /// The origin asks about one payment that is due.
    Reconcile {
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// Somebody has an order taken back, all of it or one unit.
    Refund {
        /// whose last order
        buyer: u8,
        /// one of what; `None`: everything that is left
        sku: Option<u8>,
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// The origin asks for one refund that is due.
    Pursue {
        /// what goes wrong
        #[serde(default, skip_serializing_if = "Faults::is_empty")]
        faults: Faults,
    },
    /// A Stock object's alarm rings, if it is due.
    Alarm {
        /// of which product
        product: u8,
    },
    /// A Stock object's alarm never rings.
    LoseAlarm {
        /// of which product
        product: u8,
    },
    /// Something dies and comes back with what it has stored.
    Crash {
        /// what
        what: Part,
    },
    /// A delivery.
    Receive {
        /// what
        sku: u8,
        /// how many
        units: u8,
    },
    /// Somebody counts the shelf.
    Count {
        /// what
        sku: u8,
        /// and finds so many
        counted: u8,
    },
    /// Something is broken or lost.
    WriteOff {
        /// what
        sku: u8,
        /// how many
        units: u8,
    },
    /// A buyer sends one of what was bought back.
    TakeBack {
        /// who
        buyer: u8,
        /// what
        sku: u8,
    },
    /// People gather for a flash sale of the last product, unless one goes on.
    Gather {
        /// how long until it starts
        seconds: u32,
    },
    /// A buyer takes a place in it. The first two buyers are one person, with two carts.
    Join {
        /// who
        buyer: u8,
    },
    /// A buyer types the shop's one code, or takes it away.
    Coupon {
        /// who
        buyer: u8,
        /// whether it is typed
        typed: bool,
    },
    /// A price moves.
    Reprice {
        /// of what
        sku: u8,
        /// to so many minor units
        price: u16,
    },
}

/// What can die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A Stock object.
    Stock(u8),
    /// A Cart object.
    Cart(u8),
    /// The origin.
    Origin,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It never arrives.
    RequestLost,
    /// It has its effect, but the answer never arrives.
    AnswerLost,
    /// It arrives twice.
    Twice,
    /// Whoever is called has its effect stored, and dies before answering.
    CalleeDies,
    /// Whoever calls dies before calling.
    CallerDiesBefore,
    /// Whoever calls dies when it has its effect.
    CallerDiesAfter,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 6] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::Twice,
        Self::CalleeDies,
        Self::CallerDiesBefore,
        Self::CallerDiesAfter,
    ];
}

/// What goes wrong with which of an operation's calls, counted from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<(u8, Fault)>);

impl Faults {
    /// Whether all goes well.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Operation {
    /// What goes wrong during it, where something can.
    pub const fn faults(&self) -> Option<&Faults> {
        match self {
            Self::Place { faults, .. }
            | Self::GiveUp { faults, .. }
            | Self::GoOn { faults, .. }
            | Self::Webhook { faults, .. }
            | Self::ComeBack { faults, .. }
            | Self::Deliver { faults }
            | Self::Reconcile { faults }
            | Self::Refund { faults, .. }
            | Self::Pursue { faults } => Some(faults),
            Self::Wait { .. }
            | Self::Add { .. }
            | Self::Change { .. }
            | Self::Pay { .. }
            | Self::Decline { .. }
            | Self::Forget { .. }
            | Self::Repeat { .. }
            | Self::Alarm { .. }
            | Self::LoseAlarm { .. }
            | Self::Crash { .. }
            | Self::Receive { .. }
            | Self::Count { .. }
            | Self::WriteOff { .. }
            | Self::TakeBack { .. }
            | Self::Gather { .. }
            | Self::Join { .. }
            | Self::Coupon { .. }
            | Self::Reprice { .. } => None,
        }
    }

    /// The same with nothing going wrong; `None` when nothing does.
    pub fn without_faults(&self) -> Option<Self> {
        self.faults().filter(|faults| !faults.is_empty())?;
        let mut calm = self.clone();
        match &mut calm {
            Self::Place { faults, .. }
            | Self::GiveUp { faults, .. }
            | Self::GoOn { faults, .. }
            | Self::Webhook { faults, .. }
            | Self::ComeBack { faults, .. }
            | Self::Deliver { faults }
            | Self::Reconcile { faults }
            | Self::Refund { faults, .. }
            | Self::Pursue { faults } => faults.0.clear(),
            Self::Wait { .. }
            | Self::Add { .. }
            | Self::Change { .. }
            | Self::Pay { .. }
            | Self::Decline { .. }
            | Self::Forget { .. }
            | Self::Repeat { .. }
            | Self::Alarm { .. }
            | Self::LoseAlarm { .. }
            | Self::Crash { .. }
            | Self::Receive { .. }
            | Self::Count { .. }
            | Self::WriteOff { .. }
            | Self::TakeBack { .. }
            | Self::Gather { .. }
            | Self::Join { .. }
            | Self::Coupon { .. }
            | Self::Reprice { .. } => {}
        }
        Some(calm)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Operation {
    type Err = serde_json::Error;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(line)
    }
}

/// A run as text, one operation a line. Lines that begin with `#` are remarks.
pub fn parse(text: &str) -> Result<Vec<Operation>, serde_json::Error> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::parse).collect()
}
