//! The operator's list of words that mean the same. Applied to queries, so that a change needs no compiling.
//!
//! One rule a line, `#` begins a comment:
//!
//! ```text
//! tv, television, telly                # each finds the others
//! notebook computer, netbook => laptop # what is on the left also finds what is on the right, not the other way
//! ```

use std::collections::HashMap;

use thiserror::Error;

use crate::analysis::Speller;

/// Most rules in a file, most entries in one rule, most words in one entry, and most bytes of a line.
pub const RULES_MAX: usize = 5_000;
/// Most entries of one rule.
pub const ENTRIES_MAX: usize = 20;
/// Most words of one entry.
pub const ENTRY_WORDS_MAX: usize = 5;
/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = 1_000;

/// Words that mean the same, ready to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synonyms {
    /// From the terms of an entry to the others, each as its terms in order.
    others: HashMap<Vec<String>, Vec<Vec<String>>>,
    longest_key: usize,
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct SynonymProblem {
    /// From 1.
    pub line: usize,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl Synonyms {
    /// Reads a list.
    ///
    /// # Errors
    /// Every line that cannot be used. Nothing of the list is used then: half a list would be noticed by nobody.
    pub fn parse(text: &str) -> Result<Self, Vec<SynonymProblem>> {
        let mut synonyms = Self::default();
        let mut problems = Vec::new();
        let mut speller = Speller::new();
        let mut rules = 0;
        for (line, rule) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let rule = rule.split('#').next().unwrap_or_default().trim();
            if rule.is_empty() {
                continue;
            }
            rules += 1;
            if rules > RULES_MAX {
                problems.push(SynonymProblem { line, message: format!("more than {RULES_MAX} rules: remove some") });
                break;
            }
            if let Err(message) = synonyms.add_rule(rule, &mut speller) {
                problems.push(SynonymProblem { line, message });
            }
        }
        if problems.is_empty() { Ok(synonyms) } else { Err(problems) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.others.is_empty()
    }

    /// What else the longest entry that `terms` begin with may be called, and how many terms that entry has. The
    /// entry ends where one of `ends` says that a word ends.
    pub(crate) fn of(&self, terms: &[String], ends: &[usize]) -> Option<(usize, &[Vec<String>])> {
        let lengths = ends.iter().rev().filter(|length| **length <= self.longest_key);
        lengths.filter_map(|length| Some((*length, self.others.get(terms.get(..*length)?)?.as_slice()))).next()
    }

    fn add_rule(&mut self, rule: &str, speller: &mut Speller) -> Result<(), String> {
        if rule.len() > LINE_BYTES_MAX {
            return Err(format!("longer than {LINE_BYTES_MAX} bytes: split it into several"));
        }
        let mut sides = rule.split("=>");
        let (left, right) = (sides.next().unwrap_or_default(), sides.next());
        if sides.next().is_some() {
            return Err("more than one '=>': write a line for each".to_owned());
        }
        let left = entries(left, speller)?;
        match right {
            Some(right) => {
                let right = entries(right, speller)?;
                for from in &left {
                    self.add(from, right.iter());
                }
            }
            None if left.len() < 2 => {
                return Err("only one entry: write after a comma what else it is called".to_owned());
            }
            None => {
                for from in &left {
                    self.add(from, left.iter());
                }
            }
        }
        Ok(())
    }

    fn add<'a>(&mut self, from: &[String], others: impl Iterator<Item = &'a Vec<String>>) {
        let known = self.others.entry(from.to_vec()).or_default();
        for other in others.filter(|other| *other != from) {
            if known.len() < ENTRIES_MAX && !known.contains(other) {
                known.push(other.clone());
            }
        }
        self.longest_key = self.longest_key.max(from.len());
    }
}

/// The terms of what is between commas.
fn entries(side: &str, speller: &mut Speller) -> Result<Vec<Vec<String>>, String> {
    let mut entries: Vec<Vec<String>> = Vec::new();
    for entry in side.split(',').map(str::trim) {
        let terms: Vec<String> = speller.words(entry, 0).into_iter().flat_map(|word| word.parts).collect();
        if entry.is_empty() {
            return Err("an empty entry: remove the comma or write a word".to_owned());
        }
        if terms.is_empty() {
            return Err(format!("'{entry}' has no letter and no digit"));
        }
        if terms.len() > ENTRY_WORDS_MAX {
            return Err(format!("'{entry}' has more than {ENTRY_WORDS_MAX} words"));
        }
        // "printer, printers" is one entry twice: plurals, accents and spellings mean the same already.
        if entries.contains(&terms) {
            continue;
        }
        entries.push(terms);
    }
    if entries.len() > ENTRIES_MAX {
        return Err(format!("more than {ENTRIES_MAX} entries: split it into several"));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(synonyms: &Synonyms, words: &[&str]) -> Option<(usize, Vec<String>)> {
        let terms: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let ends: Vec<usize> = (1..=terms.len()).collect();
        synonyms
            .of(&terms, &ends)
            .map(|(length, others)| (length, others.iter().map(|other| other.join(" ")).collect()))
    }

    #[test]
    fn a_rule_goes_both_ways_unless_it_has_an_arrow() {
        let text = "# comment\n\ntv, television, Télly # too\nnotebook computer, netbook => laptop\r\n";
        let synonyms = Synonyms::parse(text).unwrap();
        assert_eq!(of(&synonyms, &["tv"]), Some((1, vec!["televis".into(), "telli".into()])));
        assert_eq!(of(&synonyms, &["telli", "tv"]), Some((1, vec!["tv".into(), "televis".into()])));
        assert_eq!(of(&synonyms, &["notebook", "comput", "bag"]), Some((2, vec!["laptop".into()])));
        assert_eq!(of(&synonyms, &["notebook"]), None);
        assert_eq!(of(&synonyms, &["laptop"]), None);
        assert!(Synonyms::parse("").unwrap().is_empty());
    }

    #[test]
    fn every_line_that_cannot_be_used_is_named() {
        let long = format!("a, {}", "b".repeat(1_000));
        let text = format!(
            "tv, telly\nlonely\na => b => c\n, a\n!!, b\nprinter, printers\na b c d e f, g\n=> x\nx =>\n{long}"
        );
        let problems = Synonyms::parse(&text).unwrap_err();
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(problems[0].to_string(), "line 2: only one entry: write after a comma what else it is called");
        let many: String = (0..=RULES_MAX).map(|n| format!("a{n}x, b{n}x\n")).collect();
        assert_eq!(Synonyms::parse(&many).unwrap_err()[0].line, RULES_MAX + 1);
    }

    #[test]
    fn the_list_that_comes_with_the_shop_can_be_used() {
        let synonyms = Synonyms::parse(include_str!("../../synonyms.txt")).unwrap();
        assert!(synonyms.others.len() > 60);
    }
}
