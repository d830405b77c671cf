//! The books and payouts as CSV, for spreadsheets and banks. It decides nothing.
//!
//! Amounts are decimals of their currency, written as numbers. Every text that a spreadsheet would take for a formula is defused, since sellers
//! choose their names and buyers' banks their reasons.

use domain::money::{Currency, Money};
use domain::wire::{AccountBalance, JournalLine, PayoutFileLine, StatementLine};

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A text that is text in every spreadsheet too: an apostrophe before what would be a formula.
fn text(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

/// An amount as a decimal, exactly. Of a currency that the shop does not know, two places are taken for granted.
fn decimal(amount_minor: i64, currency: &str) -> String {
    Money::new(amount_minor, currency.parse().unwrap_or(Currency::Usd)).major().to_string()
}

/// What is owed of an amount and what is held of it: one of the two.
fn debit_and_credit(amount_minor: i64, currency: &str) -> [String; 2] {
    match amount_minor {
        0.. => [decimal(amount_minor, currency), String::new()],
        _ => [String::new(), decimal(amount_minor.saturating_neg(), currency)],
    }
}

fn write<const N: usize>(names: [&str; N], rows: impl Iterator<Item = [String; N]>) -> anyhow::Result<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(names)?;
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// What every account holds.
pub fn balances(balances: &[AccountBalance]) -> anyhow::Result<String> {
    let row = |it: &AccountBalance| {
        let [debit, credit] = debit_and_credit(it.amount_minor, &it.currency);
        [text(&it.account), it.currency.clone(), debit, credit]
    };
    write(["account", "currency", "debit", "credit"], balances.iter().map(row))
}

/// What went in and out of an account, with what was owed to its owner after each line.
pub fn statement(account: &str, opening: &[AccountBalance], lines: &[StatementLine]) -> anyhow::Result<String> {
    let mut owed: std::collections::BTreeMap<String, i64> =
        opening.iter().map(|it| (it.currency.clone(), -it.amount_minor)).collect();
    let begin: Vec<[String; 9]> = owed.iter().map(|(currency, minor)| opening_row(account, currency, *minor)).collect();
    let rows = lines.iter().map(|line| {
        let sum = owed.entry(line.currency.clone()).or_default();
        *sum -= line.amount_minor;
        let [debit, credit] = debit_and_credit(line.amount_minor, &line.currency);
        let order = line.order_id.map(|id| id.to_string()).unwrap_or_default();
        let reference = text(line.reference.as_deref().unwrap_or_default());
        let (at, cause, currency) = (line.at.rfc3339(), text(&line.cause), line.currency.clone());
        let owed = decimal(*sum, &line.currency);
        [at, text(account), cause, order, reference, currency, debit, credit, owed]
    });
    write(
        ["at", "account", "cause", "order", "reference", "currency", "debit", "credit", "owed"],
        begin.into_iter().chain(rows),
    )
}

fn opening_row(account: &str, currency: &str, owed: i64) -> [String; 9] {
    let empty = String::new;
    let (cause, owed) = ("opening".to_owned(), decimal(owed, currency));
    [empty(), text(account), cause, empty(), empty(), currency.to_owned(), empty(), empty(), owed]
}

/// The whole journal, a line for every posting.
pub fn journal(lines: &[JournalLine]) -> anyhow::Result<String> {
    let row = |line: &JournalLine| {
        let [debit, credit] = debit_and_credit(line.amount_minor, &line.currency);
        let order = line.order_id.map(|id| id.to_string()).unwrap_or_default();
        let reference = text(line.reference.as_deref().unwrap_or_default());
        let (entry, subject, account) = (line.entry_id.clone(), text(&line.subject), text(&line.account));
        let (at, cause, currency) = (line.at.rfc3339(), text(&line.cause), line.currency.clone());
        [at, entry, cause, subject, order, reference, account, currency, debit, credit]
    };
    write(
        ["at", "entry", "cause", "subject", "order", "reference", "account", "currency", "debit", "credit"],
        lines.iter().map(row),
    )
}

/// Payouts to be sent by hand.
pub fn payouts(lines: &[PayoutFileLine]) -> anyhow::Result<String> {
    let row = |line: &PayoutFileLine| {
        let account = line.account.as_ref();
        let of = |field: fn(&domain::wire::BankAccount) -> &str| account.map(field).map(text).unwrap_or_default();
        [
            line.payout.id.to_string(),
            text(&line.payout.seller),
            of(|account| &account.holder),
            of(|account| &account.bank_code),
            of(|account| &account.account_number),
            line.payout.currency.clone(),
            decimal(line.payout.amount_minor, &line.payout.currency),
        ]
    };
    write(["payout", "seller", "holder", "bank_code", "account_number", "currency", "amount"], lines.iter().map(row))
}

#[cfg(test)]
mod tests {
    use domain::ids::PayoutId;
    use domain::payout::PayoutStatus;
    use domain::time::Timestamp;
    use domain::wire::{BankAccount, Payout};
    use uuid::Uuid;

    use super::*;

    fn line(cause: &str, amount_minor: i64, currency: &str) -> StatementLine {
        StatementLine {
            at: Timestamp(0),
            cause: cause.to_owned(),
            order_id: None,
            reference: Some("ks-1".to_owned()),
            currency: currency.to_owned(),
            amount_minor,
        }
    }

    #[test]
    fn a_statement_adds_up_line_by_line_in_decimals() {
        let opening = [AccountBalance { account: "seller:ada".into(), currency: "NGN".into(), amount_minor: -10_050 }];
        let lines = [line("sale", -994_500, "NGN"), line("taken_back", 5, "NGN"), line("sale", -1_000, "XOF")];
        let text = statement("seller:ada", &opening, &lines).unwrap();
        let expected = "\
at,account,cause,order,reference,currency,debit,credit,owed\r\n\
,seller:ada,opening,,,NGN,,,100.50\r\n\
1970-01-01T00:00:00Z,seller:ada,sale,,ks-1,NGN,,9945.00,10045.50\r\n\
1970-01-01T00:00:00Z,seller:ada,taken_back,,ks-1,NGN,0.05,,10045.45\r\n\
1970-01-01T00:00:00Z,seller:ada,sale,,ks-1,XOF,,1000,1000\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_name_is_a_formula_and_no_field_breaks_its_line() {
        let payout = Payout {
            id: PayoutId(Uuid::nil()),
            run_id: PayoutId(Uuid::nil()),
            seller: "=HYPERLINK(\"http://evil\")".to_owned(),
            amount_minor: 123,
            currency: "NGN".to_owned(),
            status: PayoutStatus::Due,
            gateway: None,
            reference: None,
            last_error: None,
            created_at: Timestamp(0),
        };
        let account = BankAccount {
            seller: payout.seller.clone(),
            currency: Currency::Ngn,
            bank_code: "058".to_owned(),
            account_number: "0123456789".to_owned(),
            holder: "@Ada, \"Sons\"\nand".to_owned(),
        };
        let text = payouts(&[PayoutFileLine { payout: payout.clone(), account: Some(account) }]).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        let fields: Vec<&str> = rows[0].iter().collect();
        let id = payout.id.to_string();
        let seller = "'=HYPERLINK(\"http://evil\")";
        assert_eq!(fields, [&id, seller, "'@Ada, \"Sons\"\nand", "058", "0123456789", "NGN", "1.23"]);
        for begin in FORMULA {
            assert!(super::text(&format!("{begin}1")).starts_with('\''), "{begin:?}");
        }
    }

    #[test]
    fn a_balance_is_a_debit_or_a_credit() {
        let of = |amount_minor| AccountBalance { account: "bank".into(), currency: "NGN".into(), amount_minor };
        let text = balances(&[of(-1), of(100)]).unwrap();
        assert_eq!(text, "account,currency,debit,credit\r\nbank,NGN,,0.01\r\nbank,NGN,1.00,\r\n");
    }
}
