//! What engines have to do beside answering: come from an older version, and bear several origins at once.

use std::collections::BTreeSet;

use domain::money::Money;
use domain::order::OrderStatus;
use origin::config::Config;
use origin::{App, Running};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::world::{Answer, KEYS, World};

/// The tables as the first version made them, with an order that waits for its payment.
const FIRST_VERSION: &str = concat!(
    "CREATE TABLE migration (version BIGINT PRIMARY KEY); INSERT INTO migration (version) VALUES (1);",
    include_str!("../../../migrations/origin/0001_orders.sql"),
    "
    INSERT INTO orders (id, checkout_id, cart_id, status, content_digest, email, address, currency, delivery_method,
        delivery_minor, total_minor, quote_digest, return_url, pay_before, events, placed_at, updated_at, written_by)
    VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d-ac96-774b-bcce-b302099a8058',
        '01890a5d-ac96-774b-bcce-b302099a8059', 'awaiting_payment', 'x', 'ada@example.com',
        '{\"name\":\"Ada\",\"line1\":\"1\",\"city\":\"Lagos\",\"region\":\"Lagos\",\"country\":\"NG\",\"phone\":\"0803\"}',
        'NGN', 'standard', 500, 1500, 'x', 'https://shop.example', 99999999999999, 1, 1, 1, 'test');
    INSERT INTO order_line VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 1, '01890a5d-ac96-774b-bcce-b302099a805a',
        'lamp', 'a-lamp', 'A lamp', 'kasuwa', 2, 500);
    INSERT INTO payment (reference, order_id, attempt, gateway, status, expected_minor, expected_currency, redirect_url,
        opening_until, next_check_at, created_at, updated_at, written_by)
    VALUES ('ks-old-1', '01890a5d-ac96-774b-bcce-b302099a8057', 1, 'paystack', 'pending', 1500, 'NGN',
        'https://checkout.example/ks-old-1', 0, 99999999999999, 1, 1, 'test');
    INSERT INTO order_history VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 1, 1, 'awaiting_payment', 'placed', 'test');
    INSERT INTO outbox (id, order_id, sequence, kind, body, request_id, created_at, next_attempt_at, delivered_at)
    VALUES ('01890a5d-ac96-774b-bcce-b302099a805b', '01890a5d-ac96-774b-bcce-b302099a8057', 1, 'order_placed', '{}', 'x',
        1, 1, 1);"
);

async fn run_script(url: &str, script: &str) {
    if url.starts_with("postgres:") {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
    } else {
        std::fs::create_dir_all(url.trim_start_matches("sqlite:").rsplit_once('/').unwrap().0).unwrap();
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_an_older_version_left_behind_is_paid_and_refunded_by_this_one() {
    let world = World::after(async |database_url| run_script(&database_url, FIRST_VERSION).await).await;
    world.paystack.add("ks-old-1", 1_500);
    assert_eq!(world.webhook("charge.success", "ks-old-1").await, 200);
    let order_id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let view = world.view(order_id).await;
    assert_eq!(
        (view.status, view.payment.captured.map(|money: Money| money.amount_minor)),
        (OrderStatus::Paid, Some(1_500))
    );
    let wanted = crate::refunds::wanted(None, domain::wire::RefundRight::Operator);
    assert_eq!(world.refund(order_id, &wanted).await.status, 200);
    world.until_status(order_id, OrderStatus::Refunded).await;
    assert_eq!(world.paystack.refunded("ks-old-1"), [1_500]);
}

/// Another origin on the same database.
async fn beside(world: &World) -> Running {
    let config = Config::read(|name| world.variable(name)).unwrap();
    App::new(config, world.clock.clone()).await.unwrap().start().await.unwrap()
}

#[tokio::test]
async fn several_origins_share_the_work_and_tell_everything_in_order() {
    const ORDERS: usize = 24;
    let world = World::new().await;
    if !world.app().store().is_shared() {
        return; // SQLite has one origin.
    }
    let others = [beside(&world).await, beside(&world).await];
    let mut placed = Vec::new();
    for _ in 0..ORDERS {
        placed.push(world.placed().await);
    }
    // Paid, and nobody tells: they find out by themselves, and each is settled once.
    placed.iter().for_each(|(_, placed)| world.paystack.pay(&placed.payment.reference));
    for (_, placed) in &placed {
        world.until_status(placed.order_id, OrderStatus::Paid).await;
        world.until("the edge knows", async || world.edge.told(placed.order_id).len() >= 2).await;
        let told: Vec<u32> = world.edge.told(placed.order_id).iter().map(|(sequence, _)| *sequence).collect();
        assert!(told.is_sorted(), "{told:?}");
        assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), 2);
    }
    let healthy = Answer::of(world.client.get(format!("http://{}/healthz", others[0].address()))).await;
    assert_eq!(healthy.status, 200);
    assert_eq!(world.count("SELECT count(*) AS n FROM ledger_entry WHERE cause = 'sale'").await, 24);
    for other in others {
        other.stop().await;
    }
}

#[tokio::test]
async fn what_was_backed_up_comes_back_whole_and_goes_on() {
    let mut world = World::without_reconciliation().await;
    let paid = world.paid().await;
    let (order, waiting) = world.placed().await;
    let file = std::env::temp_dir().join(format!("{}.jsonl", waiting.order_id));
    let file = file.to_str().unwrap();
    let tool = async |arguments: [&str; 2], url: &str| {
        let mut tool = tokio::process::Command::new(env!("CARGO_BIN_EXE_origin"));
        let output =
            tool.args(arguments).env("DATABASE_URL", url).env("EDGE_ORIGIN_KEYS", KEYS).output().await.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let url = world.variable("DATABASE_URL").unwrap();
    assert!(tool(["backup", file], &url).await.0, "while the origin works");
    let (succeeded, told) = tool(["restore", file], &url).await;
    assert!(!succeeded && told.contains("not empty"), "{told}");
    world.stop().await;
    let new = world.another_database().await;
    let whole = std::fs::read_to_string(file).unwrap();
    for (spoilt, because) in [
        (whole[..whole.len() - 30].to_owned(), "no line of a backup"),
        (whole.lines().take(whole.lines().count() - 1).map(|line| format!("{line}\n")).collect(), "cut off"),
        (whole.replacen("\"version\":", "\"version\":9", 1), "made it"),
        (String::new(), "cut off"),
    ] {
        std::fs::write(file, spoilt).unwrap();
        let (succeeded, told) = tool(["restore", file], &new).await;
        assert!(!succeeded && told.contains(because), "{because}: {told}");
    }
    std::fs::write(file, &whole).unwrap();
    let (succeeded, told) = tool(["restore", file], &new).await;
    assert!(succeeded, "{told}");
    std::fs::remove_file(file).unwrap();
    world.start().await;
    assert_eq!(world.view(paid.order_id).await.status, OrderStatus::Paid);
    world.paystack.pay(&waiting.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
    world.until("the edge knows", async || world.edge.told(waiting.order_id).len() >= 2).await;
    assert_eq!(world.count("SELECT count(*) AS n FROM ledger_entry WHERE cause = 'sale'").await, 2);
}
