//! Every type that crosses a process: edge ⇄ origin, operator's tools → edge. Only this module decides how they look as JSON.
//!
//! Requests between our own processes are signed ([`crate::signature`]); their paths are constants here, so that both ends
//! name the same thing.

mod events;
mod gateway;
mod giving_up;
mod ledger;
mod payout;
mod refund;
mod restate;
mod sale;
mod search;
mod stock;
mod troubles;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checkout::Address;
use crate::ids::{CartId, CheckoutId, OrderId, ProductId, Sku};
use crate::money::{Currency, Money};
use crate::order::OrderStatus;
use crate::payment::PaymentStatus;
use crate::pricing::{Quote, Terms};
use crate::stock::Quantity;
use crate::time::Timestamp;

pub use self::events::{EDGE_EVENTS, EventOutcome, OrderSummary, OriginEvent, OriginEventKind};
pub use self::gateway::{GatewayName, GatewayOffer, GatewayOffers, NextPayment};
pub use self::giving_up::{CHECKOUT_GIVEN_UP, GiveUpAnswer, ORIGIN_GIVE_UP};
pub use self::ledger::{
    AccountBalance, Balances, JournalLine, JournalPage, ORIGIN_JOURNAL, ORIGIN_LEDGER, ORIGIN_STATEMENT, Statement,
    StatementLine,
};
pub use self::payout::{
    BankAccount, BankAccounts, MaskedAccount, ORIGIN_BANK_ACCOUNTS, ORIGIN_PAYOUT_FILE, ORIGIN_PAYOUTS, Payout,
    PayoutFile, PayoutFileLine, PayoutRun, Payouts,
};
pub use self::refund::{RefundRequest, RefundRight, RefundView, Restock};
pub use self::restate::{ORIGIN_RESTATE, Restate, Restated};
pub use self::sale::{
    DrawBody, DrawPeople, DrawnBody, SaleDraft, SaleDraftProduct, SaleDraftVariant, SaleList, SaleReport,
};
pub use self::search::{IndexStatus, QueryCount, QueryReport, SearchTally};
pub use self::stock::{MeasureReservations, MeasuredReservations, StockEntry, StockLevel, StockReport, Then};
pub use self::troubles::{
    PaymentTrouble, PayoutTrouble, RefundTrouble, StuckMessage, TransferTrouble, Troubles, WebhookTrouble,
};

/// Header that names one request across every process that it touches.
pub const HEADER_REQUEST_ID: &str = "x-request-id";

/// An error over HTTP (RFC 9457), `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// A URI that names the kind of problem: `https://kasuwa.dev/problems/{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words; the same for every one of its kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A stable code in snake_case, for programs.
    pub code: String,
    /// What happened this time and what to do, for people.
    pub detail: String,
    /// Names the request in the logs.
    pub request_id: String,
    /// What is wrong with which field of the request, where that is the problem.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Which lines could not be had, where stock is the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ShortLine>,
}

impl Problem {
    /// Its media type.
    pub const MEDIA_TYPE: &str = "application/problem+json";

    /// A problem without field or line details.
    pub fn new(status: u16, code: &str, title: &str, detail: String, request_id: &str) -> Self {
        Self {
            kind: format!("https://kasuwa.dev/problems/{code}"),
            title: title.to_owned(),
            status,
            code: code.to_owned(),
            detail,
            request_id: request_id.to_owned(),
            fields: BTreeMap::new(),
            lines: Vec::new(),
        }
    }
}

/// A line of which there is not enough.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ShortLine {
    /// What is short.
    pub sku: Sku,
    /// How many were asked for.
    pub requested: u32,
    /// How many there are.
    pub available: u32,
}

// ---- edge → origin -------------------------------------------------------------------------------------------------

/// `POST`: places an order ([`PlaceOrder`] → [`PlacedOrder`], 201 the first time, 200 when repeated).
pub const ORIGIN_PLACE_ORDER: &str = "/internal/orders";

/// `GET` with the order's id appended: [`OrderView`]. Who may see it, the edge has checked.
pub const ORIGIN_ORDER: &str = "/internal/orders/";

/// `POST` with `{checkout_id}` appended: asks the gateway now what became of the checkout's payments, settles what it learns,
/// and answers [`OrderView`]. For shoppers who come back from the gateway's page.
pub const ORIGIN_VERIFY: &str = "/internal/verify/";

/// `POST` behind [`ORIGIN_ORDER`]`{order_id}`: gives money back ([`RefundRequest`] → [`OrderView`]). The same again changes nothing. With
/// `/{refund_id}/retry` appended, tries one that failed once more; with `/{refund_id}/settle`, notes that it went back by another
/// way; both without a body.
pub const ORIGIN_REFUNDS: &str = "/refunds";

