//! Mail and text messages that the shop sends: caught, kept for a while, shown. Nothing ever leaves the machine.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::App;
use crate::control::read;
use crate::problem::Problem;

const MESSAGES_MAX: usize = 500;
const BODY_BYTES_MAX: usize = 1024 * 1024;
const LINE_LENGTH_MAX: usize = 998;

/// An e-mail, as it is handed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Sender.
    pub from: String,
    /// Receiver.
    pub to: String,
    /// One line.
    pub subject: String,
    /// For those who read plain text.
    pub text: String,
    /// For the others.
    pub html: Option<String>,
}

/// A text message, as it is handed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// Telephone number.
    pub to: String,
    /// What it says.
    pub text: String,
}

/// What was caught.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// By `POST /mail`.
    Mail(Mail),
    /// By `POST /sms`.
    Sms(Sms),
}

/// One caught message.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// Counts from 1 since the sandbox started.
    pub id: u64,
    /// When it came.
    pub at: Timestamp,
    /// What came.
    #[serde(flatten)]
    pub content: Content,
}

/// The newest [`MESSAGES_MAX`] messages, in memory only.
#[derive(Debug, Default)]
pub struct Inbox {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    last_id: u64,
    oldest_first: VecDeque<Message>,
}

impl Inbox {
    fn keep(&self, content: Content, at: Timestamp) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last_id += 1;
        let id = kept.last_id;
        if kept.oldest_first.len() == MESSAGES_MAX {
            kept.oldest_first.pop_front();
        }
        kept.oldest_first.push_back(Message { id, at, content });
        id
    }

    /// All messages kept, the newest first.
    pub fn newest_first(&self) -> Vec<Message> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.oldest_first.iter().rev().cloned().collect()
    }

    /// The message of that number, while it is kept.
    pub fn find(&self, id: u64) -> Option<Message> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.oldest_first.iter().find(|message| message.id == id).cloned()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).oldest_first.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where messages are handed in, and read by programs.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/mail", post(take_mail))
        .route("/sms", post(take_sms))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .route("/control/inbox", get(list))
}

async fn take_mail(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mail: Mail = read(body)?;
    require_line("from", &mail.from)?;
    require_line("to", &mail.to)?;
    require_line("subject", &mail.subject)?;
    tracing::info!(subject = mail.subject, "caught an e-mail");
    let id = app.inbox().keep(Content::Mail(mail), app.now());
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

async fn take_sms(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let sms: Sms = read(body)?;
    require_line("to", &sms.to)?;
    if sms.text.is_empty() {
        return Err(Problem::bad_request("invalid_message", "text is empty"));
    }
    tracing::info!("caught a text message");
    let id = app.inbox().keep(Content::Sms(sms), app.now());
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

async fn list(State(app): State<App>) -> Json<Value> {
    let messages = app.inbox().newest_first();
    Json(json!({"total": messages.len(), "messages": messages}))
}

/// A header field of a message is one line (RFC 5322): more would be header injection.
fn require_line(field: &str, value: &str) -> Result<(), Problem> {
    if value.trim().is_empty() || value.len() > LINE_LENGTH_MAX || value.chars().any(char::is_control) {
        let detail = format!("{field} must be one line of 1 to {LINE_LENGTH_MAX} bytes");
        return Err(Problem::bad_request("invalid_message", detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inbox_forgets_the_oldest() {
        let inbox = Inbox::default();
        for _ in 0..=MESSAGES_MAX {
            inbox.keep(Content::Sms(Sms { to: "1".to_owned(), text: "hello".to_owned() }), Timestamp(0));
        }
        assert_eq!(inbox.len(), MESSAGES_MAX);
        assert!(inbox.find(1).is_none());
        assert_eq!(inbox.newest_first().first().map(|message| message.id), Some(MESSAGES_MAX as u64 + 1));
    }
}
