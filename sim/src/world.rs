//! The simulated world: buyers, the Worker with its objects, the origin, the gateway, and time. It does one operation after the other.

mod origin_side;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::admission::Ticket;
use domain::cart;
use domain::checkout::Address;
use domain::ids::{CartId, CheckoutId, MovementId, OperationId, PersonId, ProductId, Sku};
use domain::money::{Currency, Money};
use domain::pricing::DeliveryMethod;
use domain::purchase::{Answer, Call, Checkout, Correction, GaveUp, GivingUp, Offer, Offers, Placing, Refusal};
use domain::signature::Keyring;
use domain::stock::{Command, MovedLine, Movement, Quantity, StockLine, Units};
use domain::time::{Millis, Timestamp};
use domain::wire::GatewayName;
use origin::clock::Clock;
use tempfile::TempDir;
use uuid::Uuid;

use crate::edge::{Edge, End, Machine, Next, Run};
use crate::gateway::{Gateway, choose};
use crate::network::{Loss, Network, Outside, Plan};
use crate::objects::StockObject;
use crate::operation::{Fault, Faults, Operation, Part};
use crate::process::{Process, Setting};
use crate::sale::FlashSale;
use crate::{Finding, Sabotage, Tally, rules};

/// How many buyers there are, each with a cart.
pub(crate) const BUYERS: u8 = 3;
/// How many tabs each has open.
pub(crate) const TABS: u8 = 2;
/// How many products there are.
pub(crate) const PRODUCTS: u8 = 3;
/// How many variants: two of the first product, one of each other.
pub(crate) const SKUS: u8 = 4;

/// The variant that flash sales are about, by its number: the only one of its product.
pub(crate) const ON_SALE: u8 = 3;

const KEYS: &str = "sim:0123456789abcdef0123456789abcdef";
const BEGINNING: Timestamp = Timestamp(1_790_000_000_000);
/// What every variant begins with, by its number.
const OPENING: [u32; SKUS as usize] = [1, 2, 1, 3];

/// Everything that there is.
pub(crate) struct World {
    pub(crate) network: Arc<Network>,
    pub(crate) origin: Process,
    pub(crate) clock: Clock,
    keys: Keyring,
    buyers: Vec<Buyer>,
    /// What the Worker is about.
    runs: Vec<(Run, Option<Tab>)>,
    sale: Option<FlashSale>,
    /// What buyers were told.
    pub(crate) told: Tally,
    /// What they were told is given up.
    pub(crate) given_up: BTreeSet<CheckoutId>,
    ids: u128,
    _folder: TempDir,
}

/// A buyer's tab, by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tab {
    buyer: usize,
    tab: usize,
}

#[derive(Debug)]
struct Buyer {
    cart_id: CartId,
    /// The last that they got.
    pass: Option<Ticket>,
    tabs: [Form; TABS as usize],
}

/// A checkout form.
#[derive(Debug, Default)]
struct Form {
    /// Until it came to an end.
    checkout_id: Option<CheckoutId>,
    /// The last that it sent.
    last: Option<CheckoutId>,
    /// Counts what was typed.
    typed: u32,
}

pub(crate) fn product(number: u8) -> ProductId {
    ProductId(Uuid::from_u128(0x9000 + u128::from(number)))
}

fn product_of(sku: u8) -> ProductId {
    product((sku % SKUS).saturating_sub(1))
}

#[expect(clippy::expect_used, reason = "it stands here that they are SKUs")]
fn sku(number: u8) -> Sku {
    let text = ["lamp-red", "lamp-blue", "bulb", "shade"][usize::from(number % SKUS)];
    Sku::new(text).expect("short, visible text")
}

