// A purchase as a person makes it, in a real browser: with JavaScript and without, with a pointer and with the keyboard alone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, product, startBrowser, startShop } from "./shop.mjs";

let shop;
let browser;

before(async () => {
  shop = await startShop([
    product("KETTLE", "Brass kettle", 4),
    product("LADLE", "Long ladle", 4),
    { ...product("TUNIC", "Indigo tunic", 9), category: "Clothes",
      variants: [{ sku: "TUNIC-M", options: { Size: "M" }, stock: 9 }, { sku: "TUNIC-L", options: { Size: "L" }, stock: 0 }] },
  ]);
  browser = await startBrowser();
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await shop?.stop();
});

async function productPath(words) {
  const answer = await fetch(`${shop.shop}/api/v1/search?q=${encodeURIComponent(words)}`);
  const { hits } = await answer.json();
  return `${shop.shop}/p/${hits[0].slug}`;
}

async function fillCheckout(page, email) {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Full name").fill("Ada Obi");
  await page.getByLabel("Street and house number").fill("12 Marina");
  await page.getByLabel("Town or city").fill("Lagos");
  await page.getByLabel("Country").selectOption("NG");
  await page.getByLabel("Telephone number").fill("0803 123 4567");
}

async function payFor(page) {
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL((url) => url.href.startsWith(shop.sandbox));
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL(/\/orders\//);
}

test("stock goes down on another open page when somebody buys", async () => {
  const problems = [];
  const context = await browser.newContext();
  const address = await productPath("brass kettle");
  const watching = await open(context, problems);
  await watching.goto(address);
  await watching.getByText("4 left").waitFor();

  const page = await open(context, problems);
  await page.goto(shop.shop);
  await page.getByRole("searchbox").or(page.getByRole("combobox")).first().fill("brass kett");
  await page.getByRole("option", { name: /Brass kettle/ }).click();
  await page.waitForURL(address);
  await page.getByLabel("Quantity").fill("2");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.locator("#cart-count", { hasText: "2" }).waitFor();
  await page.goto(`${shop.shop}/cart`);
  await page.getByText("₦25,000").first().waitFor();
  await page.getByRole("link", { name: /check ?out/i }).click();

  await fillCheckout(page, "not an address");
  await page.getByRole("button", { name: /^pay/i }).click();
  const summary = page.getByRole("alert").or(page.locator(".problem-summary")).first();
  await summary.waitFor();
  assert.equal(await page.getByLabel("Street and house number").inputValue(), "12 Marina", "nothing that was typed is lost");
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await payFor(page);
  await page.getByRole("heading", { name: /paid|thank/i }).first().waitFor();

  // The other page was told, without a reload.
  await watching.getByText("2 left").waitFor();
  await page.goto(`${shop.shop}/cart`);
  await page.getByText(/empty/i).first().waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("a purchase needs no JavaScript", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${shop.shop}/search?q=ladle`);
  await page.getByRole("link", { name: "Long ladle" }).click();
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.waitForURL(`${shop.shop}/cart`);
  await page.getByRole("link", { name: /check ?out/i }).click();
  await fillCheckout(page, "ada@example.com");
  await payFor(page);
  await page.getByRole("heading", { name: /paid|thank/i }).first().waitFor();
  await context.close();
});

test("search is found, used and left by keyboard alone", async () => {
  const problems = [];
  const context = await browser.newContext();
  const page = await open(context, problems);
  await page.goto(shop.shop);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to main content");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.type("indigo tu");
  await page.getByRole("option", { name: /Indigo tunic/ }).waitFor();
  // Categories come first, products after them.
  const chosen = page.getByRole("option", { name: /Indigo tunic/, selected: true });
  for (let step = 0; step < 5 && (await chosen.count()) === 0; step += 1) {
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/p\/indigo-tunic/);
  assert.deepEqual(problems, []);
  await context.close();
});

test("a variant that is sold out says so, and one that is not can be bought", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const address = await productPath("indigo tunic");
  await page.goto(`${address}?variant=TUNIC-L`);
  await page.locator("#stock", { hasText: "Sold out" }).waitFor();
  await page.goto(`${address}?variant=TUNIC-M`);
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.locator("#cart-count", { hasText: "1" }).waitFor();
  await context.close();
});

test("no page scrolls sideways on a small phone", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width: 320, height: 640 }, colorScheme });
    const page = await context.newPage();
    for (const path of ["/", "/search?q=kettle", "/search?q=nothing-like-it", "/c/home", "/c/home/kitchen", "/cart", "/nowhere"]) {
      await page.goto(`${shop.shop}${path}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      assert.equal(wide, false, `${path} in ${colorScheme}`);
    }
    await page.goto(await productPath("brass kettle"));
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth), false);
    await context.close();
  }
});
