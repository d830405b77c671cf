//! Payouts that the gateway transfers: sent once, whatever is lost, and owed again when they do not arrive.

use std::time::Duration;

use domain::money::Currency;
use domain::payout::PayoutStatus;
use domain::time::Millis;
use domain::wire::{
    BankAccount, BankAccounts, GatewayName, ORIGIN_BANK_ACCOUNTS, ORIGIN_JOURNAL, ORIGIN_PAYOUT_FILE, ORIGIN_PAYOUTS,
    ORIGIN_TROUBLES, Payout, PayoutFile, PayoutRun, Payouts, TransferTrouble, Troubles,
};
use origin::config::Config;
use origin::payout::transfer;
use origin::{App, Running};

use crate::books::{balance, decide, pay_out, run};
use crate::gateway::Paystack;
use crate::world::{Answer, World};

const EARNED: i64 = 9_945;
const FEE: i64 = 1_000;
const NUMBER: &str = "0123456789";

fn account(seller: &str) -> BankAccount {
    BankAccount {
        seller: seller.to_owned(),
        currency: Currency::Ngn,
        bank_code: "058".to_owned(),
        account_number: NUMBER.to_owned(),
        holder: "Ada Obi".to_owned(),
    }
}

async fn set(world: &World, account: &BankAccount) -> Answer {
    Answer::of(world.signed("POST", ORIGIN_BANK_ACCOUNTS, serde_json::to_vec(account).unwrap())).await
}

/// A run that the gateway transfers, of everything that was sold until now.
fn by_transfer(world: &World) -> PayoutRun {
    world.clock.advance(Millis(10));
    PayoutRun { gateway: Some(GatewayName::Paystack), ..run(world.clock.now()) }
}

/// A shop that owes its seller for one order.
async fn owing() -> World {
    let world = World::new().await;
    world.paid().await;
    assert_eq!(set(&world, &account("kasuwa")).await.status, 200);
    world
}