fn offers() -> Offers {
    let offer = |number: u8| Offer {
        product_id: product_of(number),
        slug: sku(number).to_string(),
        title: sku(number).to_string(),
        seller: "kasuwa".to_owned(),
        price: Money::new(100, Currency::Ngn),
        category: String::new(),
        brand: None,
        weight_grams: 0,
        is_reduced: false,
    };
    Offers {
        variants: (0..SKUS).map(|number| (sku(number), offer(number))).collect(),
        delivery_minor: BTreeMap::from([(Currency::Ngn, 50)]),
        rules: rules::rules(),
    }
}

impl World {
    pub(crate) async fn new(sabotage: Sabotage) -> anyhow::Result<Self> {
        let folder = folder()?;
        let (clock, keys): (Clock, Keyring) = (Clock::standing_at(BEGINNING), KEYS.parse()?);
        let opening = |of: u8| (0..SKUS).filter(move |sku| product_of(*sku) == product(of));
        let stock = |number: u8| {
            let opening = opening(number).map(|number| (sku(number), OPENING[usize::from(number)])).collect();
            (product(number), StockObject::new(opening, sabotage))
        };
        let edge = Edge {
            stocks: (0..PRODUCTS).map(stock).collect(),
            carts: BTreeMap::new(),
            offers: offers(),
            orders: BTreeMap::new(),
            units_sold: BTreeMap::new(),
            sabotage,
        };
        let outside = Outside { plan: Plan::default(), edge, gateway: Gateway::default(), sent: Vec::new() };
        let network = Network::new(outside, keys.clone(), clock.clone());
        let setting =
            Setting { database: folder.path().join("origin.sqlite"), keys: keys.clone(), clock: clock.clone() };
        let buyer = |number: u8| Buyer {
            cart_id: CartId(Uuid::from_u128(0xca00 + u128::from(number))),
            pass: None,
            tabs: [Form::default(), Form::default()],
        };
        Ok(Self {
            origin: Process::start(setting, network.clone()).await?,
            network,
            clock,
            keys,
            buyers: (0..BUYERS).map(buyer).collect(),
            runs: Vec::new(),
            sale: None,
            told: Tally::default(),
            given_up: BTreeSet::new(),
            ids: 0,
            _folder: folder,
        })
    }

    /// Does one operation.
    pub(crate) async fn operate(&mut self, operation: &Operation) -> anyhow::Result<()> {
        self.network.outside().plan.set(operation.faults().cloned().unwrap_or_default());
        match operation {
            Operation::Wait { seconds } => self.clock.advance(Millis::seconds(i64::from(*seconds))),
            Operation::Add { buyer, sku, quantity } => self.add(*buyer, *sku, *quantity),
            Operation::Change { buyer, sku, remove } => self.change(*buyer, *sku, *remove),
            Operation::Place { buyer, tab, corrected, calls, .. } => {
                let tab = tab_of(*buyer, *tab);
                let run = self.begin_placing(tab, *corrected);
                self.go(run, Some(tab), *calls).await?;
            }
            Operation::GiveUp { buyer, tab, calls, .. } => {
                let tab = tab_of(*buyer, *tab);
                if let Some(run) = self.begin_giving_up(tab) {
                    self.go(run, Some(tab), *calls).await?;
                }
            }
            Operation::GoOn { run, calls, .. } => {
                if let Some(index) = choose(*run, self.runs.len()) {
                    let (run, tab) = self.runs.remove(index);
                    self.go(run, tab, *calls).await?;
                }
            }
            Operation::Pay { payment, less } => self.network.outside().gateway.pay(*payment, *less),
            Operation::Decline { payment } => self.network.outside().gateway.decline(*payment),
            Operation::Webhook { notice, .. } => self.webhook(*notice).await?,
            Operation::Forget { notice } => {
                let mut outside = self.network.outside();
                let notices = &mut outside.gateway.notices;
                if let Some(index) = choose(*notice, notices.len()) {
                    notices[index].is_over = true;
                }
            }
            Operation::ComeBack { buyer, tab, .. } => self.come_back(tab_of(*buyer, *tab)).await?,
            Operation::Deliver { .. } => {
                self.deliver().await?;
            }
            Operation::Repeat { message, calls } => self.repeat(*message, *calls).await?,
            Operation::Reconcile { .. } => {
                self.reconcile().await?;
            }
            Operation::Refund { buyer, sku, .. } => self.take_back(*buyer, *sku).await?,
            Operation::Pursue { .. } => {
                self.pursue().await?;
            }
            Operation::Alarm { product: number } => self.stock(*number, StockObject::ring),
            Operation::LoseAlarm { product: number } => self.stock(*number, |stock, _| stock.lose_alarm()),
            Operation::Crash { what: Part::Stock(number) } => self.stock(*number, |stock, _| stock.crash()),
            Operation::Crash { what: Part::Cart(buyer) } => {
                let cart_id = self.buyers[usize::from(*buyer % BUYERS)].cart_id;
                self.network.outside().edge.carts.entry(cart_id).or_default().crash();
            }
            Operation::Crash { what: Part::Origin } => self.origin.restart().await?,
            Operation::Receive { .. }
            | Operation::Count { .. }
            | Operation::WriteOff { .. }
            | Operation::TakeBack { .. } => self.move_by_hand(operation),
            Operation::Gather { seconds } => self.gather(Millis::seconds(i64::from(*seconds))),
            Operation::Join { buyer } => self.join(*buyer),
            Operation::Coupon { buyer, typed } => self.type_coupon(*buyer, *typed),
            Operation::Reprice { sku: number, price } => {
                let mut outside = self.network.outside();
                if let Some(offer) = outside.edge.offers.variants.get_mut(&sku(*number)) {
                    offer.price = Money::new(i64::from(*price), Currency::Ngn);
                }
            }
        }
        Ok(())
    }

