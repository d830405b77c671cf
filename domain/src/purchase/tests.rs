//! Purchases over real carts and stock, with an origin that answers what a test tells it to.

use std::collections::{BTreeSet, VecDeque};

use uuid::Uuid;

use super::*;
use crate::cart::CheckoutState;
use crate::checkout::Address;
use crate::ids::{CheckoutId, EventId, OperationId, OrderId, RefundId};
use crate::order::OrderStatus;
use crate::pricing::{Bearer, CannotQuote, DeliveryMethod, Effect, PricedLine, Promotion, Rules, quote};
use crate::stock::{ReservationState, Stock};
use crate::time::{Millis, Timestamp};
use crate::wire::{
    CHECKOUT_DIFFERS, CHECKOUT_GIVEN_UP, EventOutcome, GatewayName, OrderSummary, OriginEvent, OriginEventKind,
    PaymentHandle, Restock, ShortLine,
};

const CART: CartId = CartId(Uuid::from_u128(1));
const LAMP: ProductId = ProductId(Uuid::from_u128(2));
const BULB: ProductId = ProductId(Uuid::from_u128(3));

fn checkout_id(n: u128) -> CheckoutId {
    CheckoutId(Uuid::from_u128(n))
}

fn sku(product_id: ProductId) -> Sku {
    Sku::new(if product_id == LAMP { "lamp" } else { "bulb" }).unwrap()
}

fn offer(product_id: ProductId) -> Offer {
    Offer {
        product_id,
        slug: "a-lamp".into(),
        title: "A lamp".into(),
        seller: "kasuwa".into(),
        price: Money::new(500, Currency::Ngn),
        category: "Home".into(),
        brand: None,
        weight_grams: 0,
        is_reduced: false,
    }
}

/// One of it was wanted, and none is there.
fn one_short(product_id: ProductId) -> ShortLine {
    ShortLine { sku: sku(product_id), requested: 1, available: 0 }
}

/// A cart with one lamp and one bulb, of each of which there is one.
struct Shop {
    cart: Cart,
    stock: BTreeMap<ProductId, Stock>,
    offers: Offers,
    /// What the origin answers, in turn; with nothing here it takes every order.
    origin: VecDeque<&'static str>,
    orders: Vec<PlaceOrder>,
    /// What the origin was told is given up.
    given_up: BTreeSet<CheckoutId>,
    /// Whether it says that it is paid already.
    is_sold: bool,
    now: Timestamp,
}

impl Shop {
    fn new() -> Self {
        let mut shop = Self {
            cart: Cart::default(),
            stock: BTreeMap::new(),
            offers: Offers {
                variants: [LAMP, BULB].map(|product_id| (sku(product_id), offer(product_id))).into(),
                delivery_minor: [(Currency::Ngn, 100)].into(),
                rules: Rules::default(),
            },
            origin: VecDeque::new(),
            orders: Vec::new(),
            given_up: BTreeSet::new(),
            is_sold: false,
            now: Timestamp(0),
        };
        for (operation, product_id) in [(1, LAMP), (2, BULB)] {
            shop.ask(&Call::Stock(product_id, stock::Command::Open { balances: vec![(sku(product_id), 1)] }));
            let add = cart::Command::Add {
                operation_id: OperationId(Uuid::from_u128(operation)),
                sku: sku(product_id),
                product_id,
                quantity: Quantity::new(1).unwrap(),
                price: Money::new(500, Currency::Ngn),
                available: 1,
                units_max: None,
            };
            shop.ask(&Call::Cart(CART, add));
        }
        shop
    }

