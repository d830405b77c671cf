//! What stands round every page: head, header with search, category bar, footer.
//!
//! It holds nothing that differs from shopper to shopper, so that whole pages can be cached. The cart's count arrives
//! by itself.

use domain::money::Currency;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::links::Link;

/// What the shop is called.
pub const SHOP_NAME: &str = "Kasuwa";

/// How htmx behaves. An answer that is an error is not swapped in; `app.js` tells it. No style of its own and no
/// settling, which would copy `style` attributes: the content security policy refuses both.
const HTMX_CONFIG: &str = r#"{"includeIndicatorCSS":false,"defaultSettleDelay":0,"noSwap":[204,304,"4xx","5xx"]}"#;

/// Addresses of the files that every page needs. Their names carry a digest, so that they can be cached for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    /// The style sheet.
    pub css: String,
    /// The script, an ES module.
    pub js: String,
    /// The sheet of drawings that stand in for missing pictures.
    pub marks: String,
    /// The icon.
    pub icon: String,
}

/// What is the same on all pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Where the shop is, without a slash at the end: `https://shop.example`.
    pub base_url: String,
    /// Files that every page needs.
    pub assets: Assets,
    /// The top of the category tree, most important first; a dozen at most looks good.
    pub categories: Vec<Link>,
    /// What prices are in.
    pub currency: Currency,
}

impl Site {
    /// The absolute address of a path within the shop.
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }
}

/// What a page says about itself.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What is the same everywhere.
    pub site: &'a Site,
    /// The title, without the shop's name.
    pub title: &'a str,
    /// One or two sentences for search engines; may be empty.
    pub description: &'a str,
    /// The page's one true address, within the shop; `None` keeps it out of search engines.
    pub canonical: Option<&'a str>,
    /// What was searched for, to stand in the search field.
    pub query: &'a str,
    /// Path of a picture for those who share the page.
    pub picture: Option<&'a str>,
    /// JSON-LD documents about what is on the page.
    pub linked_data: &'a [serde_json::Value],
    /// Whether the categories are shown; a checkout does without, so that nothing distracts.
    pub browse: bool,
    /// After how many seconds the page loads itself again, where there is no JavaScript to do it better.
    pub refresh_seconds: Option<u32>,
}

impl<'a> Page<'a> {
    /// A page that search engines leave out.
    pub fn private(site: &'a Site, title: &'a str) -> Self {
        Self {
            site,
            title,
            description: "",
            canonical: None,
            query: "",
            picture: None,
            linked_data: &[],
            browse: true,
            refresh_seconds: None,
        }
    }

    /// A page for everybody, known by its canonical path.
    pub fn public(site: &'a Site, title: &'a str, description: &'a str, canonical: &'a str) -> Self {
        Self { description, canonical: Some(canonical), ..Self::private(site, title) }
    }

