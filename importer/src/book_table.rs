//! The books and payouts as text for a terminal. It decides nothing.

use std::fmt::Write as _;

use domain::money::{Currency, Money};
use domain::wire::{AccountBalance, Balances, BankAccounts, JournalLine, Payout, Payouts, StatementLine};

/// What people wrote must not drive a terminal.
fn plain(text: &str) -> String {
    text.escape_debug().to_string()
}

fn money(amount_minor: i64, currency: &str) -> String {
    match currency.parse::<Currency>() {
        Ok(currency) => Money::new(amount_minor, currency).to_string(),
        Err(_) => format!("{amount_minor} minor units of {}", plain(currency)),
    }
}

/// What every account holds.
pub fn balances(balances: &Balances) -> String {
    let Balances { balances, crooked_entries } = balances;
    let mut text = String::new();
    if balances.is_empty() {
        text.push_str("nothing is booked yet\n");
    }
    let width = balances.iter().map(|it| it.account.chars().count()).max().unwrap_or(0);
    for AccountBalance { account, currency, amount_minor } in balances {
        let side = if *amount_minor < 0 { "credit" } else { "debit" };
        // Writing to a string never fails.
        let _written =
            writeln!(text, "{:<width$}  {side:<6}  {}", plain(account), money(amount_minor.saturating_abs(), currency));
    }
    let _written = match crooked_entries {
        0 => writeln!(text, "every entry sums to zero"),
        many => writeln!(text, "{many} entries do not sum to zero (LEDGER-1): something is very wrong"),
    };
    text
}

/// What went in and out of an account, from what was there to what is.
pub fn statement(opening: &[AccountBalance], lines: &[StatementLine], closing: &[AccountBalance]) -> String {
    let mut text = sum("before", opening);
    for line in lines {
        let of = line.order_id.map(|id| format!("  order {id}")).unwrap_or_default();
        let amount = signed(line.amount_minor, &line.currency);
        let _written = writeln!(text, "{}  {:<15}  {amount}{of}", line.at.rfc3339(), plain(&line.cause));
    }
    text + &sum("after", closing)
}

fn sum(name: &str, balances: &[AccountBalance]) -> String {
    let told: Vec<String> = balances.iter().map(|it| signed(it.amount_minor, &it.currency)).collect();
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    format!("{name:<20}  {:<15}  {told}\n", "")
}

fn signed(amount_minor: i64, currency: &str) -> String {
    let side = if amount_minor < 0 { "credit" } else { "debit" };
    format!("{side} {}", money(amount_minor.saturating_abs(), currency))
}

/// The journal: an entry with its lines below it.
pub fn journal(lines: &[JournalLine]) -> String {
    let mut text = String::new();
    let mut last = "";
    for line in lines {
        if line.entry_id != last {
            let of = line.order_id.map(|id| format!("  order {id}")).unwrap_or_default();
            let (at, cause, subject) = (line.at.rfc3339(), plain(&line.cause), plain(&line.subject));
            let _written = writeln!(text, "{at}  {cause}  {subject}{of}");
            last = &line.entry_id;
        }
        let (account, amount) = (plain(&line.account), signed(line.amount_minor, &line.currency));
        let _written = writeln!(text, "  {account:<24}  {amount}");
    }
    if text.is_empty() {
        text.push_str("nothing is booked yet\n");
    }
    text
}

/// Payouts, and who was left out of a run.
pub fn payouts(payouts: &Payouts) -> String {
    let Payouts { payouts, left_out } = payouts;
    let mut text: String = payouts.iter().map(payout).collect();
    if payouts.is_empty() {
        text.push_str("no payouts\n");
    }
    for seller in left_out {
        let seller = plain(seller);
        let _written = writeln!(
            text,
            "left out: {seller}, since nobody has said where {seller} is paid to in that currency \
             (cargo xtask payouts bank {seller} …)"
        );
    }
    text
}

/// One payout.
pub fn payout(payout: &Payout) -> String {
    let way = payout.gateway.map_or("by hand", |gateway| gateway.as_str());
    let amount = money(payout.amount_minor, &payout.currency);
    let (seller, status, run) = (plain(&payout.seller), payout.status, payout.run_id);
    let mut text = format!("{}  {status:<8}  {way:<8}  {amount}  {seller}  run {run}\n", payout.id);
    if let Some(error) = &payout.last_error {
        let _written = writeln!(text, "    {}", plain(error));
    }
    text
}

/// Where sellers are paid to.
pub fn accounts(accounts: &BankAccounts) -> String {
    let mut text = String::new();
    for it in &accounts.accounts {
        let (seller, bank, masked) = (plain(&it.seller), plain(&it.bank_code), plain(&it.masked));
        let _written = writeln!(text, "{seller}  {}  bank {bank}  {masked}  set {}", it.currency, it.set_at.rfc3339());
    }
    if text.is_empty() {
        text.push_str("no bank account is known; set one with cargo xtask payouts bank SELLER …\n");
    }
    text
}
