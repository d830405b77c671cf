//! Parts of forms: label above, hint below it, error beside the field and again in a summary, nothing that was typed
//! lost.

use maud::{Markup, html};

/// A field of one line.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// `id` and `name`.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// How to fill it in; may be empty.
    pub hint: &'a str,
    /// The input's `type`: `text`, `email`, `tel`.
    pub kind: &'a str,
    /// The `autocomplete` token.
    pub autocomplete: &'a str,
    /// What was typed.
    pub value: &'a str,
    /// What is wrong with it.
    pub problem: Option<&'a str>,
    /// Whether it may stay empty; said in the label.
    pub optional: bool,
    /// Most characters that it takes.
    pub length_max: usize,
}

impl Field<'_> {
    fn hint_id(&self) -> String {
        format!("{}-hint", self.name)
    }

    fn problem_id(&self) -> String {
        format!("{}-problem", self.name)
    }

    fn described_by(&self) -> Option<String> {
        let hint = (!self.hint.is_empty()).then(|| self.hint_id());
        let problem = self.problem.map(|_| self.problem_id());
        let ids: Vec<String> = hint.into_iter().chain(problem).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn around(&self, control: &Markup) -> Markup {
        html! {
            div.field.invalid[self.problem.is_some()] {
                label for=(self.name) {
                    (self.label)
                    @if self.optional { span.optional { " (optional)" } }
                }
                @if !self.hint.is_empty() { p.hint id=(self.hint_id()) { (self.hint) } }
                @if let Some(problem) = self.problem { p.problem id=(self.problem_id()) { (problem) } }
                (control)
            }
        }
    }

    /// The field with a one-line input.
    pub fn input(&self) -> Markup {
        self.around(&html! {
            input id=(self.name) name=(self.name) type=(self.kind) value=(self.value)
                autocomplete=(self.autocomplete) maxlength=(self.length_max)
                spellcheck=[(self.kind != "text").then_some("false")]
                aria-describedby=[self.described_by()] aria-invalid=[self.problem.map(|_| "true")]
                aria-required=[(!self.optional).then_some("true")];
        })
    }

    /// The field with a choice among `options`: value and label.
    pub fn select(&self, options: &[(&str, &str)]) -> Markup {
        let known = options.iter().any(|(value, _)| *value == self.value);
        self.around(&html! {
            select id=(self.name) name=(self.name) autocomplete=(self.autocomplete)
                aria-describedby=[self.described_by()] aria-invalid=[self.problem.map(|_| "true")]
                aria-required=[(!self.optional).then_some("true")] {
                @if !known { option value="" selected { "Choose one" } }
                @for (value, label) in options { option value=(value) selected[*value == self.value] { (label) } }
            }
        })
    }
}

/// All that is wrong with a form, each problem a link to its field. Nothing, when nothing is wrong.
pub fn problem_summary<'a>(problems: impl IntoIterator<Item = (&'a str, &'a str)>) -> Markup {
    let problems: Vec<_> = problems.into_iter().collect();
    html! {
        @if !problems.is_empty() {
            section.problem-summary #problems role="alert" tabindex="-1" aria-labelledby="problems-title" {
                h2 #problems-title { "There is a problem" }
                ul { @for (field, problem) in problems { li { a href={ "#" (field) } { (problem) } } } }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every visible control of `html` has a label that points at it, or a name of its own.
    pub(in super::super) fn assert_every_control_is_labelled(html: &str) {
        let mut controls = 0;
        for opening in ["<input ", "<select ", "<textarea "] {
            for control in html.split(opening).skip(1).map(|rest| rest.split('>').next().unwrap()) {
                if control.contains("type=\"hidden\"") {
                    continue;
                }
                controls += 1;
                let id = control.split("id=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
                let labelled = id.is_some_and(|id| html.contains(&format!("for=\"{id}\"")));
                assert!(labelled || control.contains("aria-label="), "no label for {control}");
            }
        }
        assert!(controls > 0, "a page without a form was given");
    }

    const EMAIL: Field<'_> = Field {
        name: "email",
        label: "E-mail address",
        hint: "For the receipt",
        kind: "email",
        autocomplete: "email",
        value: "ada@\"example",
        problem: Some("Enter an e-mail address like ada@example.com"),
        optional: false,
        length_max: 254,
    };

    #[test]
    fn a_problem_stands_beside_its_field_and_nothing_typed_is_lost() {
        let html = EMAIL.input().into_string();
        assert!(html.contains("value=\"ada@&quot;example\""), "{html}");
        assert!(html.contains("aria-describedby=\"email-hint email-problem\" aria-invalid=\"true\""), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn the_summary_leads_to_the_fields() {
        let html = problem_summary([("email", "Enter <it>")]).into_string();
        assert!(html.contains("<a href=\"#email\">Enter &lt;it&gt;</a>"), "{html}");
        assert_eq!(problem_summary([]).into_string(), "");
    }
}
