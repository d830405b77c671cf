//! The sandbox as a program: how it starts, refuses to start, stops, and what it remembers when it is killed.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::SECRET;

/// A running program, killed at the end of the test.
struct Program {
    child: Child,
    url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(listen: &str, secret: &str, state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.env("SANDBOX_LISTEN", listen).env("PAYSTACK_SECRET_KEY", secret).env("SANDBOX_STATE", state);
    // Nobody listens there; nothing in these tests is delivered.
    command.env("SANDBOX_WEBHOOKS_URL", "http://127.0.0.1:9/webhooks");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(state: &Path) -> Program {
    let mut child = command("127.0.0.1:0", SECRET, state).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let rest = line.strip_prefix("sandbox listening on ").unwrap_or_else(|| panic!("{line:?}"));
    let url = rest.split(' ').next().unwrap().to_owned();
    Program { child, url }
}

fn refusal(listen: &str, secret: &str, state: &Path) -> String {
    let mut child = command(listen, secret, state).spawn().unwrap();
    assert!(!child.wait().unwrap().success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    said
}

#[tokio::test]
async fn a_killed_gateway_remembers_its_payments() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("payments.jsonl");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let program = start(&state);
    let body = json!({"email": "ada@example.com", "amount": 100, "reference": "ref-1"});
    let begun = client.post(format!("{}/paystack/transaction/initialize", program.url)).bearer_auth(SECRET).json(&body);
    assert_eq!(begun.send().await.unwrap().status(), 200);
    let paid = client.post(format!("{}/control/payments/ref-1", program.url)).json(&json!({"action": "pay"}));
    assert_eq!(paid.send().await.unwrap().status(), 200);
    drop(program);

    let program = start(&state);
    let url = format!("{}/paystack/transaction/verify/ref-1", program.url);
    let answer: Value = client.get(url).bearer_auth(SECRET).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"]["status"], "success");
}

#[test]
fn a_gateway_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("payments.jsonl");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let said = refusal(&listen, SECRET, &state);
    assert!(said.contains(&format!("{listen} is taken")) && said.contains("SANDBOX_LISTEN"), "{said}");
    assert!(refusal("127.0.0.1:0", "", &state).contains("PAYSTACK_SECRET_KEY is empty"));
    let mut half = command("127.0.0.1:0", SECRET, &state);
    let output = half.env("MONNIFY_API_KEY", "MK_TEST_1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("MONNIFY_SECRET_KEY is not set"), "{said}");
    std::fs::write(&state, "nonsense\n").unwrap();
    let said = refusal("127.0.0.1:0", SECRET, &state);
    assert!(said.contains("line 1 is damaged") && said.contains("payments.jsonl"), "{said}");
    assert!(!said.contains(SECRET));
}

#[test]
fn a_gateway_that_is_told_to_stop_stops_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut program = start(&folder.path().join("payments.jsonl"));
        let kill = Command::new("kill").args([signal, &program.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert!(program.child.wait().unwrap().success(), "{signal}");
    }
}