    fn ask(&mut self, call: &Call) -> Answer {
        match call {
            Call::Cart(_, command) => Answer::Cart(self.cart.decide(command, self.now).map(|events| {
                events.iter().for_each(|event| self.cart.evolve(event));
                CartAnswer { cart: self.cart.clone(), is_changed: !events.is_empty() }
            })),
            Call::Stock(product_id, command) => {
                let stock = self.stock.entry(*product_id).or_default();
                Answer::Stock(stock.decide(command, self.now).map(|events| {
                    events.iter().for_each(|event| stock.evolve(event));
                    command.checkout_id().and_then(|checkout_id| stock.reservation(checkout_id).cloned())
                }))
            }
            Call::Offers(skus, _) => {
                let mut offers = self.offers.clone();
                offers.variants.retain(|sku, _| skus.contains(sku));
                Answer::Offers(offers)
            }
            Call::GiveUp(checkout_id) if self.is_sold => {
                Answer::GaveUp(GiveUpAnswer::Sold { order_id: OrderId(checkout_id.0) })
            }
            Call::GiveUp(checkout_id) => {
                self.given_up.insert(*checkout_id);
                Answer::GaveUp(GiveUpAnswer::GivenUp)
            }
            Call::Order(order) => Answer::Order(match self.origin.pop_front() {
                None if self.given_up.contains(&order.checkout_id) => {
                    Err(Box::new(Problem::new(409, CHECKOUT_GIVEN_UP, "", String::new(), "")))
                }
                Some(code) => Err(Box::new(Problem::new(409, code, "", String::new(), ""))),
                None => {
                    self.orders.push((**order).clone());
                    Ok(PlacedOrder {
                        order_id: OrderId(order.checkout_id.0),
                        total: Money::new(1_100, Currency::Ngn),
                        payment: PaymentHandle {
                            gateway: GatewayName::Paystack,
                            reference: String::new(),
                            redirect_url: order.return_url.clone(),
                        },
                    })
                }
            }),
        }
    }

    fn run<T>(&mut self, step: impl Fn() -> Step<T>) -> Result<Vec<Answer>, T> {
        match step() {
            Step::Ask(calls) => Ok(calls.iter().map(|call| self.ask(call)).collect()),
            Step::Done(outcome) => Err(outcome),
        }
    }

    fn place(&mut self, checkout: Checkout, correction: Option<Correction>) -> Result<PlacedOrder, Refusal> {
        let mut placing = Placing::new(checkout, correction);
        loop {
            match self.run(|| placing.step()) {
                Ok(answers) => placing.hear(answers, self.now),
                Err(outcome) => return outcome,
            }
        }
    }

    fn give_up(&mut self, n: u128) -> GaveUp {
        let mut giving_up = GivingUp::new(checkout_id(n), CART, [LAMP, BULB]);
        loop {
            match self.run(|| giving_up.step()) {
                Ok(answers) => giving_up.hear(answers),
                Err(outcome) => return outcome,
            }
        }
    }

    fn settle(&mut self, what: OriginEventKind) -> EventOutcome {
        self.apply(&self.event(what))
    }

    fn apply(&mut self, event: &OriginEvent) -> EventOutcome {
        let mut settling = Settling::new(event);
        loop {
            match self.run(|| settling.step()) {
                Ok(answers) => settling.hear(answers),
                Err(outcome) => return outcome,
            }
        }
    }

    /// About the latest order.
    fn event(&self, what: OriginEventKind) -> OriginEvent {
        let order = self.orders.last().unwrap();
        OriginEvent {
            id: EventId(Uuid::nil()),
            sequence: 2,
            at: self.now,
            order: OrderSummary {
                id: OrderId(order.checkout_id.0),
                checkout_id: order.checkout_id,
                cart_id: order.cart_id,
                email: order.email.clone(),
                status: OrderStatus::Paid,
                lines: order.lines.clone(),
                total: Money::new(1_100, Currency::Ngn),
                placed_at: self.now,
            },
            what,
            restock: None,
        }
    }

    fn take_bulb_away(&mut self) {
        let lines = vec![StockLine { sku: sku(BULB), quantity: Quantity::new(1).unwrap() }];
        let commit = stock::Command::Commit { checkout_id: checkout_id(99), cart_id: CartId(Uuid::nil()), lines };
        self.ask(&Call::Stock(BULB, commit));
    }