    fn stock(&self, number: u8, act: impl FnOnce(&mut StockObject, Timestamp)) {
        let now = self.clock.now();
        if let Some(stock) = self.network.outside().edge.stocks.get_mut(&product(number % PRODUCTS)) {
            act(stock, now);
        }
    }

    fn new_id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn add(&mut self, buyer: u8, number: u8, quantity: u8) {
        let (operation_id, now) = (OperationId(self.new_id()), self.clock.now());
        let Ok(quantity) = Quantity::new(u32::from(quantity)) else { return };
        let (sku, product_id) = (sku(number), product_of(number));
        let mut outside = self.network.outside();
        let edge = &mut outside.edge;
        let Some(offer) = edge.offers.variants.get(&sku) else { return };
        let price = offer.price;
        let available = edge.stocks.get_mut(&product_id).map_or(0, |stock| stock.available(&sku, now));
        let command = cart::Command::Add { operation_id, sku, product_id, quantity, price, available, units_max: None };
        let cart_id = self.buyers[usize::from(buyer % BUYERS)].cart_id;
        // Refused, the cart stays as it is.
        drop(edge.carts.entry(cart_id).or_default().change(&command, now));
    }

    fn change(&self, buyer: u8, number: u8, remove: bool) {
        let (sku, cart_id) = (sku(number), self.buyers[usize::from(buyer % BUYERS)].cart_id);
        let one = Quantity::new(1).ok().filter(|_| !remove);
        let command = match one {
            Some(quantity) => cart::Command::SetQuantity { sku, quantity, available: u32::MAX, units_max: None },
            None => cart::Command::Remove { sku },
        };
        let now = self.clock.now();
        drop(self.network.outside().edge.carts.entry(cart_id).or_default().change(&command, now));
    }

    fn type_coupon(&self, buyer: u8, typed: bool) {
        let cart_id = self.buyers[usize::from(buyer % BUYERS)].cart_id;
        let command = cart::Command::SetCoupon { code: typed.then(rules::code) };
        let now = self.clock.now();
        drop(self.network.outside().edge.carts.entry(cart_id).or_default().change(&command, now));
    }

