//! The way through a listing's pages: the first, the last, and the neighbours of where we are.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::filters::Filters;
use super::links::grouped;

/// Links to the pages of the listing at `base`; nothing when all is on one page.
pub(super) fn view(filters: &Filters, base: &str, last: u32) -> Markup {
    let current = filters.page.max(1);
    let href = |page: u32| Filters { page, ..filters.clone() }.href(base);
    html! {
        @if last > 1 {
            nav.pages aria-label="Pages" {
                @if current > 1 { a.button.quiet rel="prev" href=(href((current - 1).min(last))) { "Previous" } }
                ol {
                    @for step in steps(current.min(last), last) {
                        @match step {
                            Step::Gap => li.gap aria-hidden="true" { "…" },
                            Step::Page(page) => li {
                                a aria-current=[(page == current).then_some("page")] href=(href(page)) {
                                    span.hidden { "Page " } (grouped(page.into()))
                                }
                            },
                        }
                    }
                }
                @if current < last { a.button.quiet rel="next" href=(href(current + 1)) { "Next" } }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Page(u32),
    Gap,
}

fn steps(current: u32, last: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut previous = 0;
    let near = current.saturating_sub(1).max(1)..=current.saturating_add(1).min(last);
    let wanted: BTreeSet<u32> = near.chain([1, last]).collect();
    for page in wanted {
        if page - previous == 2 {
            steps.push(Step::Page(page - 1));
        } else if page - previous > 2 {
            steps.push(Step::Gap);
        }
        steps.push(Step::Page(page));
        previous = page;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_shown_around_the_current_one() {
        use Step::{Gap, Page};
        assert_eq!(steps(1, 3), [Page(1), Page(2), Page(3)]);
        assert_eq!(steps(5, 9), [Page(1), Gap, Page(4), Page(5), Page(6), Gap, Page(9)]);
        assert_eq!(steps(3, 5), [Page(1), Page(2), Page(3), Page(4), Page(5)]);
        assert_eq!(steps(1, 400), [Page(1), Page(2), Gap, Page(400)]);
    }

    #[test]
    fn a_page_beyond_the_last_leads_back() {
        let html = view(&Filters { page: 90, ..Filters::default() }, "/search", 3).into_string();
        assert!(html.contains("rel=\"prev\" href=\"/search?page=3\"") && !html.contains("rel=\"next\""), "{html}");
        assert_eq!(view(&Filters { page: 1, ..Filters::default() }, "/search", 1).into_string(), "");
    }
}