/// `POST` behind [`ORIGIN_ORDER`]`{order_id}`: the page on which an order that waits is paid through a gateway ([`NextPayment`] →
/// [`PaymentHandle`]). The same again answers the same, unless that payment failed meanwhile; then another one is begun.
pub const ORIGIN_PAYMENTS: &str = "/payments";

/// `GET`: [`GatewayOffers`].
pub const ORIGIN_GATEWAYS: &str = "/internal/gateways";

/// `GET`: what needs a person ([`Troubles`]).
pub const ORIGIN_TROUBLES: &str = "/internal/troubles";

/// `POST` with a message's id appended and [`ORIGIN_RESEND`] behind it, no body: makes a message that the edge has not taken due at
/// once ([`Troubles`]).
pub const ORIGIN_OUTBOX: &str = "/internal/outbox/";

/// See [`ORIGIN_OUTBOX`].
pub const ORIGIN_RESEND: &str = "/resend";

/// The code of the [`Problem`] of a payment for an order that does not wait for one, or not any more.
pub const NOT_AWAITING_PAYMENT: &str = "not_awaiting_payment";

/// The code of the [`Problem`] of a checkout that comes again with other contents than the order that it made.
pub const CHECKOUT_DIFFERS: &str = "checkout_differs";

/// The code of the [`Problem`] of an order with a coupon that was used as often as it can be.
pub const COUPON_USED_UP: &str = "coupon_used_up";

/// The same of one that this person has used as often as one person can.
pub const COUPON_USED_BY_YOU: &str = "coupon_used_by_you";

/// One line of an order: what was bought, as it was described and priced when it was bought.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product whose Stock object holds it.
    pub product_id: ProductId,
    /// Which variant.
    pub sku: Sku,
    /// The product's page at the time: `/p/{slug}`.
    pub slug: String,
    /// What the buyer saw as its name, variant included.
    pub title: String,
    /// Who sells it.
    pub seller: String,
    /// How many.
    pub quantity: Quantity,
    /// Price of one, in minor units.
    pub unit_price_minor: i64,
}

/// A checkout that the edge has checked, frozen and reserved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// Makes it idempotent: one checkout, at most one order (ORDER-1).
    pub checkout_id: CheckoutId,
    /// Whose cart thaws or empties when the order is settled.
    pub cart_id: CartId,
    /// Where the receipt goes.
    pub email: String,
    /// Where the goods go.
    pub address: Address,
    /// What is bought; at least one line.
    pub lines: Vec<OrderLine>,
    /// What applies to it: delivery, promotions, taxes.
    pub terms: Terms,
    /// Of every amount in it.
    pub currency: Currency,
    /// [`Quote::digest`] of what the shopper was shown; the origin computes its own and refuses another.
    pub quote_digest: String,
    /// Through whom it is paid.
    pub gateway: GatewayName,
    /// Where the shopper comes back to after paying. Gateways append their own query to it.
    pub return_url: String,
    /// When the stock reservations lapse.
    pub reserved_until: Timestamp,
}

/// The answer to [`PlaceOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlacedOrder {
    /// The order's id.
    pub order_id: OrderId,
    /// What has to be paid.
    pub total: Money,
    /// Where to pay it.
    pub payment: PaymentHandle,
}

/// A payment that waits for the shopper.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PaymentHandle {
    /// Through whom.
    pub gateway: GatewayName,
    /// What the gateway and we call this payment.
    pub reference: String,
    /// The gateway's page, where the shopper pays.
    pub redirect_url: String,
}

/// An order as its buyer may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// The order's id.
    pub id: OrderId,
    /// The checkout that it came from.
    pub checkout_id: CheckoutId,
    /// Where it stands.
    pub status: OrderStatus,
    /// Where the receipt went.
    pub email: String,
    /// Where the goods go.
    pub address: Address,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// What it cost.
    pub quote: Quote,
    /// The payment that settled it, or else the latest.
    pub payment: PaymentView,
    /// Every payment that was begun for it, oldest first.
    #[serde(default)]
    pub payments: Vec<PaymentView>,
    /// Until when it can be paid, while it waits.
    #[serde(default)]
    pub pay_before: Option<Timestamp>,
    /// Every status it had, oldest first.
    pub history: Vec<StatusChange>,
    /// What goes back of its payments, oldest first.
    #[serde(default)]
    pub refunds: Vec<RefundView>,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// Through whom.
    pub gateway: GatewayName,
    /// What the gateway and we call it.
    pub reference: String,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What was captured, once something was.
    pub captured: Option<Money>,
    /// The gateway's page, while it can still be paid.
    pub redirect_url: Option<String>,
}

/// One step of an order's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// When.
    pub at: Timestamp,
    /// What it became.
    pub status: OrderStatus,
}