    fn gather(&mut self, gathers_for: Millis) {
        let now = self.clock.now();
        if !self.sale.as_ref().is_some_and(|sale| sale.is_going_on(now)) {
            let number = self.new_id().as_u128();
            self.sale = Some(FlashSale::new(number, product_of(ON_SALE), now, gathers_for));
        }
    }

    fn join(&mut self, buyer: u8) {
        let (buyer, now) = (usize::from(buyer % BUYERS), self.clock.now());
        let person_id = PersonId(Uuid::from_u128(0xbe00 + buyer as u128 / 2));
        let place = self.sale.as_mut().and_then(|sale| sale.join(person_id, now));
        self.buyers[buyer].pass = place.or(self.buyers[buyer].pass);
    }

    fn begin_placing(&mut self, tab: Tab, corrected: bool) -> Run {
        let now = self.clock.now();
        let pass = self.buyers[tab.buyer].pass;
        let allowed = self.sale.as_mut().map(|sale| sale.allowed(pass.as_ref(), now)).unwrap_or_default();
        let (new, corrected_id) = (CheckoutId(self.new_id()), CheckoutId(self.new_id()));
        let cart_id = self.buyers[tab.buyer].cart_id;
        let seen_quote = self.seen_quote(cart_id);
        let form = &mut self.buyers[tab.buyer].tabs[tab.tab];
        form.typed += u32::from(corrected);
        let checkout_id = *form.checkout_id.get_or_insert(new);
        form.last = Some(checkout_id);
        let checkout = Checkout {
            checkout_id,
            cart_id,
            email: format!("buyer-{}-{}-{}@example.com", tab.buyer, tab.tab, form.typed),
            address: Address {
                name: "Ada Obi".to_owned(),
                line1: "12 Marina".to_owned(),
                city: "Lagos".to_owned(),
                region: "Lagos".to_owned(),
                country: "NG".to_owned(),
                phone: "+234 803 123 4567".to_owned(),
            },
            delivery: DeliveryMethod::Standard,
            gateway: GatewayName::Paystack,
            seen_quote,
            return_url: format!("https://edge.simulated/{checkout_id}"),
            limits: allowed.limits.clone(),
            held_back: allowed.held_back.clone(),
        };
        let correction =
            Correction { checkout_id: corrected_id, return_url: format!("https://edge.simulated/{corrected_id}") };
        Run::allowed(Machine::Placing(Box::new(Placing::new(checkout, Some(correction)))), allowed)
    }

    /// What stands on the page that the buyer looks at.
    fn seen_quote(&self, cart_id: CartId) -> Option<String> {
        let mut outside = self.network.outside();
        let edge = &mut outside.edge;
        let cart = edge.carts.entry(cart_id).or_default().load();
        rules::seen(&edge.offers, cart.lines(), cart.coupon(), self.clock.now())
    }

    fn begin_giving_up(&self, tab: Tab) -> Option<Run> {
        let buyer = &self.buyers[tab.buyer];
        let checkout_id = buyer.tabs[tab.tab].last?;
        let mut outside = self.network.outside();
        let cart = outside.edge.carts.entry(buyer.cart_id).or_default().load();
        let products = cart.checkout(checkout_id)?.lines.iter().map(|line| line.product_id);
        let giving_up = GivingUp::new(checkout_id, buyer.cart_id, products);
        Some(Run::new(Machine::GivingUp(giving_up)))
    }

    /// Lets a run make so many calls. What is not at its end then, waits.
    async fn go(&mut self, mut run: Run, tab: Option<Tab>, calls: u8) -> anyhow::Result<()> {
        for _ in 0..calls {
            match run.next() {
                Next::Call(call) => {
                    run.allowed.check(&call)?;
                    let answer = self.carry(&call).await?;
                    run.hear(answer, self.clock.now());
                }
                Next::End(end) => return self.conclude(end, tab),
            }
        }
        self.runs.push((run, tab));
        Ok(())
    }

