//! The `orders` command: an order's money, what goes back of it, and everything that needs a person. `cargo xtask orders` starts it.
//!
//! Exit codes: 0 shown or done; 1 refused or failed, and nothing changed.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::ids::{EventId, OrderId, RefundId, Sku};
use domain::refund::part::Part;
use domain::stock::{Quantity, StockLine};
use domain::wire::{
    ORIGIN_ORDER, ORIGIN_OUTBOX, ORIGIN_REFUNDS, ORIGIN_RESEND, ORIGIN_RESTATE, ORIGIN_TROUBLES, OrderView,
    RefundRequest, RefundRight, Restate, Restated, Troubles,
};
use importer::command::{self, Form};
use importer::order_table;
use importer::shop::{SHOP_DEFAULT, Shop};
use serde::Serialize;
use uuid::Uuid;

/// Shows an order's money, gives it back, and lists what needs a person.
///
/// The shop's operator keys are read from the environment variable OPERATOR_KEYS.
#[derive(Parser)]
#[command(name = "orders", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// The shop
    #[arg(long, global = true, default_value = SHOP_DEFAULT)]
    shop: String,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// What was bought, how it was paid, what goes back
    Show {
        /// the order
        order: OrderId,
    },
    /// Gives back a part of an order; all that is left, when no part is named
    Refund {
        /// the order
        order: OrderId,
        /// So many of a SKU; may be repeated
        #[arg(long = "line", value_name = "SKU=N", value_parser = line)]
        lines: Vec<StockLine>,
        /// What was paid for delivery
        #[arg(long)]
        delivery: bool,
        /// The goods cannot be sold again
        #[arg(long)]
        no_restock: bool,
        /// Why, in words that the buyer reads
        #[arg(long)]
        reason: String,
        /// Who does it, as the books show it
        #[arg(long, default_value = "operator")]
        by: String,
        /// Names this refund: the same again changes nothing, so that a lost answer can be asked for again
        #[arg(long, value_name = "UUID")]
        refund: Option<Uuid>,
    },
    /// Tries a refund that failed for good once more
    Retry {
        /// the order
        order: OrderId,
        /// the refund
        refund: RefundId,
    },
    /// Notes that a refund that failed went back by another way, such as a bank transfer
    Settle {
        /// the order
        order: OrderId,
        /// the refund
        refund: RefundId,
    },
    /// Everything that needs a person
    Troubles,
    /// Tells the edge once more how every order stands, so that its read models are built anew from nothing
    Restate,
    /// Sends a message to the edge again that is stuck
    Resend {
        /// the message
        message: EventId,
    },
}

fn line(text: &str) -> anyhow::Result<StockLine> {
    let (sku, units) = text.rsplit_once('=').context("write it as SKU=N, like lamp-red=2")?;
    Ok(StockLine { sku: Sku::new(sku)?, quantity: Quantity::new(units.parse().context("N is a whole number")?)? })
}

fn main() -> ExitCode {
    command::run(run)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let shop = Shop::from_environment(&cli.shop)?;
    let path = |order: OrderId, rest: &str| format!("{ORIGIN_ORDER}{order}{rest}");
    let decision = |order, refund: RefundId, what: &str| path(order, &format!("{ORIGIN_REFUNDS}/{refund}/{what}"));
    let order: OrderView = match cli.what {
        What::Show { order } => shop.get(&path(order, "")).await?,
        What::Refund { order, lines, delivery, no_restock, reason, by, refund } => {
            let part = (delivery || !lines.is_empty()).then_some(Part { lines, delivery });
            let refund_id = RefundId(refund.unwrap_or_else(Uuid::now_v7));
            let (right, restock) = (RefundRight::Operator, !no_restock);
            let request = RefundRequest { refund_id, by: right, actor: by, part, restock, reason };
            // Patience sends it again when an answer is lost; its id makes it happen once.
            let done = shop.post(&path(order, ORIGIN_REFUNDS), &request).await;
            done.with_context(|| format!("refund {refund_id}"))?
        }
        What::Retry { order, refund } => shop.ask(&decision(order, refund, "retry")).await?,
        What::Settle { order, refund } => shop.ask(&decision(order, refund, "settle")).await?,
        What::Troubles => {
            let troubles: Troubles = shop.get(ORIGIN_TROUBLES).await?;
            return print(cli.json, &troubles, order_table::troubles);
        }
        What::Restate => return restate(&shop, cli.json).await,
        What::Resend { message } => {
            let troubles: Troubles = shop.ask(&format!("{ORIGIN_OUTBOX}{message}{ORIGIN_RESEND}")).await?;
            return print(cli.json, &troubles, order_table::troubles);
        }
    };
    print(cli.json, &order, order_table::order)
}

/// All orders, in as many steps as it takes.
async fn restate(shop: &Shop, as_json: bool) -> anyhow::Result<()> {
    let mut told = Restated { orders: 0, after: None };
    loop {
        let step: Restated = shop.post(ORIGIN_RESTATE, &Restate { after: told.after }).await?;
        told = Restated { orders: told.orders + step.orders, after: step.after };
        if told.after.is_none() {
            break;
        }
    }
    let table = |told: &Restated| format!("the edge is being told once more how {} orders stand\n", told.orders);
    print(as_json, &told, table)
}

fn print<T: Serialize>(as_json: bool, what: &T, table: impl Fn(&T) -> String) -> anyhow::Result<()> {
    Form::of(as_json, false).print(what, table, |_| Ok(String::new()))
}