    fn available(&self, product_id: ProductId) -> u32 {
        self.stock[&product_id].shelf().level(&sku(product_id)).unwrap().available()
    }

    fn is_frozen(&self) -> bool {
        self.cart.frozen_for(self.now).is_some()
    }

    fn state(&self, product_id: ProductId, n: u128) -> Option<ReservationState> {
        self.stock[&product_id].reservation(checkout_id(n)).map(|reservation| reservation.state)
    }
}

fn half_off(code: &str) -> Promotion {
    let effect = Effect::Percent { rate: "50".parse().unwrap() };
    Promotion { code: Some(code.parse().unwrap()), ..Promotion::new("half", "Half", effect, Bearer::Shop) }
}

fn checkout(n: u128) -> Checkout {
    Checkout {
        checkout_id: checkout_id(n),
        cart_id: CART,
        email: "ada@example.com".into(),
        address: Address::default(),
        delivery: DeliveryMethod::Standard,
        gateway: GatewayName::Paystack,
        seen_quote: None,
        return_url: format!("https://shop.example/{n}"),
        limits: BTreeMap::new(),
        held_back: BTreeSet::new(),
    }
}

#[test]
fn a_cart_becomes_an_order_and_the_same_checkout_the_same_order() {
    let mut shop = Shop::new();
    let placed = shop.place(checkout(1), None).unwrap();
    assert_eq!((shop.available(LAMP), shop.available(BULB), shop.is_frozen()), (0, 0, true));
    assert_eq!(shop.place(checkout(1), None).unwrap(), placed);
    assert_eq!(shop.orders[0], shop.orders[1]);
    assert_eq!(shop.orders[0].reserved_until, Timestamp(0) + stock::RESERVATION_LENGTH);
    assert_eq!(shop.settle(OriginEventKind::OrderPaid), EventOutcome::Done);
    assert_eq!(shop.settle(OriginEventKind::OrderPaid), EventOutcome::Done, "told twice");
    assert!(shop.cart.lines().is_empty());
    assert_eq!(shop.state(LAMP, 1), Some(ReservationState::Committed));
}

#[test]
fn what_a_sale_holds_back_is_refused_before_anything_is_held() {
    let mut shop = Shop::new();
    let held_back = BTreeSet::from([BULB]);
    let refused = shop.place(Checkout { held_back, ..checkout(1) }, None);
    assert_eq!(refused, Err(Refusal::HeldBack(BULB)));
    assert_eq!((shop.available(LAMP), shop.state(LAMP, 1), shop.is_frozen()), (1, None, false));
    assert!(shop.orders.is_empty());
}

#[test]
fn what_is_refused_lets_go_of_everything_at_once() {
    let mut shop = Shop::new();
    shop.take_bulb_away();
    assert_eq!(shop.place(checkout(1), None), Err(Refusal::OutOfStock(vec![one_short(BULB)])));
    assert_eq!((shop.available(LAMP), shop.is_frozen()), (1, false));

    let mut shop = Shop::new();
    let seen_quote = Some("what it cost yesterday".into());
    let refused = shop.place(Checkout { seen_quote, ..checkout(1) }, None);
    assert_eq!(refused, Err(Refusal::QuoteChanged { total: Money::new(1_100, Currency::Ngn) }));
    assert_eq!((shop.available(LAMP), shop.is_frozen()), (1, false));

    let mut shop = Shop::new();
    shop.offers.variants.remove(&sku(BULB));
    assert_eq!(shop.place(checkout(1), None), Err(Refusal::OutOfStock(vec![one_short(BULB)])));
    assert!(!shop.is_frozen());
    shop.offers.variants.insert(sku(BULB), Offer { price: Money::new(5, Currency::Usd), ..offer(BULB) });
    assert_eq!(shop.place(checkout(2), None), Err(Refusal::MixedCurrencies));
    shop.offers = Offers { delivery_minor: BTreeMap::new(), ..Shop::new().offers };
    assert_eq!(shop.place(checkout(3), None), Err(Refusal::CannotQuote(CannotQuote::NoDeliveryPrice(Currency::Ngn))));
    assert!(shop.place(checkout(4), None).is_err() && !shop.is_frozen());
}