    fn conclude(&mut self, end: End, tab: Option<Tab>) -> anyhow::Result<()> {
        let form = tab.map(|tab| &mut self.buyers[tab.buyer].tabs[tab.tab]);
        match (end, form) {
            (End::Placed(_, Err(Refusal::Bug(what))), _) => return Err(Finding::new("ANSWER", what).into()),
            // The same form again is the same order.
            (End::Placed(checkout_id, Ok(_)), Some(form)) => {
                form.checkout_id = Some(checkout_id);
                form.last = Some(checkout_id);
            }
            // What was refused or given up is over; the next try is a checkout of its own.
            (End::Placed(_, Err(refusal)), Some(form)) => {
                form.checkout_id = None;
                match refusal {
                    Refusal::HeldBack(_) => self.told.count("told that it is held back".to_owned()),
                    Refusal::LimitReached { .. } => {
                        self.told.count("told that the share is used up".to_owned());
                    }
                    Refusal::Origin(problem) if problem.code.starts_with("coupon_") => {
                        self.told.count("told that the code is used up".to_owned());
                    }
                    Refusal::Cart(_)
                    | Refusal::OutOfStock(_)
                    | Refusal::Stock(_)
                    | Refusal::MixedCurrencies
                    | Refusal::CannotQuote(_)
                    | Refusal::QuoteChanged { .. }
                    | Refusal::Origin(_)
                    | Refusal::Sold(_)
                    | Refusal::Bug(_) => {}
                }
            }
            (End::GaveUp(_, GaveUp::Bug(what)), _) => return Err(Finding::new("ANSWER", what).into()),
            (End::GaveUp(checkout_id, GaveUp::Done), Some(form)) => {
                self.given_up.insert(checkout_id);
                form.checkout_id = None;
            }
            (End::GaveUp(_, GaveUp::Sold(_)), Some(form)) => {
                form.checkout_id = None;
                self.told.count("told that what they gave up is paid".to_owned());
            }
            (End::Settled(event, outcome), _) => drop(self.network.outside().edge.record(&event, outcome)),
            (End::Lost, _) | (End::Placed(..) | End::GaveUp(..), None) => {}
        }
        Ok(())
    }

    async fn carry(&mut self, call: &Call) -> anyhow::Result<Result<Answer, Loss>> {
        if !matches!(call, Call::Order(_) | Call::GiveUp(_)) {
            let now = self.clock.now();
            let mut outside = self.network.outside();
            let Outside { edge, plan, .. } = &mut *outside;
            return Ok(edge.carry(call, plan, now));
        }
        let fault = self.network.outside().plan.draw();
        match fault {
            Some(Fault::RequestLost) => return Ok(Err(Loss::Lost)),
            Some(Fault::CallerDiesBefore) => return Ok(Err(Loss::CallerDied)),
            Some(Fault::AnswerLost | Fault::Twice | Fault::CalleeDies | Fault::CallerDiesAfter) | None => {}
        }
        let answer = self.ask_origin(call, fault == Some(Fault::Twice)).await?;
        match fault {
            Some(Fault::AnswerLost) => return Ok(Err(Loss::Lost)),
            Some(Fault::CallerDiesAfter) => return Ok(Err(Loss::CallerDied)),
            Some(Fault::CalleeDies) => {
                self.origin.restart().await?;
                return Ok(Err(Loss::Lost));
            }
            Some(Fault::Twice | Fault::RequestLost | Fault::CallerDiesBefore) | None => {}
        }
        Ok(answer.ok_or(Loss::Lost))
    }

    async fn repeat(&mut self, message: u8, calls: u8) -> anyhow::Result<()> {
        let begun = {
            let outside = self.network.outside();
            let Some(index) = choose(message, outside.sent.len()) else { return Ok(()) };
            outside.edge.begin_applying(&outside.sent[index])
        };
        match begun {
            Ok(_) => Ok(()),
            Err(run) => self.go(*run, None, calls).await,
        }
    }

