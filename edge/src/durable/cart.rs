//! One shopper's cart. The shell round [`domain::cart`].

use std::cell::{Cell, RefCell};

use domain::cart::{Cart, Command, Rejection};
use domain::purchase::CartAnswer;
use domain::time::Timestamp;
use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object, wasm_bindgen};

use super::client::CartCall;
use super::{Answer, migrate, read, reply};
use crate::context::now;

/// The Durable Object class of carts.
#[durable_object]
pub struct CartObject {
    state: State,
    sql: SqlStorage,
    /// The cart, once it was read. `None` while what is in storage and what was decided might differ.
    cart: RefCell<Option<Cart>>,
    /// The alarm that is set, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
}

impl DurableObject for CartObject {
    fn new(state: State, _env: Env) -> Self {
        let sql = state.storage().sql();
        Self { state, sql, cart: RefCell::new(None), alarm_at: Cell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        match read::<CartCall>(&mut request).await? {
            CartCall::Read => {
                reply(&Answer::<_, Rejection>::Done(CartAnswer { cart: self.load()?, is_changed: false }))
            }
            CartCall::Change(command) => {
                let answer = self.change(&command)?;
                self.set_alarm().await?;
                reply(&answer)
            }
        }
    }

    /// The cart was not touched for a long time, or was after the alarm was set: then it is set anew.
    async fn alarm(&self) -> worker::Result<Response> {
        self.alarm_at.set(None);
        self.change(&Command::Expire)?;
        if self.load()? == Cart::default() {
            self.cart.borrow_mut().take();
            // An object without storage is no more.
            self.state.storage().delete_all().await?;
        } else {
            self.set_alarm().await?;
        }
        Response::empty()
    }
}

impl CartObject {
    /// Load, decide, persist: no await in between.
    fn change(&self, command: &Command) -> worker::Result<Answer<CartAnswer, Rejection>> {
        let mut cart = self.load()?;
        let events = match cart.decide(command, now()) {
            Ok(events) => events,
            Err(rejection) => return Ok(Answer::Rejected(rejection)),
        };
        if !events.is_empty() {
            for event in &events {
                cart.evolve(event);
            }
            self.cart.borrow_mut().take();
            self.persist(&cart)?;
            self.cart.replace(Some(cart.clone()));
        }
        Ok(Answer::Done(CartAnswer { cart, is_changed: !events.is_empty() }))
    }

    async fn set_alarm(&self) -> worker::Result<()> {
        let Some(at) = self.load()?.next_deadline() else { return Ok(()) };
        // One that rings too soon finds nothing to do, and sets the next.
        if self.alarm_at.get().is_some_and(|set| set <= at) {
            return Ok(());
        }
        if self.alarm_at.get().is_none()
            && let Some(set) = self.state.storage().get_alarm().await?
            && Timestamp(set) <= at
        {
            self.alarm_at.set(Some(Timestamp(set)));
            return Ok(());
        }
        self.alarm_at.set(Some(at));
        self.state.storage().set_alarm((at - now()).0.max(0)).await
    }

    fn load(&self) -> worker::Result<Cart> {
        #[derive(Deserialize)]
        struct Row {
            body: String,
        }
        if let Some(cart) = self.cart.borrow().as_ref() {
            return Ok(cart.clone());
        }
        migrate(&self.sql, &[include_str!("../../../migrations/durable/cart.sql")])?;
        let rows: Vec<Row> = self.sql.exec("SELECT body FROM cart", None)?.to_array()?;
        let cart = match rows.first() {
            Some(row) => serde_json::from_str(&row.body)?,
            None => Cart::default(),
        };
        self.cart.replace(Some(cart.clone()));
        Ok(cart)
    }

    fn persist(&self, cart: &Cart) -> worker::Result<()> {
        let body = serde_json::to_string(cart)?;
        self.sql.exec(
            "INSERT INTO cart (one, body) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET body = excluded.body",
            vec![body.into()],
        )?;
        Ok(())
    }
}
