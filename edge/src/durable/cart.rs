//! One shopper's cart. The shell round [`domain::cart`].

use std::cell::RefCell;

use domain::cart::{Cart, Rejection};
use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object, wasm_bindgen};

use super::client::{CartAnswer, CartCall};
use super::{Answer, migrate, read, reply};
use crate::context::now;

/// The Durable Object class of carts.
#[durable_object]
pub struct CartObject {
    sql: SqlStorage,
    /// The cart, once it was read. `None` while what is in storage and what was decided might differ.
    cart: RefCell<Option<Cart>>,
}

impl DurableObject for CartObject {
    fn new(state: State, _env: Env) -> Self {
        Self { sql: state.storage().sql(), cart: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        match read::<CartCall>(&mut request).await? {
            CartCall::Read => {
                reply(&Answer::<_, Rejection>::Done(CartAnswer { cart: self.load()?, is_changed: false }))
            }
            CartCall::Change(command) => {
                // Load, decide, persist: no await from here on.
                let mut cart = self.load()?;
                let events = match cart.decide(&command, now()) {
                    Ok(events) => events,
                    Err(rejection) => return reply(&Answer::<CartAnswer, _>::Rejected(rejection)),
                };
                if !events.is_empty() {
                    for event in &events {
                        cart.evolve(event);
                    }
                    self.cart.borrow_mut().take();
                    self.persist(&cart)?;
                    self.cart.replace(Some(cart.clone()));
                }
                reply(&Answer::<_, Rejection>::Done(CartAnswer { cart, is_changed: !events.is_empty() }))
            }
        }
    }
}

impl CartObject {
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