    fn move_by_hand(&mut self, operation: &Operation) {
        let id = MovementId(self.new_id());
        let movement = Movement { id, actor: "Ada".to_owned(), reason: "because".to_owned() };
        let units = |units: u8| Units::new(u32::from(units));
        let (number, command) = match operation {
            Operation::Receive { sku: number, units: many } => {
                let Ok(units) = units(*many) else { return };
                (number, Command::Receive { movement, lines: vec![MovedLine { sku: sku(*number), units }] })
            }
            Operation::Count { sku: number, counted } => {
                (number, Command::Count { movement, sku: sku(*number), counted: u32::from(*counted) })
            }
            Operation::WriteOff { sku: number, units: many } => {
                let Ok(units) = units(*many) else { return };
                (number, Command::WriteOff { movement, sku: sku(*number), units })
            }
            Operation::TakeBack { buyer, sku: number } => {
                let form = &self.buyers[usize::from(*buyer % BUYERS)].tabs[0];
                let (Some(checkout_id), Ok(quantity)) = (form.last, Quantity::new(1)) else { return };
                let lines = vec![StockLine { sku: sku(*number), quantity }];
                (number, Command::TakeBack { movement, checkout_id, lines })
            }
            Operation::Wait { .. }
            | Operation::Add { .. }
            | Operation::Change { .. }
            | Operation::Place { .. }
            | Operation::GiveUp { .. }
            | Operation::GoOn { .. }
            | Operation::Pay { .. }
            | Operation::Decline { .. }
            | Operation::Webhook { .. }
            | Operation::Forget { .. }
            | Operation::ComeBack { .. }
            | Operation::Deliver { .. }
            | Operation::Repeat { .. }
            | Operation::Reconcile { .. }
            | Operation::Refund { .. }
            | Operation::Pursue { .. }
            | Operation::Alarm { .. }
            | Operation::LoseAlarm { .. }
            | Operation::Crash { .. }
            | Operation::Gather { .. }
            | Operation::Join { .. }
            | Operation::Coupon { .. }
            | Operation::Reprice { .. } => return,
        };
        let product_id = product_of(*number);
        let now = self.clock.now();
        if let Some(stock) = self.network.outside().edge.stocks.get_mut(&product_id) {
            let first = stock.ask(&command, now).is_ok();
            let second = stock.ask(&command, now).is_ok();
            assert_eq!(first, second, "the same form twice is answered alike, and counts once");
        }
    }

    /// What the gateway has yet to tell.
    fn untold(&self) -> Option<usize> {
        self.network.outside().gateway.notices.iter().position(|notice| !notice.is_over)
    }

    /// Whatever went wrong goes well from now on, and time passes until nothing is left to do.
    pub(crate) async fn heal(&mut self) -> anyhow::Result<()> {
        self.network.outside().plan.set(Faults::default());
        while let Some((run, tab)) = self.runs.pop() {
            self.go(run, tab, u8::MAX).await?;
        }
        while let Some(notice) = self.untold() {
            self.webhook(u8::try_from(notice)?).await?;
        }
        for minutes in [0, 1, 20, 2, 70, 25 * 60, 61] {
            self.clock.advance(Millis::minutes(minutes));
            while self.reconcile().await? {}
            while self.deliver().await? {}
            while self.pursue().await? {}
            while self.deliver().await? {}
            for number in 0..PRODUCTS {
                // Somebody opens the product's page.
                self.stock(number, StockObject::look);
                self.stock(number, StockObject::ring);
            }
        }
        Ok(())
    }
}

fn tab_of(buyer: u8, tab: u8) -> Tab {
    Tab { buyer: usize::from(buyer % BUYERS), tab: usize::from(tab % TABS) }
}

/// In memory where there is such a place: what a crash leaves there is what the file system would leave.
fn folder() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("kasuwa-sim-").tempdir_in("/dev/shm").or_else(|_| TempDir::new())
}
