//! A relay: keeps the sockets of some who look at one product, and tells them what its Stock object tells it, so that ten thousand
//! viewers cost a buyer nothing.
//!
//! It calls nobody. A relay that gets its first viewer says so in its answer, and the Worker that brought the socket has the Stock
//! object tell it how things are; from then on it hears of every change, until it answers that nobody is left. Sockets hibernate: while
//! nothing happens, they cost no memory and no time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use domain::time::{Millis, Timestamp};
use serde::Deserialize;
use worker::{
    DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    WebSocketRequestResponsePair, durable_object, wasm_bindgen,
};

use super::client::{Heard, RELAY_FOLLOWS_NOTHING, RELAY_FULL, RELAY_VISITOR, RELAY_VISITOR_FULL, RelayCall};
use super::{Answer, migrate, read, reply};
use crate::context::now;

/// The setting that says how many sockets one relay holds: telling them is all that it does meanwhile (`bench stock`).
const VIEWERS_MAX: &str = "RELAY_VIEWERS_MAX";
/// Sockets of one address: a school or a telephone company may stand behind it.
const VISITOR_MAX: usize = 200;
/// How long whoever brought a socket may take to have the Stock object tell this relay; then the next one is asked.
const FOLLOW_PATIENCE: Millis = Millis::seconds(1);
/// Pages listen. One that speaks is not ours: RFC 6455 calls it a violation of policy.
const POLICY_VIOLATION: u16 = 1008;

const VERSIONS: [&str; 1] = [include_str!("../../../migrations/durable/relay.sql")];

/// The Durable Object class of relays.
#[durable_object]
pub struct RelayObject {
    state: State,
    env: Env,
    /// What the Stock object told last, once it was read.
    last: RefCell<Option<Last>>,
    /// When somebody was asked last to have the Stock object tell this relay.
    asked_at: Cell<Timestamp>,
}

/// What the Stock object told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Last {
    /// Which time of following it was.
    following: u64,
    version: u64,
    /// [`Told`] as viewers read it; `None` once that time is over.
    message: Option<Rc<str>>,
}

impl Last {
    /// Whether that time of following is this one or a later one. What comes of one that is over is a straggler.
    fn is_before(&self, following: u64) -> bool {
        following > self.following || (following == self.following && self.message.is_some())
    }

    /// Whether viewers have to hear it. An answer that was lost is asked for again, and what overtook another is newer.
    fn is_news(&self, version: u64) -> bool {
        self.message.is_none() || self.version < version
    }
}

impl DurableObject for RelayObject {
    fn new(state: State, env: Env) -> Self {
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Self { state, env, last: RefCell::default(), asked_at: Cell::new(Timestamp(0)) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        if request.headers().get("upgrade")?.is_some() {
            return self.accept(&request);
        }
        let call: RelayCall = read(&mut request).await?;
        reply(&Answer::<_, ()>::Done(self.hear(&call)?))
    }

    /// What pages say is not read, and who goes on is shut out. `ping` is answered without waking this object.
    async fn websocket_message(&self, socket: WebSocket, _: WebSocketIncomingMessage) -> worker::Result<()> {
        drop(socket.close(Some(POLICY_VIOLATION), Some("this socket only tells")));
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, _: String, _: bool) -> worker::Result<()> {
        // 1005 and 1006 stand for "no code" and may not be sent.
        let code = u16::try_from(code).ok().filter(|code| !matches!(code, 1005 | 1006));
        drop(socket.close(code, None::<&str>));
        Ok(())
    }

    async fn websocket_error(&self, _: WebSocket, _: worker::Error) -> worker::Result<()> {
        Ok(())
    }
}

impl RelayObject {
    fn accept(&self, request: &Request) -> worker::Result<Response> {
        let visitor = request.headers().get(RELAY_VISITOR)?.unwrap_or_default();
        let viewers_max: usize = self
            .env
            .var(VIEWERS_MAX)?
            .to_string()
            .parse()
            .map_err(|error| worker::Error::RustError(format!("setting {VIEWERS_MAX}: {error}")))?;
        if self.state.get_websockets().len() >= viewers_max {
            return Response::error("full", RELAY_FULL);
        }
        if self.state.get_websockets_with_tag(&visitor).len() >= VISITOR_MAX {
            return Response::error("too many of one visitor", RELAY_VISITOR_FULL);
        }
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state.accept_websocket_with_tags(&server, &[&visitor]);
        let response = Response::from_websocket(client)?;
        match self.last()?.message {
            // What the page was rendered with may be older.
            Some(message) => server.send_with_str(&message)?,
            None if now() - self.asked_at.get() >= FOLLOW_PATIENCE => {
                self.asked_at.set(now());
                response.headers().set(RELAY_FOLLOWS_NOTHING, "1")?;
            }
            // Somebody is about it.
            None => {}
        }
        Ok(response)
    }