#[test]
fn a_code_that_was_typed_is_taken_off_and_sent_along() {
    let mut shop = Shop::new();
    shop.offers.rules.promotions = vec![half_off("HALF")];
    shop.ask(&Call::Cart(CART, cart::Command::SetCoupon { code: Some("half".parse().unwrap()) }));
    shop.place(checkout(1), None).unwrap();
    let order = &shop.orders[0];
    let line = |line: &OrderLine| PricedLine { sku: line.sku.clone(), quantity: line.quantity, unit_price_minor: 500 };
    let lines: Vec<PricedLine> = order.lines.iter().map(line).collect();
    let agreed = quote(&lines, &order.terms, order.currency).unwrap();
    assert_eq!((agreed.discount_minor, agreed.total_minor), (500, 600));
    assert_eq!(agreed.digest(), order.quote_digest, "what is sent along is enough to come to the same");
    shop.settle(OriginEventKind::OrderPaid);
    assert_eq!(shop.cart.coupon(), None, "the next cart asks for its own");
}

#[test]
fn a_repetition_that_is_refused_keeps_what_the_first_try_holds() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    shop.origin.push_back("order_refused");
    assert!(matches!(shop.place(checkout(1), None), Err(Refusal::Origin(_))));
    assert_eq!((shop.available(LAMP), shop.is_frozen()), (0, true));
    let differs = "without a correction it is the caller's to mend";
    shop.origin.push_back(CHECKOUT_DIFFERS);
    assert!(matches!(shop.place(checkout(1), None), Err(Refusal::Origin(_))), "{differs}");
    assert_eq!(shop.available(LAMP), 0);
}

#[test]
fn a_corrected_checkout_gives_up_the_one_before() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    shop.origin.push_back(CHECKOUT_DIFFERS);
    let correction = Correction { checkout_id: checkout_id(2), return_url: "https://shop.example/2".into() };
    let placed = shop.place(checkout(1), Some(correction)).unwrap();
    assert_eq!(placed.payment.redirect_url, "https://shop.example/2");
    assert_eq!(shop.state(LAMP, 1), Some(ReservationState::Released));
    assert_eq!(shop.state(LAMP, 2), Some(ReservationState::Held));
    assert_eq!(shop.cart.frozen_for(shop.now).unwrap().0, checkout_id(2));
    assert!(shop.given_up.contains(&checkout_id(1)), "should its page be paid all the same, the money goes back");
}

#[test]
fn a_correction_of_what_is_paid_buys_nothing_a_second_time() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    shop.origin.push_back(CHECKOUT_DIFFERS);
    shop.is_sold = true;
    let correction = Correction { checkout_id: checkout_id(2), return_url: "https://shop.example/2".into() };
    assert_eq!(shop.place(checkout(1), Some(correction)), Err(Refusal::Sold(OrderId(checkout_id(1).0))));
    assert_eq!((shop.state(LAMP, 1), shop.state(LAMP, 2)), (Some(ReservationState::Held), None));
}

#[test]
fn a_checkout_that_was_given_up_becomes_no_order_any_more() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    assert_eq!(shop.give_up(1), GaveUp::Done);
    assert_eq!(shop.give_up(1), GaveUp::Done, "said twice");
    assert_eq!((shop.available(LAMP), shop.available(BULB), shop.is_frozen()), (1, 1, false));
    // The form in another tab is sent again.
    assert!(matches!(shop.place(checkout(1), None), Err(Refusal::Origin(_))));
    assert_eq!((shop.available(LAMP), shop.is_frozen()), (1, false), "and holds nothing");
    let correction = Correction { checkout_id: checkout_id(2), return_url: "https://shop.example/2".into() };
    let placed = shop.place(checkout(1), Some(correction)).unwrap();
    assert_eq!(placed.order_id, OrderId(checkout_id(2).0), "it means a new order");
}