async fn show(world: &World, payout: &Payout) -> Payout {
    let answer = Answer::of(world.signed("GET", &format!("{ORIGIN_PAYOUTS}/{}", payout.id), Vec::new())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn until(world: &World, payout: &Payout, status: PayoutStatus) {
    world.until(&format!("the payout is {status}"), async || show(world, payout).await.status == status).await;
}

async fn troubles(world: &World) -> Vec<(TransferTrouble, String)> {
    let troubles: Troubles = Answer::of(world.signed("GET", ORIGIN_TROUBLES, Vec::new())).await.json();
    troubles.payouts.into_iter().map(|it| (it.trouble, it.payout.last_error.unwrap_or_default())).collect()
}

/// What the gateway sent, whatever became of it.
fn sent(world: &World) -> Vec<i64> {
    world.paystack.with(|book| book.transfers.values().map(|it| it.amount).collect())
}

async fn hear(world: &World, payout: &Payout, event: &str) {
    let (body, signature) = Paystack::transfer_notice(payout.reference.as_deref().unwrap(), event);
    assert_eq!(world.raw_webhook(body, &signature).await.status, 200);
}

/// Minutes pass, and the origin looks.
async fn wait(world: &World, minutes: i64) {
    for _ in 0..minutes {
        world.clock.advance(Millis::minutes(1));
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

/// Nobody is owed anything, and what was sent left the gateway once.
async fn assert_paid_once(world: &World, payout: &Payout) {
    until(world, payout, PayoutStatus::Paid).await;
    assert_eq!(sent(world), [EARNED]);
    let (seller, under_way) = (balance(world, "seller:kasuwa").await, balance(world, "payouts").await);
    assert_eq!((seller, under_way, balance(world, "bank").await), (0, 0, 0));
    assert_eq!((balance(world, "gateway:paystack").await, balance(world, "fees").await), (12_550 - EARNED - FEE, FEE));
}

#[tokio::test]
async fn a_payout_is_transferred_to_the_sellers_bank_and_the_books_know_from_where() {
    let world = owing().await;
    let run = by_transfer(&world);
    let payouts = pay_out(&world, &run).await;
    assert_eq!((payouts.len(), payouts[0].gateway), (1, Some(GatewayName::Paystack)));
    assert_paid_once(&world, &payouts[0]).await;
    assert_eq!(pay_out(&world, &run).await.len(), 1, "the same run again pays nobody twice");
    let to = world.paystack.with(|book| book.transfers.values().next().unwrap().recipient.clone());
    assert_eq!(to, format!("RCP_058_{NUMBER}"));
    assert_eq!(world.paystack.with(|book| book.transfers_asked), 1);
}

#[tokio::test]
async fn a_seller_whose_bank_is_not_known_is_left_out_and_stays_owed() {
    let world = World::new().await;
    world.paid().await;
    let run = by_transfer(&world);
    let body = serde_json::to_vec(&run).unwrap();
    let told: Payouts = Answer::of(world.signed("POST", ORIGIN_PAYOUTS, body)).await.json();
    assert_eq!((told.payouts.len(), told.left_out), (0, vec!["kasuwa".to_owned()]));
    assert_eq!(balance(&world, "seller:kasuwa").await, -EARNED);
    let stripe = PayoutRun { gateway: Some(GatewayName::Stripe), ..by_transfer(&world) };
    let refused = Answer::of(world.signed("POST", ORIGIN_PAYOUTS, serde_json::to_vec(&stripe).unwrap())).await;
    assert_eq!(refused.problem(), "gateway_not_offered");
}

#[tokio::test]
async fn a_transfer_whose_answer_was_lost_is_found_again_and_not_made_twice() {
    let mut world = owing().await;
    world.paystack.with(|book| (book.lose_transfer, book.hide_transfers) = (1, true));
    let payouts = pay_out(&world, &by_transfer(&world)).await;
    world.until("it was asked for", async || sent(&world).len() == 1).await;
    world.kill();
    world.start().await;
    // The gateway does not list it for minutes: it is asked for again by the same name, and refused.
    wait(&world, 4).await;
    world.until("it was asked for again", async || world.paystack.with(|book| book.transfers_asked) > 1).await;
    assert_eq!(show(&world, &payouts[0]).await.status, PayoutStatus::Pending);
    world.paystack.with(|book| book.hide_transfers = false);
    wait(&world, 4).await;
    assert_paid_once(&world, &payouts[0]).await;
}

/// Another origin on the same database.
async fn beside(world: &World) -> Running {
    let config = Config::read(|name| world.variable(name)).unwrap();
    App::new(config, world.clock.clone()).await.unwrap().start().await.unwrap()
}

#[tokio::test]
async fn two_origins_and_a_double_run_pay_once() {
    let world = owing().await;
    if !world.app().store().is_shared() {
        return; // SQLite has one origin.
    }
    let other = beside(&world).await;
    let (first, second) = (by_transfer(&world), by_transfer(&world));
    let (one, two) = tokio::join!(pay_out(&world, &first), pay_out(&world, &second));
    let payouts: Vec<Payout> = one.into_iter().chain(two).collect();
    assert_eq!(payouts.len(), 1, "what one run took, the other does not");
    assert_paid_once(&world, &payouts[0]).await;
    other.stop().await;
}

#[tokio::test]
async fn whoever_dies_between_any_two_steps_pays_once() {
    for step in 0..6 {
        let mut world = owing().await;
        let lose = u32::from(step % 2 == 1);
        world.paystack.with(|book| (book.lose_transfer, book.transfer_status) = (lose, Some("pending")));
        let payouts = pay_out(&world, &by_transfer(&world)).await;
        tokio::time::sleep(Duration::from_millis(step * 4)).await;
        world.kill();
        world.start().await;
        world.paystack.with(|book| book.transfers.values_mut().for_each(|it| it.status = "success".to_owned()));
        world.paystack.with(|book| book.transfer_status = None);
        wait(&world, 5).await;
        assert_paid_once(&world, &payouts[0]).await;
    }
}

#[tokio::test]
async fn two_who_pursue_the_same_transfer_at_once_send_it_once() {
    let world = World::without_reconciliation().await;
    world.paid().await;
    set(&world, &account("kasuwa")).await;
    // Refused at first, so that it stays due.
    world.paystack.with(|book| book.refuse_transfer = Some("Your balance is not enough to fulfil this request"));
    let payouts = pay_out(&world, &by_transfer(&world)).await;
    world.until("it was refused", async || show(&world, &payouts[0]).await.last_error.is_some()).await;
    world.paystack.with(|book| book.refuse_transfer = None);
    world.clock.advance(Millis::minutes(10));
    let due = transfer::claim(world.app(), 1).await.unwrap().remove(0);
    tokio::join!(transfer::pursue(world.app(), due.clone()), transfer::pursue(world.app(), due));
    assert_paid_once(&world, &payouts[0]).await;
}

#[tokio::test]
async fn a_transfer_that_failed_is_owed_again_and_the_next_run_pays_it() {
    let world = owing().await;
    world.paystack.with(|book| book.transfer_status = Some("failed"));
    let failed = pay_out(&world, &by_transfer(&world)).await.remove(0);
    until(&world, &failed, PayoutStatus::Failed).await;
    assert!(show(&world, &failed).await.last_error.is_some());
    assert_eq!((balance(&world, "seller:kasuwa").await, balance(&world, "payouts").await), (-EARNED, 0));
    assert_eq!(decide(&world, &failed, "confirm").await.problem(), "payout_stands");
    world.paystack.with(|book| book.transfer_status = None);
    let next = pay_out(&world, &by_transfer(&world)).await.remove(0);
    assert_ne!(next.reference, failed.reference);
    until(&world, &next, PayoutStatus::Paid).await;
    assert_eq!(balance(&world, "seller:kasuwa").await, 0);
}

#[tokio::test]
async fn a_transfer_that_comes_back_days_later_is_owed_again() {
    let world = owing().await;
    let payout = pay_out(&world, &by_transfer(&world)).await.remove(0);
    until(&world, &payout, PayoutStatus::Paid).await;
    let reference = payout.reference.clone().unwrap();
    world.paystack.with(|book| book.transfers.get_mut(&reference).unwrap().status = "reversed".to_owned());
    world.clock.advance(Millis::days(2));
    hear(&world, &payout, "transfer.reversed").await;
    hear(&world, &payout, "transfer.success").await;
    until(&world, &payout, PayoutStatus::Returned).await;
    assert_eq!((balance(&world, "seller:kasuwa").await, balance(&world, "payouts").await), (-EARNED, 0));
    assert_eq!(balance(&world, "gateway:paystack").await, 12_550 - FEE);
}

#[tokio::test]
async fn a_webhook_only_makes_us_look() {
    let world = World::without_reconciliation().await;
    world.paid().await;
    set(&world, &account("kasuwa")).await;
    world.paystack.with(|book| book.transfer_status = Some("pending"));
    let payout = pay_out(&world, &by_transfer(&world)).await.remove(0);
    until(&world, &payout, PayoutStatus::Pending).await;
    world.until("it was asked for", async || sent(&world).len() == 1).await;
    hear(&world, &payout, "transfer.success").await;
    assert_eq!(show(&world, &payout).await.status, PayoutStatus::Pending, "the gateway does not say so");
    world.paystack.with(|book| book.transfers.values_mut().for_each(|it| it.status = "success".to_owned()));
    hear(&world, &payout, "transfer.success.again").await;
    assert_paid_once(&world, &payout).await;
    let (body, signature) = Paystack::transfer_notice("somebody-elses-transfer", "transfer.success");
    assert_eq!(world.raw_webhook(body, &signature).await.status, 200);
}

#[tokio::test]
async fn a_transfer_that_waits_for_a_one_time_password_is_a_named_trouble() {
    let world = owing().await;
    world.paystack.with(|book| book.transfer_status = Some("otp"));
    let payout = pay_out(&world, &by_transfer(&world)).await.remove(0);
    world.until("it is a trouble", async || !troubles(&world).await.is_empty()).await;
    assert_eq!(troubles(&world).await[0].0, TransferTrouble::OneTimePassword);
    // Nobody gives it in time.
    world.paystack.with(|book| book.transfers.values_mut().for_each(|it| it.status = "abandoned".to_owned()));
    hear(&world, &payout, "transfer.failed").await;
    until(&world, &payout, PayoutStatus::Failed).await;
    assert_eq!(troubles(&world).await, []);
    assert_eq!(balance(&world, "seller:kasuwa").await, -EARNED);
}

#[tokio::test]
async fn a_transfer_that_is_refused_can_be_stopped_and_is_owed_again_only_once_nobody_can_have_sent_it() {
    let world = owing().await;
    let words = "Your balance is not enough to fulfil this request";
    world.paystack.with(|book| book.refuse_transfer = Some(words));
    let payout = pay_out(&world, &by_transfer(&world)).await.remove(0);
    wait(&world, 8).await;
    world.until("it is a trouble", async || !troubles(&world).await.is_empty()).await;
    let (trouble, why) = troubles(&world).await.remove(0);
    assert_eq!((trouble, why.contains(words)), (TransferTrouble::Unanswered, true), "{why}");
    assert_eq!(decide(&world, &payout, "confirm").await.problem(), "payout_stands");
    let stopped: Payout = decide(&world, &payout, "return").await.json();
    assert_eq!(stopped.status, PayoutStatus::Stopping);
    world.paystack.with(|book| book.refuse_transfer = None);
    wait(&world, 5).await;
    until(&world, &payout, PayoutStatus::Failed).await;
    assert_eq!((sent(&world).len(), balance(&world, "seller:kasuwa").await), (0, -EARNED));
}

#[tokio::test]
async fn a_transfer_that_was_sent_although_it_was_to_be_stopped_is_paid() {
    let world = owing().await;
    world.paystack.with(|book| (book.lose_transfer, book.hide_transfers) = (1, true));
    let payout = pay_out(&world, &by_transfer(&world)).await.remove(0);
    world.until("it was asked for", async || sent(&world).len() == 1).await;
    assert_eq!(decide(&world, &payout, "return").await.json::<Payout>().status, PayoutStatus::Stopping);
    world.paystack.with(|book| book.hide_transfers = false);
    wait(&world, 3).await;
    assert_paid_once(&world, &payout).await;
}

#[tokio::test]
async fn bank_details_are_sealed_in_the_database_and_shown_masked() {
    let world = World::without_reconciliation().await;
    let shown = set(&world, &account("kasuwa")).await;
    assert!(!String::from_utf8_lossy(&shown.body).contains(NUMBER));
    let accounts: BankAccounts = shown.json();
    assert_eq!((accounts.accounts.len(), accounts.accounts[0].masked.as_str()), (1, "••••6789"));
    let open = "SELECT count(*) AS n FROM bank_account WHERE sealed LIKE '%0123456789%' OR sealed LIKE '%Ada%'";
    assert_eq!(world.count(open).await, 0);
    let moved = BankAccount { account_number: "9876543210".to_owned(), ..account("kasuwa") };
    let accounts: BankAccounts = set(&world, &moved).await.json();
    assert_eq!((accounts.accounts.len(), accounts.accounts[0].masked.as_str()), (1, "••••3210"));
    let wrong = BankAccount { account_number: "12".to_owned(), ..account("kasuwa") };
    assert_eq!(set(&world, &wrong).await.problem(), "invalid_bank_account");
}

#[tokio::test]
async fn the_file_of_a_run_by_hand_says_where_to_and_leaves_out_what_was_sent() {
    let world = World::without_reconciliation().await;
    world.paid().await;
    world.clock.advance(Millis(10));
    let run = run(world.clock.now());
    let payout = pay_out(&world, &run).await.remove(0);
    let file = async || -> PayoutFile {
        let path = format!("{ORIGIN_PAYOUT_FILE}?run={}", run.run_id);
        Answer::of(world.signed("GET", &path, Vec::new())).await.json()
    };
    assert_eq!(file().await.lines[0].account, None, "nobody has said");
    set(&world, &account("kasuwa")).await;
    assert_eq!(file().await.lines[0].account, Some(account("kasuwa")));
    assert_eq!(decide(&world, &payout, "confirm").await.status, 200);
    assert_eq!(file().await.lines, []);
    let missing = format!("{ORIGIN_PAYOUT_FILE}?run={}", payout.id);
    assert_eq!(Answer::of(world.signed("GET", &missing, Vec::new())).await.problem(), "run_not_found");
    let bad = Answer::of(world.signed("GET", ORIGIN_PAYOUT_FILE, Vec::new())).await;
    assert_eq!(bad.problem(), "query_invalid");
}

#[tokio::test]
async fn the_journal_is_read_to_its_end_and_sums_to_zero() {
    let world = World::without_reconciliation().await;
    for _ in 0..3 {
        world.paid().await;
    }
    let page: domain::wire::JournalPage = Answer::of(world.signed("GET", ORIGIN_JOURNAL, Vec::new())).await.json();
    assert_eq!(page.lines.iter().map(|line| line.amount_minor).sum::<i64>(), 0);
    assert_eq!((page.lines.len(), page.next), (12, None));
    let after = format!("{ORIGIN_JOURNAL}?after={}-{}", page.lines[3].at.as_millis(), page.lines[3].entry_id);
    let rest: domain::wire::JournalPage = Answer::of(world.signed("GET", &after, Vec::new())).await.json();
    assert_eq!(rest.lines, page.lines[4..]);
    let bad = Answer::of(world.signed("GET", &format!("{ORIGIN_JOURNAL}?after=x"), Vec::new())).await;
    assert_eq!(bad.problem(), "query_invalid");
}
