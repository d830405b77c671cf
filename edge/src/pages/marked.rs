//! A text with the words that were searched for marked in it.

use std::ops::Range;

use maud::{Markup, html};

/// `text` with `marks` (byte ranges, in order, apart from one another) in `<mark>`. A range that does not fit the text is
/// left out: the text itself is always whole.
pub fn marked(text: &str, marks: &[Range<usize>]) -> Markup {
    let mut pieces = Vec::new();
    let mut at = 0;
    for mark in marks {
        if mark.start >= at
            && !mark.is_empty()
            && let (Some(before), Some(inside)) = (text.get(at..mark.start), text.get(mark.clone()))
        {
            pieces.push((before, inside));
            at = mark.end;
        }
    }
    html! {
        @for (before, inside) in pieces { (before) mark { (inside) } }
        (text.get(at..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_never_change_the_text() {
        let show = |text: &str, marks: &[Range<usize>]| marked(text, marks).into_string();
        assert_eq!(show("Brass kettle", &[0..5, 6..12]), "<mark>Brass</mark> <mark>kettle</mark>");
        assert_eq!(show("<b>", &[0..1, 1..2]), "<mark>&lt;</mark><mark>b</mark>&gt;");
        assert_eq!(show("Yorùbá", &[]), "Yorùbá");
        // Inside a letter, beyond the end, backwards, overlapping.
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
        let wrong = [4..5, 9..99, 3..1];
        assert_eq!(show("Yorùbá", &wrong), "Yorùbá");
        assert_eq!(show("abcd", &[0..2, 1..3]), "<mark>ab</mark>cd");
    }
}