#[test]
fn what_is_paid_is_not_given_up() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    shop.is_sold = true;
    assert_eq!(shop.give_up(1), GaveUp::Sold(OrderId(checkout_id(1).0)));
    assert_eq!((shop.state(LAMP, 1), shop.is_frozen()), (Some(ReservationState::Held), true));
}

#[test]
fn an_order_is_had_whole_or_not_at_all() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    shop.now = shop.now + Millis::minutes(15);
    shop.take_bulb_away();
    let outcome = EventOutcome::OutOfStock { lines: vec![one_short(BULB)] };
    assert_eq!(shop.settle(OriginEventKind::OrderPaid), outcome);
    assert!(matches!(shop.settle(OriginEventKind::OrderPaid), EventOutcome::OutOfStock { .. }), "told twice");
    assert_eq!(shop.state(LAMP, 1), Some(ReservationState::Returned));
    assert_eq!(shop.state(BULB, 1), Some(ReservationState::Refused));
    assert_eq!((shop.available(LAMP), shop.cart.lines().len()), (1, 2));
}

#[test]
fn what_goes_back_is_put_on_its_shelf_once() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    assert_eq!(shop.settle(OriginEventKind::OrderPaid), EventOutcome::Done);
    let (lamps, bulbs) = (shop.available(LAMP), shop.available(BULB));
    let lines = vec![StockLine { sku: sku(BULB), quantity: Quantity::new(1).unwrap() }];
    let restock =
        Restock { refund_id: RefundId(Uuid::from_u128(5)), actor: "Ada".into(), reason: "too bright".into(), lines };
    let event = OriginEvent { restock: Some(restock), ..shop.event(OriginEventKind::LinesRefunded) };
    for _ in 0..2 {
        assert_eq!(shop.apply(&event), EventOutcome::Done);
        assert_eq!((shop.available(LAMP), shop.available(BULB)), (lamps, bulbs + 1));
    }
    assert_eq!(shop.settle(OriginEventKind::RefundDue), EventOutcome::Done);
    assert_eq!(
        shop.state(LAMP, 1),
        Some(ReservationState::Committed),
        "what was bought and not sent back stays bought"
    );
}

#[test]
fn what_is_not_paid_is_let_go_of() {
    for what in [OriginEventKind::OrderCancelled, OriginEventKind::RefundDue] {
        let mut shop = Shop::new();
        shop.place(checkout(1), None).unwrap();
        assert_eq!(shop.settle(OriginEventKind::OrderPlaced), EventOutcome::Done);
        assert!(shop.is_frozen());
        assert_eq!(shop.settle(what), EventOutcome::Done);
        assert_eq!((shop.available(LAMP), shop.is_frozen()), (1, false));
        assert_eq!(shop.cart.checkout(checkout_id(1)).unwrap().state, CheckoutState::Thawed);
    }
}

#[test]
fn an_event_that_was_applied_is_answered_as_it_was() {
    let mut shop = Shop::new();
    shop.place(checkout(1), None).unwrap();
    let event = shop.event(OriginEventKind::OrderPaid);
    let refused = EventOutcome::OutOfStock { lines: Vec::new() };
    assert_eq!(known_outcome(&event, None), None);
    assert_eq!(known_outcome(&event, Some((1, EventOutcome::Done))), None);
    assert_eq!(known_outcome(&event, Some((2, refused.clone()))), Some(refused.clone()));
    assert_eq!(known_outcome(&event, Some((3, refused))), Some(EventOutcome::Done));
}
