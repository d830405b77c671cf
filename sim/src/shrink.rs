//! Makes a failing run shorter: takes out operations, then faults, for as long as what is left still fails in the same way.

use crate::operation::Operation;

/// Runs that are tried at most.
const TRIES_MAX: usize = 2_000;

/// The shortest run found that still fails, as `fails` tells.
pub fn shrink(operations: Vec<Operation>, fails: impl Fn(&[Operation]) -> bool) -> Vec<Operation> {
    let mut shortest = operations;
    let mut tries = 0;
    let mut attempt = |candidate: &[Operation]| {
        tries += 1;
        tries <= TRIES_MAX && fails(candidate)
    };
    loop {
        let before = shortest.clone();
        let mut length = (shortest.len() / 2).max(1);
        loop {
            let mut start = 0;
            while start < shortest.len() {
                let end = (start + length).min(shortest.len());
                let without: Vec<Operation> = [&shortest[..start], &shortest[end..]].concat();
                if attempt(&without) {
                    shortest = without;
                } else {
                    start = end;
                }
            }
            if length == 1 {
                break;
            }
            length = length.div_ceil(2);
        }
        for index in 0..shortest.len() {
            if let Some(calm) = shortest[index].without_faults() {
                let mut calmer = shortest.clone();
                calmer[index] = calm;
                if attempt(&calmer) {
                    shortest = calmer;
                }
            }
        }
        if shortest == before {
            return shortest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Fault, Faults};

    #[test]
    fn what_does_not_matter_is_taken_out() {
        let noise = |seconds| Operation::Wait { seconds };
        let matters = |n| Operation::Pay { payment: n, less: 0 };
        let mut run: Vec<Operation> = (0..20).map(noise).collect();
        run.insert(3, matters(1));
        run.insert(17, matters(2));
        run.insert(9, Operation::Deliver { faults: Faults(vec![(0, Fault::Twice)]) });
        let fails = |run: &[Operation]| {
            let delivers = |operation: &Operation| matches!(operation, Operation::Deliver { .. });
            run.contains(&matters(1)) && run.contains(&matters(2)) && run.iter().any(delivers)
        };
        let calm = Operation::Deliver { faults: Faults::default() };
        assert_eq!(shrink(run, fails), [matters(1), calm, matters(2)]);
    }
}
