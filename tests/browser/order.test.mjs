// An order's page as its buyer uses it: paying another way, and cancelling, without JavaScript; and what the page says by itself with it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, startBrowser, startShop } from "./shop.mjs";

let shop;
let browser;

before(async () => {
  shop = await startShop([{
    sku: "KETTLE", title: "Brass kettle", price: "12500", currency: "NGN", stock: 9, brand: "Gwandu",
    category: "Home/Kitchen", description: "Made to last.", attributes: { Material: "Steel" },
  }]);
  browser = await startBrowser();
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await shop?.stop();
});

async function call(path, token, body) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${shop.shop}/api/v1${path}`, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  return answer.json();
}

/** An order that waits for its payment: `{ href, reference }`. */
async function placed() {
  const cart = await call("/carts", null, {});
  await call(`/carts/${cart.id}/lines`, cart.token, { sku: "KETTLE", quantity: 1 });
  const order = await call("/checkouts", cart.token, {
    checkout_id: crypto.randomUUID(), cart_id: cart.id, email: "ada@example.com", delivery: "standard", gateway: "paystack",
    address: { name: "Ada Obi", line1: "12 Marina", city: "Lagos", region: "", country: "NG", phone: "0803 123 4567" },
  });
  return { href: `${shop.shop}/orders/${order.order_id}?token=${order.order_token}`, reference: order.payment.reference };
}

async function drive(reference, wish) {
  const answer = await fetch(`${shop.sandbox}/control/payments/${reference}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function fitsAPhone(page) {
  await page.setViewportSize({ width: 320, height: 640 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth), false);
}

test("an order is paid another way, cancelled and refunded without JavaScript", async () => {
  const { href } = await placed();
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(href);
  await page.getByRole("link", { name: "Pay with Paystack" }).waitFor();
  await page.getByText("Pay another way").click();
  await page.getByLabel("Stripe").check();
  await page.getByRole("button", { name: /^Pay ₦/ }).click();
  await page.waitForURL((url) => url.href.startsWith(shop.sandbox));
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL(/\/orders\//);
  await page.getByRole("heading", { name: "Thank you, your order is paid" }).waitFor();

  // Nothing is cancelled by the first press.
  await page.getByText("Cancel this order").click();
  await page.getByRole("button", { name: "Yes, cancel the order" }).click();
  await page.waitForURL(/\/orders\//);
  await page.getByRole("heading", { name: "Refunds" }).waitFor();
  for (let tries = 0; (await page.getByText("Your money was returned").count()) === 0; tries += 1) {
    assert.ok(tries < 60, await page.locator("main").innerText());
    await page.waitForTimeout(250);
    await page.reload();
  }
  await page.getByText("Cancelled by the buyer: 1 × Brass kettle, delivery").waitFor();
  assert.equal(await page.getByText("Cancel this order").count(), 0);
  await context.close();
});

test("a page that is open learns by itself that a payment was declined, and that it was paid after all", async () => {
  const problems = [];
  const { href, reference } = await placed();
  const context = await browser.newContext();
  const page = await open(context, problems);
  await page.goto(href);
  await page.getByText("Pay another way").click();
  await page.getByLabel("Monnify").check();
  await drive(reference, { action: "decline" });
  await page.getByRole("heading", { name: "Your payment did not go through" }).waitFor();
  await page.getByRole("button", { name: /^Pay ₦/ }).waitFor();
  assert.equal(await page.getByRole("radio").count(), 4, "the same again is one of the ways");
  await drive(reference, { action: "pay" });
  await page.getByRole("heading", { name: "Thank you, your order is paid" }).waitFor();
  await page.getByText("Cancel this order").waitFor();
  assert.equal(await page.getByRole("radio").count(), 0, "what is paid is not paid again");
  assert.deepEqual(problems, []);
  await context.close();
});

test("an order's page fits a small phone in every state", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const { href, reference } = await placed();
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await page.goto(href);
    await page.getByText("Pay another way").click();
    await fitsAPhone(page);
    await drive(reference, { action: "pay", amount: 100 });
    await page.getByRole("heading", { name: /We owe you a refund|Your money was returned/ }).waitFor();
    await page.getByText("Less was paid than the order costs").waitFor();
    await fitsAPhone(page);
    await context.close();
  }
});