    /// The whole document round `main`.
    pub fn render(&self, main: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                (self.head())
                body {
                    a.skip href="#main" { "Skip to main content" }
                    (self.header())
                    // Going back exchanges this alone: what was typed above it stays.
                    main #main tabindex="-1" hx-history-elt { (main) }
                    #announcer.hidden role="status" {}
                    (self.footer())
                }
            }
        }
    }

    fn head(&self) -> Markup {
        let title =
            if self.title == SHOP_NAME { SHOP_NAME.to_owned() } else { format!("{} · {SHOP_NAME}", self.title) };
        let assets = &self.site.assets;
        html! {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1,interactive-widget=resizes-content";
                title { (title) }
                link rel="stylesheet" href=(assets.css);
                script type="module" src=(assets.js) {}
                meta name="color-scheme" content="light dark";
                meta name="theme-color" content="#27408b";
                meta name="htmx-config" content=(HTMX_CONFIG);
                @if let Some(seconds) = self.refresh_seconds {
                    noscript { meta http-equiv="refresh" content=(seconds); }
                }
                link rel="icon" href=(assets.icon) type="image/svg+xml";
                @if !self.description.is_empty() { meta name="description" content=(clipped(self.description, 160)); }
                @if let Some(path) = self.canonical {
                    @let address = self.site.absolute(path);
                    link rel="canonical" href=(address);
                    meta property="og:url" content=(address);
                    meta property="og:title" content=(self.title);
                    meta property="og:site_name" content=(SHOP_NAME);
                    @if !self.description.is_empty() {
                        meta property="og:description" content=(clipped(self.description, 160));
                    }
                    @if let Some(picture) = self.picture {
                        meta property="og:image" content=(self.site.absolute(picture));
                    }
                } @else {
                    meta name="robots" content="noindex";
                }
                @for document in self.linked_data { (linked_data(document)) }
            }
        }
    }

    fn header(&self) -> Markup {
        html! {
            header.site-header {
                .bar.wrap {
                    a.wordmark href="/" aria-label={ (SHOP_NAME) ", home" } {
                        svg viewBox="0 0 32 28" aria-hidden="true" {
                            path.awning d="M3 2h26l3 10a5.3 5.3 0 0 1-10.6 0 5.3 5.3 0 0 1-10.8 0A5.3 5.3 0 0 1 0 12z"{}
                            path.stall d="M5 20v7m22-7v7M4 22.5h24" {}
                        }
                        span { (SHOP_NAME) }
                    }
                    form.search action="/search" role="search" {
                        label.hidden for="q" { "Search the shop" }
                        input #q type="search" name="q" value=(self.query) placeholder="Search products and brands"
                            maxlength="256" autocomplete="off" autocapitalize="none" spellcheck="false"
                            enterkeyhint="search";
                        button aria-label="Search" {
                            svg viewBox="0 0 24 24" aria-hidden="true" {
                                path d="M16 16l5 5M18 10.5a7.5 7.5 0 1 1-15 0 7.5 7.5 0 0 1 15 0z" {}
                            }
                        }
                        #live.live hidden {}
                    }
                    a.account-link href="/account" aria-label="Account" {
                        svg viewBox="0 0 24 24" aria-hidden="true" {
                            path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0" {}
                        }
                        span { "Account" }
                    }
                    a.cart-link href="/cart" {
                        svg viewBox="0 0 24 24" aria-hidden="true" { path d="M4 9h16l-1.5 11h-13zM8 9l3-6m5 6l-3-6" {} }
                        span { "Cart" }
                        span #cart-count.count hx-get="/cart/count" hx-trigger="load, cart-changed from:body" {}
                    }
                }
                @if self.browse && !self.site.categories.is_empty() {
                    nav.categories aria-label="Categories" {
                        ul.wrap {
                            @for category in &self.site.categories {
                                li { a href=(category.href) { (category.label) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn footer(&self) -> Markup {
        html! {
            footer.site-footer {
                .wrap {
                    p { strong { (SHOP_NAME) } " means market in Hausa." }
                    p { "Stock counts are real, and prices are in " (self.site.currency) "." }
                    ul {
                        li { a href="/" { "Home" } }
                        li { a href="/search" { "All products" } }
                        li { a href="/cart" { "Cart" } }
                    }
                }
            }
        }
    }
}

/// `A › B › C`, the last being the page itself.
pub fn breadcrumbs(trail: &[Link]) -> Markup {
    html! {
        @if !trail.is_empty() {
            nav.crumbs aria-label="Breadcrumb" {
                ol {
                    li { a href="/" { "Home" } }
                    @for link in trail { li { a href=(link.href) { (link.label) } } }
                }
            }
        }
    }
}

/// A JSON-LD block. `<` is written as an escape, so that no text in it can end the element.
fn linked_data(document: &serde_json::Value) -> Markup {
    let text = document.to_string().replace('<', "\\u003c");
    html! { script type="application/ld+json" { (PreEscaped(text)) } }
}

/// At most `chars_max` characters of `text`, on one line, cut between words.
pub(super) fn clipped(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length + word_length + 1 > chars_max {
            if out.is_empty() {
                out.extend(word.chars().take(chars_max.saturating_sub(1)));
            }
            out.push('…');
            break;
        }
        if !out.is_empty() {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += word_length;
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn site() -> Site {
        Site {
            base_url: "https://shop.example".into(),
            assets: Assets {
                css: "/assets/app.css".into(),
                js: "/assets/app.js".into(),
                marks: "/assets/marks.svg".into(),
                icon: "/assets/favicon.svg".into(),
            },
            categories: vec![Link::new("Phones", "/c/phones")],
            currency: Currency::Ngn,
        }
    }

    #[test]
    fn a_hostile_title_stays_text() {
        let site = site();
        let data = [serde_json::json!({"name": "</script><script>alert(1)</script>"})];
        let title = "</title><script>alert(1)</script>";
        let page = Page { linked_data: &data, ..Page::public(&site, title, "\"><script>alert(1)</script>", "/p/x") };
        let html = page.render(&html! { p { (title) } }).into_string();
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("\\u003c/script>"));
    }

    #[test]
    fn every_page_passes_a_strict_content_security_policy() {
        let html = Page::private(&site(), "x").render(&html! {}).into_string();
        for forbidden in [" style=", "<style", " onclick", " onload", "javascript:"] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
        assert!(html.contains("htmx-config"), "htmx has to be told to write no style");
        assert!(html.contains("noindex"), "a page without a canonical address stays out of search engines");
    }

    #[test]
    fn a_description_ends_between_words() {
        assert_eq!(clipped("one  two\nthree", 9), "one two…");
        assert_eq!(clipped("one two", 20), "one two");
        assert_eq!(clipped(&"x".repeat(50), 10), format!("{}…", "x".repeat(9)));
    }
}
