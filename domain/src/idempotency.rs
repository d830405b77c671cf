//! The one test helper that proves idempotency: decide, apply, decide again, and nothing more must happen.

use std::fmt::Debug;

/// Runs a command against `state`: whatever it brings about, the same command again brings about nothing, and answers alike.
pub(crate) fn assert_idempotent<S: Clone + PartialEq + Debug, E: Debug, R: Debug>(
    state: &mut S,
    decide: impl Fn(&S) -> Result<Vec<E>, R>,
    mut evolve: impl FnMut(&mut S, &E),
) -> Result<(), R> {
    let events = decide(state)?;
    for event in &events {
        evolve(state, event);
    }
    match decide(state) {
        Ok(again) => assert!(again.is_empty(), "repeated, it brought about {again:?} after {events:?}"),
        Err(rejection) => panic!("repeated, it was refused with {rejection:?} after {events:?}"),
    }
    Ok(())
}
