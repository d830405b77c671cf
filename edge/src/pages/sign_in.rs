//! Getting into an account: signing in, having a link sent, choosing a password. The same whether an address has an account or not.

use maud::{Markup, html};

use super::form::{Field, problem_summary};
use super::layout::{Page, Site};
use super::links::encode;
use super::notice::{Tone, notice};

/// What stands on each of these pages.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Which page.
    pub step: Step<'a>,
    /// What is wrong with what was typed, field by field.
    pub problems: Vec<(String, String)>,
    /// Why it was refused, where no field is to blame.
    pub refused: Option<String>,
}

/// The pages.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// Address and password.
    SignIn {
        /// as typed
        email: &'a str,
        /// where to go on then; empty for the account
        to: &'a str,
    },
    /// Have a link sent.
    Start {
        /// as typed
        email: &'a str,
    },
    /// It is on its way.
    Sent {
        /// where it went
        email: &'a str,
    },
    /// Choose a password.
    Choose {
        /// whose link it is
        email: &'a str,
        /// as typed
        name: &'a str,
        /// whether the account is opened with it
        is_new: bool,
        /// where the form goes
        href: &'a str,
    },
}

impl Step<'_> {
    const fn title(self) -> &'static str {
        match self {
            Self::SignIn { .. } => "Sign in",
            Self::Start { .. } => "Have a link sent",
            Self::Sent { .. } => "Look at your e-mail",
            Self::Choose { is_new: true, .. } => "Open your account",
            Self::Choose { is_new: false, .. } => "Choose a new password",
        }
    }
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let title = model.step.title();
    let main = html! {
        .wrap.narrow {
            h1 { (title) }
            (problem_summary(model.problems.iter().map(|(field, problem)| (field.as_str(), problem.as_str()))))
            @if let Some(refused) = &model.refused { (notice(Tone::Warning, "That did not work", &html! { p { (refused) } })) }
            @match model.step {
                Step::SignIn { email, to } => (sign_in(model, email, to)),
                Step::Start { email } => (start(model, email)),
                Step::Sent { email } => (sent(email)),
                Step::Choose { email, name, is_new, href } => (choose(model, email, name, is_new, href)),
            }
        }
    };
    let problem = if model.problems.is_empty() && model.refused.is_none() { "" } else { "There is a problem · " };
    Page::private(model.site, &format!("{problem}{title}")).render(&main)
}

fn field<'m>(
    model: &'m Model<'_>,
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
    value: &'m str,
) -> Field<'m> {
    let problem = model.problems.iter().find(|(field, _)| field == name).map(|(_, problem)| problem.as_str());
    Field { name, label, hint: "", kind, autocomplete, value, problem, optional: false, length_max: 254 }
}

fn sign_in(model: &Model<'_>, email: &str, to: &str) -> Markup {
    html! {
        form action="/sign-in" method="post" novalidate {
            @if !to.is_empty() { input type="hidden" name="to" value=(to); }
            (field(model, "email", "E-mail address", "email", "username", email).input())
            (field(model, "password", "Password", "password", "current-password", "").input())
            button.button { "Sign in" }
        }
        section.aside {
            h2 { "New here, or no password at hand?" }
            p { "We send a link to your e-mail address, and you choose a password." }
            p.actions { a.button.quiet href={ "/account/start" @if !email.is_empty() { "?email=" (encode(email)) } } { "Have a link sent" } }
            p.hint { "You can also buy without an account." }
        }
    }
}

fn start(model: &Model<'_>, email: &str) -> Markup {
    html! {
        p.lead { "Whether you open an account or forgot your password: we send you a link, and you choose a password." }
        form action="/account/start" method="post" novalidate {
            (field(model, "email", "E-mail address", "email", "email", email).input())
            button.button { "Send the link" }
        }
        p { a href="/sign-in" { "Sign in with a password" } }
    }
}

fn sent(email: &str) -> Markup {
    html! {
        p.lead { "A link is on its way to " strong dir="auto" { (email) } ". Open it, and choose a password." }
        p { "It is good for an hour. If it does not come within some minutes, look among spam, then check the address." }
        p.actions { a.button.quiet href={ "/account/start?email=" (encode(email)) } { "Send it again" } }
    }
}

fn choose(model: &Model<'_>, email: &str, name: &str, is_new: bool, href: &str) -> Markup {
    html! {
        @if !is_new {
            p.lead { "Everybody who is signed in to your account is signed out, and you are signed in here." }
        }
        form action=(href) method="post" novalidate {
            // Password managers keep it under this name.
            input type="email" name="email" value=(email) autocomplete="username" readonly aria-label="E-mail address" class="plain";
            @if is_new {
                (Field { optional: true, length_max: 80, ..field(model, "name", "Your name", "text", "name", name) }.input())
            }
            (Field {
                hint: "At least 10 characters. Three or four words are easy to remember and hard to guess.",
                ..field(model, "password", "New password", "password", "new-password", "")
            }.input())
            button.button { @if is_new { "Open the account" } @else { "Save and sign in" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    fn page(step: Step<'_>, problems: &[(&str, &str)]) -> String {
        let problems = problems.iter().map(|(field, problem)| ((*field).to_owned(), (*problem).to_owned())).collect();
        view(&Model { site: &site(), step, problems, refused: None }).into_string()
    }

    #[test]
    fn what_was_typed_stays_but_the_password() {
        let html = page(Step::SignIn { email: "ada@example.com", to: "/checkout" }, &[("password", "Type it <again>")]);
        assert!(
            html.contains("value=\"ada@example.com\"") && html.contains("name=\"to\" value=\"/checkout\""),
            "{html}"
        );
        assert!(html.contains("<a href=\"#password\">Type it &lt;again&gt;</a>"), "{html}");
        assert!(html.contains("<title>There is a problem · Sign in"), "{html}");
        assert!(
            html.contains("autocomplete=\"current-password\"") && html.contains("autocomplete=\"username\""),
            "{html}"
        );
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn a_new_account_asks_for_a_name_and_an_old_one_does_not() {
        let choose = |is_new| {
            page(Step::Choose { email: "ada@example.com", name: "Ada", is_new, href: "/account/password/x" }, &[])
        };
        assert!(choose(true).contains("Your name") && !choose(false).contains("Your name"));
        assert!(choose(false).contains("signed out"));
        assert_every_control_is_labelled(&choose(true));
    }
}