    /// Takes in what is told and passes it on. Synchronous: who comes meanwhile comes before or after.
    fn hear(&self, call: &RelayCall) -> worker::Result<Heard> {
        let sockets = self.state.get_websockets();
        let heard = Heard { viewers: u32::try_from(sockets.len()).unwrap_or(u32::MAX) };
        // Whoever was asked has done it.
        self.asked_at.set(Timestamp(0));
        let last = self.last()?;
        let RelayCall { following, told } = call;
        if !last.is_before(*following) {
            return Ok(heard);
        }
        let (following, version) = (*following, told.version);
        if sockets.is_empty() {
            // The Stock object forgets this relay when it hears that; the next viewer makes it follow anew.
            self.remember(Last { following, version, message: None })?;
        } else if last.is_news(version) {
            let message: Rc<str> = serde_json::to_string(told)?.into();
            self.remember(Last { following, version, message: Some(Rc::clone(&message)) })?;
            for socket in &sockets {
                // One that has gone away is closed by the platform.
                drop(socket.send_with_str(&message));
            }
        } else if following > last.following {
            self.remember(Last { following, ..last })?;
        }
        Ok(heard)
    }

    fn last(&self) -> worker::Result<Last> {
        #[derive(Deserialize)]
        struct Row {
            following: u64,
            version: u64,
            message: Option<String>,
        }
        if let Some(last) = &*self.last.borrow() {
            return Ok(last.clone());
        }
        let sql = self.state.storage().sql();
        migrate(&sql, &VERSIONS)?;
        let rows: Vec<Row> = sql.exec("SELECT following, version, message FROM told", None)?.to_array()?;
        let last = rows.into_iter().next().map_or_else(Last::default, |row| Last {
            following: row.following,
            version: row.version,
            message: row.message.map(Rc::from),
        });
        self.last.replace(Some(last.clone()));
        Ok(last)
    }

    fn remember(&self, last: Last) -> worker::Result<()> {
        // Should storage fail, it is read again.
        self.last.replace(None);
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.state.storage().sql().exec(
            "INSERT INTO told (one, following, version, message) VALUES (1, ?, ?, ?)
             ON CONFLICT (one) DO UPDATE SET following = excluded.following, version = excluded.version,
                                             message = excluded.message",
            vec![
                number(last.following).into(),
                number(last.version).into(),
                last.message.as_deref().map(str::to_owned).into(),
            ],
        )?;
        self.last.replace(Some(last));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(following: u64, version: u64, is_over: bool) -> Last {
        Last { following, version, message: (!is_over).then(|| "{}".into()) }
    }

    #[test]
    fn what_comes_of_a_time_of_following_that_is_over_is_not_taken_in() {
        assert!(Last::default().is_before(1));
        assert!(last(3, 7, false).is_before(3) && last(3, 7, false).is_before(4) && last(3, 7, true).is_before(4));
        assert!(!last(3, 7, false).is_before(2) && !last(3, 7, true).is_before(3));
    }

    #[test]
    fn viewers_hear_what_is_newer_and_nothing_twice() {
        assert!(last(3, 7, false).is_news(8));
        assert!(!last(3, 7, false).is_news(7) && !last(3, 7, false).is_news(6));
        assert!(last(3, 7, true).is_news(7), "whoever comes after that time has heard nothing");
    }
}