// ---- operator's tools → edge ---------------------------------------------------------------------------------------

/// `POST` [`ImportBatch`] → [`ImportReport`]: writes products, by SKU. Importing the same again changes nothing.
pub const EDGE_IMPORT_PRODUCTS: &str = "/internal/import/products";

/// `POST`, no body: recounts categories and brands after an import, so that every listing shows it.
pub const EDGE_IMPORT_FINISH: &str = "/internal/import/finish";

/// `POST` `{"keys": […]}` → `{"missing": […]}`: which pictures are not there yet ([`PictureKeys`], [`MissingPictures`]).
pub const EDGE_PICTURES_MISSING: &str = "/internal/pictures/missing";

/// `PUT` with `{key}/{width}.jpg` appended: the bytes of one width of a picture.
pub const EDGE_PICTURES: &str = "/internal/pictures/";

/// `GET` with `?after={product_id}&limit={n}`: the catalogue as [`CataloguePage`], in order of id.
pub const EDGE_CATALOGUE: &str = "/internal/catalogue";

/// `PUT` with `{version}/{file}` appended: one file of an index.
pub const EDGE_INDEX_FILES: &str = "/internal/index/";

/// `POST` `search::measured::Measure` → `search::measured::Measurement`: what searches cost inside the Worker.
pub const EDGE_MEASURE: &str = "/internal/search/measure";

/// Largest piece of an index's file that is sent at once, in bytes. A larger file is sent in pieces of just this size, the last
/// one shorter: `POST` to its path with `/upload` appended begins ([`Upload`]), `PUT` to its path with
/// `?upload_id={id}&piece={n}` brings one, counted from 1 ([`UploadedPiece`]), and `POST` with `/complete` appended
/// ([`CompleteUpload`]) makes it the file.
pub const INDEX_PIECE_BYTES: usize = 16 * 1024 * 1024;

/// `POST` [`PublishIndex`]: the index that searches use from now on.
pub const EDGE_INDEX_PUBLISH: &str = "/internal/index/publish";

/// `GET`: how far search has come ([`IndexStatus`]).
pub const EDGE_INDEX: &str = "/internal/index";

/// `PUT` of a text: the synonyms that searches use from now on ([`IndexStatus`]).
pub const EDGE_INDEX_SYNONYMS: &str = "/internal/index/synonyms";

/// `GET` with `?days={n}`: what shoppers asked for ([`QueryReport`]).
pub const EDGE_QUERIES: &str = "/internal/queries";

/// With the SKU of one of a product's variants appended, percent-encoded. `GET`, with `?before={seq}` for older history: the
/// product's [`StockReport`]. `POST` of a [`crate::stock::Command`] that moves goods by hand: the same, after it.
pub const EDGE_STOCK: &str = "/internal/stock/";

/// `GET`: the flash sales, newest first ([`SaleList`]). `POST` of a [`SaleDraft`] sets one, and again with the same id changes it or
/// nothing ([`SaleReport`]). With a sale's slug appended, `GET`: the one; and `POST` with `/cancel` behind that cancels it.
pub const EDGE_SALES: &str = "/internal/sales";

/// `GET`: what the shop takes and gives beside its prices ([`crate::pricing::Rules`]). `PUT`: makes that be so, and nothing else of it; the
/// same again changes nothing.
pub const EDGE_PRICING: &str = "/internal/pricing";

/// `POST` [`MeasureReservations`] → [`MeasuredReservations`]: what reserving costs, tried with stock that nobody gets.
pub const EDGE_MEASURE_STOCK: &str = "/internal/stock-measure";

/// Most products in one [`ImportBatch`].
pub const IMPORT_BATCH_MAX: usize = 200;

/// Products to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportBatch {
    /// At most [`IMPORT_BATCH_MAX`].
    pub products: Vec<ImportProduct>,
    /// Part of an import after which the index is compiled: search need not follow every batch.
    #[serde(default)]
    pub bulk: bool,
}

/// A product as an import brings it, checked by the importer and again by the edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportProduct {
    /// Names the product; a second import of it is an update.
    pub sku: Sku,
    /// 1 to 500 characters.
    pub title: String,
    /// Plain text; paragraphs are separated by blank lines.
    pub description: String,
    /// Maker.
    pub brand: Option<String>,
    /// Path from the top: `["Men", "Tops"]`.
    pub category: Vec<String>,
    /// Price of the product, and of each variant that has none of its own.
    pub price: Money,
    /// Specifications, in the order to be shown.
    pub attributes: Vec<(String, String)>,
    /// Pictures, the first one being the main one.
    pub pictures: Vec<Picture>,
    /// Other numbers that it is known by (EAN, UPC).
    pub codes: Vec<String>,
    /// Who sells it.
    pub seller: String,
    /// At least one; of a product without choices, exactly one with the product's own SKU.
    pub variants: Vec<ImportVariant>,
    /// Whether shoppers see it.
    #[serde(default, skip_serializing_if = "ProductStatus::is_active")]
    pub status: ProductStatus,
    /// What buyers thought of it in the shop that it comes from; `None` when nobody rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// Units sold before it came here. Read once: from then on paid orders count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sold: u32,
    /// Weight of one, in grams; 0 when nobody knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight_grams: u32,
}

