//! Fault simulation: whole purchases over the real machines, the real purchase flow, and the real origin on SQLite, in a world whose network
//! loses and repeats, whose parts die, and whose clock is ours. One seed is one list of operations, and one run.
//!
//! What is simulated is only what is not ours: the network, the platform under Durable Objects, D1's rows, the gateway, people.
//! [`model`] is the other half of the proof: it tries every order of things in a smaller world.

mod check;
mod edge;
mod gateway;
pub mod generate;
pub mod model;
mod network;
mod objects;
pub mod operation;
mod process;
mod rules;
mod sale;
pub mod shrink;
mod world;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

use domain::invariants::{Invariant, Violation};

use crate::operation::Operation;
use crate::world::World;

/// What is broken on purpose, to see that it is noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing.
    #[default]
    None,
    /// Stock reserves what is not there.
    Oversell,
    /// The edge tells the origin that all is well, whatever came of an event.
    TellDone,
    /// Stock reserves more than one person may have.
    ForgetShares,
    /// Who gives a checkout up is told so, and the origin never is.
    ForgetGivingUp,
}

/// That something is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The invariant's id; `PANIC`, `ANSWER` or `FAULT` for what has none.
    pub id: String,
    /// What was seen.
    pub detail: String,
    /// Number of operations done by then.
    pub after: usize,
}

impl Finding {
    pub(crate) fn new(id: &str, detail: impl Into<String>) -> Self {
        Self { id: id.to_owned(), detail: detail.into(), after: 0 }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (after {} operations)", self.id, self.detail, self.after)
    }
}

impl std::error::Error for Finding {}

impl From<anyhow::Error> for Finding {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(finding) => finding,
            Err(error) => match error.downcast::<Violation>() {
                Ok(Violation { invariant, detail }) => Self::new(invariant.id(), detail),
                Err(error) => Self::new("FAULT", format!("{error:#}")),
            },
        }
    }
}

/// How orders, payments and reservations ended, and how many did so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<String, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Adds what another run came to.
    pub fn add(&mut self, other: Self) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}

/// Runs a list of operations in a new world, and lets the world come to rest: how things ended, or what was found.
pub fn run(operations: &[Operation], sabotage: Sabotage) -> Result<Tally, Finding> {
    // A panic is a machine that asserted an invariant.
    quietly(|| run_here(operations, sabotage)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does what may panic. A panic is what is found out, and need not be printed as well.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> thread::Result<T> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                usual(info);
            }
        }));
    });
    IS_QUIET.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IS_QUIET.set(false);
    done
}

pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Finding {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("something");
    let known = Invariant::ALL.iter().find_map(|it| Some((it.id(), text.strip_prefix(it.id())?.strip_prefix(": ")?)));
    let (id, detail) = known.unwrap_or(("PANIC", text));
    Finding::new(id, detail)
}

fn run_here(operations: &[Operation], sabotage: Sabotage) -> Result<Tally, Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(anyhow::Error::from)?;
    let outcome: Result<Tally, Finding> = runtime.block_on(async {
        let mut world = World::new(sabotage).await?;
        for (index, operation) in operations.iter().enumerate() {
            let at = |error: anyhow::Error| Finding { after: index + 1, ..Finding::from(error) };
            world.operate(operation).await.map_err(at)?;
            check::always(&world).await.map_err(at)?;
        }
        let at = |error: anyhow::Error| Finding { after: operations.len(), ..Finding::from(error) };
        world.heal().await.map_err(at)?;
        check::always(&world).await.map_err(at)?;
        check::at_rest(&world).await.map_err(at)?;
        Ok(check::tally(&world).await?)
    });
    outcome
}
