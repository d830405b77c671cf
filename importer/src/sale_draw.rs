//! Checks a flash sale's draw from what the shop publishes, as anybody may: no keys, nothing taken on trust but what was written down
//! before the start.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use domain::admission::{Commitment, Draw};
use domain::ids::PersonId;
use domain::wire::{DrawBody, DrawPeople};
use reqwest::Url;
use serde::de::DeserializeOwned;

use crate::shop::is_this_machine;

/// For one part of the list.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A draw that is what was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The draw.
    pub draw: Draw,
    /// Whether the sale was cancelled after it.
    pub is_cancelled: bool,
    /// Those who were in it, in the order in which they joined.
    pub people: Vec<PersonId>,
}

/// Fetches a sale's draw from the shop at `shop`, and checks it: the secret is the one that was committed to, and the list is the one that
/// it was drawn from. `noted` is the commitment as somebody wrote it down before the start.
///
/// # Errors
/// When the shop does not answer, nothing is drawn yet, or something does not fit.
pub async fn check(shop: &str, slug: &str, noted: Option<&str>) -> Result<Checked> {
    let mut builder = reqwest::Client::builder().timeout(TIMEOUT);
    if Url::parse(shop).is_ok_and(|url| is_this_machine(&url)) {
        // A proxy would look for the shop on its own machine.
        builder = builder.no_proxy();
    }
    let http = builder.build().context("no HTTP client can be made")?;
    let base = format!("{}/api/v1/sales/{slug}/draw", shop.trim_end_matches('/'));
    let body: DrawBody = get(&http, &base).await?;
    let mut people = Vec::new();
    let mut next = Some(0);
    while let Some(from) = next {
        let part: DrawPeople = get(&http, &format!("{base}/people?from={from}")).await?;
        ensure!(
            part.from == from && part.next.is_none_or(|next| next > from),
            "the list does not go on where it should"
        );
        people.extend(part.people);
        next = part.next;
    }
    verify(&body, people, noted)
}

async fn get<T: DeserializeOwned>(http: &reqwest::Client, url: &str) -> Result<T> {
    let response = http.get(url).send().await.with_context(|| format!("{url} does not answer"))?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "{url} answers {status}: {text}");
    serde_json::from_str(&text).with_context(|| format!("{url} is not understood"))
}

fn verify(body: &DrawBody, people: Vec<PersonId>, noted: Option<&str>) -> Result<Checked> {
    if let Some(noted) = noted {
        ensure!(
            body.commitment.to_string() == noted.trim().to_lowercase(),
            "the commitment is {} now, and was {noted} when it was written down",
            body.commitment
        );
    }
    let Some(told) = body.draw else {
        ensure!(
            !body.is_cancelled,
            "the sale was cancelled before its draw: there is nothing to check, and nobody is let in"
        );
        bail!("nothing is drawn before {}", body.starts_at.rfc3339())
    };
    ensure!(Commitment::to(told.secret) == body.commitment, "the secret is not the one that was committed to");
    let draw = Draw::new(told.secret, told.entries, told.entries_count);
    ensure!(draw.seed() == told.seed, "the seed does not follow from secret and list");
    ensure!(
        draw.is_of(body.commitment, people.iter().copied()),
        "the list of people is not the one that was drawn from ({} of {})",
        people.len(),
        told.entries_count
    );
    Ok(Checked { draw, is_cancelled: body.is_cancelled, people })
}

impl Checked {
    /// What a person may expect of it: their number and place, counted from 1. `None` if they are not in it.
    pub fn place(&self, person_id: PersonId) -> Option<(u32, u32)> {
        let number = self.people.iter().position(|other| *other == person_id)?;
        let number = u32::try_from(number).ok()?;
        Some((number + 1, self.draw.place(number) + 1))
    }
}

#[cfg(test)]
mod tests {
    use domain::admission::{Digest32, Secret};
    use domain::ids::SaleId;
    use domain::time::Timestamp;
    use domain::wire::DrawnBody;
    use uuid::Uuid;

    use super::*;

    fn people() -> Vec<PersonId> {
        (0..9).map(|n| PersonId(Uuid::from_u128(n))).collect()
    }

    fn body() -> DrawBody {
        let secret = Secret::new([7; 32]);
        let entries = people().into_iter().fold(Digest32::default(), Digest32::and);
        let draw = Draw::new(secret, entries, 9);
        DrawBody {
            sale_id: SaleId(Uuid::nil()),
            starts_at: Timestamp(0),
            rate: 60,
            commitment: Commitment::to(secret),
            draw: Some(DrawnBody::from(&draw)),
            is_cancelled: false,
        }
    }

    #[test]
    fn an_honest_draw_passes() {
        let checked = verify(&body(), people(), Some(&body().commitment.to_string())).unwrap();
        let mut places: Vec<u32> = people().into_iter().map(|who| checked.place(who).unwrap().1).collect();
        places.sort_unstable();
        assert_eq!(places, (1..=9).collect::<Vec<_>>());
        assert_eq!(checked.place(PersonId(Uuid::from_u128(99))), None);
    }

    #[test]
    fn every_way_of_cheating_is_named() {
        let wrong = |body: &DrawBody, people, noted| verify(body, people, noted).unwrap_err().to_string();
        assert!(wrong(&body(), people(), Some("00")).contains("written down"));
        assert!(wrong(&DrawBody { draw: None, ..body() }, people(), None).contains("nothing is drawn"));
        let cancelled = DrawBody { draw: None, is_cancelled: true, ..body() };
        assert!(wrong(&cancelled, people(), None).contains("cancelled before its draw"));
        let other = DrawBody { commitment: Commitment::to(Secret::new([8; 32])), ..body() };
        assert!(wrong(&other, people(), None).contains("committed to"));
        let seed = DrawnBody { seed: Digest32::default(), ..body().draw.unwrap() };
        assert!(wrong(&DrawBody { draw: Some(seed), ..body() }, people(), None).contains("seed"));
        assert!(wrong(&body(), people().into_iter().rev().collect(), None).contains("list of people"));
        assert!(wrong(&body(), people()[1..].to_vec(), None).contains("list of people"));
    }
}
