// The cart as people meet it in a real browser: in several windows, without JavaScript, on small screens, and when they change their mind.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, product, startBrowser, startShop } from "./shop.mjs";

let shop;
let browser;

before(async () => {
  shop = await startShop([
    product("KETTLE", "Brass kettle with an uncommonly long name that has to find room on every screen", 40),
    product("LADLE", "Long ladle", 2), product("WHISK", "Wire whisk", 40),
  ]);
  browser = await startBrowser();
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await shop?.stop();
});

async function productPath(words) {
  const { hits } = await (await fetch(`${shop.shop}/api/v1/search?q=${encodeURIComponent(words)}`)).json();
  return `${shop.shop}/p/${hits[0].slug}`;
}

async function put(page, words) {
  await page.goto(await productPath(words));
  await page.getByRole("button", { name: "Add to cart" }).click();
}

async function toThePayment(page, email) {
  await page.goto(`${shop.shop}/checkout`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Full name").fill("Ada Obi");
  await page.getByLabel("Street and house number").fill("12 Marina");
  await page.getByLabel("Town or city").fill("Lagos");
  await page.getByLabel("Country").selectOption("NG");
  await page.getByLabel("Telephone number").fill("0803 123 4567");
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL((url) => url.href.startsWith(shop.sandbox));
}

test("an open cart shows what was changed in another window and on another device", async () => {
  const problems = [];
  const context = await browser.newContext();
  const page = await open(context, problems);
  await put(page, "brass kettle");
  await page.locator("#cart-count", { hasText: "1" }).waitFor();
  await page.goto(`${shop.shop}/cart`);
  const link = await page.locator("#cart-link").inputValue();

  // Another window of the same browser: at once.
  const other = await open(context, problems);
  await put(other, "wire whisk");
  await page.getByRole("heading", { name: "Wire whisk" }).waitFor();

  // Another device: when somebody looks at this window again.
  const phone = await browser.newContext();
  const there = await open(phone, problems);
  await there.goto(link);
  await there.getByRole("button", { name: "Go on here" }).click();
  await there.getByRole("button", { name: "Remove Wire whisk" }).click();
  await there.getByRole("heading", { name: "Wire whisk" }).waitFor({ state: "detached" });
  await page.waitForTimeout(2_100);
  assert.equal(await page.getByRole("heading", { name: "Wire whisk" }).count(), 1);
  // What is being typed is not taken away.
  await page.getByLabel(/Quantity of Brass/).fill("3");
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.waitForTimeout(500);
  assert.equal(await page.getByLabel(/Quantity of Brass/).inputValue(), "3");
  await page.getByLabel(/Quantity of Brass/).fill("1");
  await page.waitForTimeout(2_100);
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.getByRole("heading", { name: "Wire whisk" }).waitFor({ state: "detached" });
  assert.deepEqual(problems, []);
  await context.close();
  await phone.close();
});

test("without JavaScript, adding too many says what to do", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const address = await productPath("long ladle");
  for (const quantity of ["5", "0"]) {
    await page.goto(address);
    await page.locator("form#add").evaluate((form) => form.setAttribute("novalidate", ""));
    await page.getByLabel("Quantity").fill(quantity);
    await page.getByRole("button", { name: "Add to cart" }).click();
    await page.getByRole("heading", { name: "Not added to your cart" }).waitFor();
    await page.getByRole("link", { name: "Long ladle" }).waitFor();
  }
  await page.goto(address);
  await page.getByLabel("Quantity").fill("5");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.getByText("Only 2 can be had.").waitFor();
  assert.equal(await page.getByLabel(/^Quantity/).inputValue(), "2");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.waitForURL(`${shop.shop}/cart`);
  // With all there are in the cart, there is nothing to offer but the ways on.
  await page.goto(address);
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.getByText("Only 2 can be had, and 2 are in your cart.").waitFor();
  assert.equal(await page.getByLabel(/^Quantity/).count(), 0);
  await page.getByRole("link", { name: "Back to the product" }).click();
  await page.getByRole("heading", { name: "Long ladle" }).waitFor();
  await context.close();
});

test("a full cart does not scroll sideways on a small phone, with and without JavaScript", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const context = await browser.newContext({ viewport: { width: 320, height: 640 }, javaScriptEnabled });
    const page = await context.newPage();
    for (const words of ["brass kettle", "wire whisk"]) {
      await put(page, words);
      if (javaScriptEnabled) await page.getByText("In your cart").waitFor();
    }
    await page.goto(`${shop.shop}/cart`);
    await page.getByRole("button", { name: "Save for later Wire whisk" }).click();
    await page.getByRole("heading", { name: "Saved for later" }).waitFor();
    // Scripts of the test run whether the page's may or not.
    const wide = await page.evaluate(() => [...document.querySelectorAll("main *")].filter((it) => it.getBoundingClientRect().right > innerWidth + 1).map((it) => it.className || it.tagName));
    assert.deepEqual(wide, [], `JavaScript: ${javaScriptEnabled}`);
    await context.close();
  }
});

test("a payment that was given up and is made all the same goes back, and nothing is sold twice", async () => {
  const problems = [];
  const context = await browser.newContext();
  const page = await open(context, problems);
  await put(page, "wire whisk");
  await page.locator("#cart-count", { hasText: "1" }).waitFor();
  await toThePayment(page, "ada@example.com");

  const tab = await open(context, problems);
  await tab.goto(`${shop.shop}/cart`);
  await tab.getByRole("button", { name: "Give up and change the cart" }).click();
  await tab.getByRole("link", { name: "Check out" }).first().waitFor();

  // The gateway's page is still open, and takes the money.
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL(/\/orders\//);
  await page.getByText("It was paid after it had been given up.").waitFor();
  const isBack = async () => (await page.getByText("What was paid has gone back.").count()) > 0;
  for (let tries = 0; tries < 30 && !(await isBack()); tries += 1) {
    await page.waitForTimeout(1_000);
    await page.reload();
  }
  assert.ok(await isBack());
  // The cart is as it was, and is bought as one order.
  await toThePayment(tab, "ada@example.com");
  await tab.getByRole("button", { name: /^pay/i }).click();
  await tab.waitForURL(/\/orders\//);
  await tab.getByRole("heading", { name: /paid|thank/i }).first().waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("what is paid cannot be given up: the cart leads to the order", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await put(page, "wire whisk");
  await page.locator("#cart-count", { hasText: "1" }).waitFor();
  await toThePayment(page, "obi@example.com");
  const tab = await context.newPage();
  await tab.goto(`${shop.shop}/cart`);
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL(/\/orders\//);
  await tab.getByRole("button", { name: "Give up and change the cart" }).click();
  await tab.waitForURL(/\/orders\//);
  await tab.getByRole("heading", { name: /paid|thank/i }).first().waitFor();
  await context.close();
});