/// Whether shoppers see a product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// It is found and sold.
    #[default]
    Active,
    /// It is kept, but neither found nor sold.
    Hidden,
}

impl ProductStatus {
    /// Its name in files and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Hidden => "hidden",
        }
    }

    /// Whether it is found and sold.
    pub fn is_active(&self) -> bool {
        *self == Self::Active
    }
}

/// What buyers think of a product, on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// Hundredths of a star, [`Rating::HUNDREDTHS_MIN`] to [`Rating::HUNDREDTHS_MAX`].
    pub hundredths: u16,
    /// How many rated it; at least one.
    pub count: u32,
}

impl Rating {
    /// One star.
    pub const HUNDREDTHS_MIN: u16 = 100;
    /// Five stars.
    pub const HUNDREDTHS_MAX: u16 = 500;

    /// Whether it keeps its limits.
    pub fn is_possible(self) -> bool {
        (Self::HUNDREDTHS_MIN..=Self::HUNDREDTHS_MAX).contains(&self.hundredths) && self.count > 0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A variant as an import brings it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportVariant {
    /// Names the variant.
    pub sku: Sku,
    /// What sets it apart: `[("Size", "M")]`; empty for the only variant of a product without choices.
    pub options: Vec<(String, String)>,
    /// Price in minor units of the product's currency.
    pub price_minor: i64,
    /// Units on hand.
    pub stock: u32,
    /// Its own picture: an index into the product's.
    pub picture: Option<u32>,
}

/// A picture in R2: `{key}/{width}.jpg` for each width.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Lower-case hex, from the content: the same picture has the same key.
    pub key: String,
    /// Of the largest width.
    pub width: u32,
    /// Of the largest width.
    pub height: u32,
    /// Widths there are, ascending.
    pub widths: Vec<u32>,
    /// What it shows, for those who cannot see it.
    pub alt: String,
}

/// What became of an [`ImportBatch`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Products that were new.
    pub created: u32,
    /// Products that were there and differ now.
    pub updated: u32,
    /// Products that were just the same.
    pub unchanged: u32,
    /// Products of which nothing was sold yet, and whose opening balance is another one now.
    #[serde(default)]
    pub restocked: u32,
    /// Products whose stock the shop counts itself, so that another one was left alone.
    #[serde(default)]
    pub stock_kept: u32,
    /// Products that were refused.
    pub rejected: Vec<ImportRejection>,
}

/// A product that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRejection {
    /// Its place in the batch.
    pub index: usize,
    /// Its SKU.
    pub sku: String,
    /// Why.
    pub reason: String,
}

/// Pictures asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureKeys {
    /// [`Picture::key`]s, at most 500.
    pub keys: Vec<String>,
}

/// Pictures that are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingPictures {
    /// [`Picture::key`]s.
    pub missing: Vec<String>,
}

/// A part of the catalogue, for compiling the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CataloguePage {
    /// In order of id.
    pub products: Vec<CatalogueProduct>,
    /// `after` of the next page; `None` at the end.
    pub next: Option<ProductId>,
    /// The last change of the catalogue that this page is sure to show. An index compiled from here on has every change up to
    /// the first page's.
    #[serde(default)]
    pub change_seq: u64,
}

/// A product as the index needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogueProduct {
    /// The product's id.
    pub id: ProductId,
    /// Its page: `/p/{slug}`.
    pub slug: String,
    /// When it was first imported.
    pub created_at: Timestamp,
    /// Units that can be bought now, all variants together.
    pub available: u32,
    /// Everything else. `stock` of its variants is the opening balance, `sold` all units sold so far.
    pub product: ImportProduct,
}

/// The index that searches use from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishIndex {
    /// Its version: every file of it is at `{version}/`.
    pub version: String,
}

/// A file that is being sent in pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Names this attempt.
    pub upload_id: String,
}

/// A piece that has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedPiece {
    /// Counted from 1.
    pub piece: u16,
    /// What the store calls its contents.
    pub etag: String,
}

/// Every piece has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteUpload {
    /// [`Upload::upload_id`].
    pub upload_id: String,
    /// All of them, in order.
    pub pieces: Vec<UploadedPiece>,
}
