// A flash sale as people meet it in a real browser: with JavaScript and without, by keyboard, on small and large screens.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { ROOT, open, product, startBrowser, startShop } from "./shop.mjs";

let shop;
let browser;

before(async () => {
  shop = await startShop([
    product("LANTERN", "Storm lantern", 20), product("CANDLE", "Beeswax candle", 20), product("TORCH", "Pocket torch", 20),
  ]);
  browser = await startBrowser();
  // Whatever has to be compiled is, before the first sale's times run.
  await operate("list");
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await shop?.stop();
});

/** Sets a sale of one product that starts in so many seconds, with the operator's own command. */
async function setSale(slug, sku, startsIn, more = {}) {
  const at = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();
  const file = join(shop.state, `${slug}.json`);
  await writeFile(file, JSON.stringify({
    slug, title: `${sku} for the evening`, gathers_at: at(-1), starts_at: at(startsIn), ends_at: at(startsIn + 1_800),
    rate: 600, pass_minutes: 5, products: [{ units_max: 2, variants: [{ sku, price: "9900", currency: "NGN" }] }], ...more,
  }));
  await operate("set", file);
}

/** Runs the operator's command. */
async function operate(...words) {
  const child = spawn("cargo", ["xtask", "sale", ...words, "--state", join(shop.state, "shop")], { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
  let told = "";
  child.stderr.on("data", (text) => { told += text; });
  const code = await new Promise((done) => child.on("exit", done));
  assert.equal(code, 0, told);
}

/** The code that came to an address last. */
async function codeFor(email) {
  for (let tries = 0; tries < 50; tries += 1) {
    const { messages } = await (await fetch(`${shop.sandbox}/control/inbox`)).json();
    const mail = messages.find(({ to }) => to === email);
    if (mail) return { code: mail.subject.slice(0, 6), link: mail.text.match(/http\S+/)[0] };
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no mail to ${email}`);
}

async function joinSale(page, slug, email) {
  await page.goto(`${shop.shop}/sale/${slug}`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByRole("button", { name: "Send me a code" }).click();
  await page.getByLabel("Code", { exact: true }).waitFor();
  // Reloading asks for the same code again.
  await page.reload();
  await page.getByLabel("Code", { exact: true }).fill((await codeFor(email)).code);
  await page.getByRole("button", { name: "Take my place" }).click();
}

async function buy(page, email) {
  await page.getByRole("button", { name: /Add to cart/ }).click();
  await page.waitForURL(`${shop.shop}/cart`);
  await page.getByText("₦9,900").first().waitFor();
  await page.getByRole("link", { name: /check ?out/i }).click();
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Full name").fill("Ada Obi");
  await page.getByLabel("Street and house number").fill("12 Marina");
  await page.getByLabel("Town or city").fill("Lagos");
  await page.getByLabel("Country").selectOption("NG");
  await page.getByLabel("Telephone number").fill("0803 123 4567");
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL((url) => url.href.startsWith(shop.sandbox));
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL(/\/orders\//);
  await page.getByRole("heading", { name: /paid|thank/i }).first().waitFor();
}

test("somebody joins, waits, is let in without a reload, and buys at the sale's price", async () => {
  await setSale("lanterns", "LANTERN", 15);
  const problems = [];
  const context = await browser.newContext();
  const page = await open(context, problems);

  // The product's page leads there instead of into a refusal.
  const { hits } = await (await fetch(`${shop.shop}/api/v1/search?q=storm%20lantern`)).json();
  await page.goto(`${shop.shop}/p/${hits[0].slug}`);
  assert.equal(await page.getByRole("button", { name: "Add to cart" }).count(), 0);
  await page.getByRole("link", { name: "To the sale" }).click();
  await page.waitForURL(/\/sale\/lanterns/);

  await page.getByRole("button", { name: "Send me a code" }).click();
  await page.getByRole("alert").waitFor();
  await joinSale(page, "lanterns", "ada@example.com");
  await page.getByRole("heading", { name: "You are in the draw" }).waitFor();
  const before = await page.locator("[data-countdown]").textContent();
  await page.waitForFunction((text) => document.querySelector("[data-countdown]").textContent !== text, before);
  // Another tab is the same place.
  const tab = await open(context, problems);
  await tab.goto(`${shop.shop}/sale/lanterns`);
  await tab.getByRole("heading", { name: "You are in the draw" }).waitFor();

  let loads = 0;
  page.on("load", () => { loads += 1; });
  await page.getByRole("heading", { name: "It is your turn" }).waitFor({ timeout: 60_000 });
  assert.equal(loads, 0, "it came by itself");
  await buy(page, "ada@example.com");
  assert.deepEqual(problems, []);
  await context.close();
});

test("a sale needs no JavaScript, and goes on on another device", async () => {
  await setSale("candles", "CANDLE", 12);
  const phone = await browser.newContext({ javaScriptEnabled: false });
  const page = await phone.newPage();
  await joinSale(page, "candles", "obi@example.com");
  await page.getByRole("heading", { name: "You are in the draw" }).waitFor();

  const laptop = await browser.newContext({ javaScriptEnabled: false });
  const other = await laptop.newPage();
  const { link } = await codeFor("obi@example.com");
  await other.goto(link);
  await other.getByRole("button", { name: "Take my place" }).click();
  await other.getByRole("heading", { name: /You are in the draw|You have a place|It is your turn/ }).waitFor();

  // The page loads itself again, when it starts.
  await page.getByRole("heading", { name: "It is your turn" }).waitFor({ timeout: 60_000 });
  await buy(page, "obi@example.com");
  await other.goto(`${shop.shop}/sale/candles`);
  await other.getByRole("heading", { name: "It is your turn" }).waitFor();
  await phone.close();
  await laptop.close();
});

test("a sale is joined by keyboard alone, and a wrong code says so beside its field", async () => {
  await setSale("torches", "TORCH", 600);
  const problems = [];
  const context = await browser.newContext();
  const page = await open(context, problems);
  await page.goto(`${shop.shop}/sale/torches`);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  const tabTo = async (what) => {
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press("Tab");
      if ((await focused()) === what) return;
    }
    assert.fail(`${what} cannot be reached`);
  };
  await tabTo("email");
  await page.keyboard.type("ngozi@example.com");
  await page.keyboard.press("Enter");
  await page.getByLabel("Code", { exact: true }).waitFor();
  const { code } = await codeFor("ngozi@example.com");
  await tabTo("code");
  await page.keyboard.type(code === "000000" ? "000001" : "000000");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  assert.match(await page.locator("#code-problem").textContent(), /wrong or too old/);
  await tabTo("code");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(code);
  await tabTo("Take my place");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "You are in the draw" }).waitFor();
  await tabTo("Check the draw yourself");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "How it is drawn" }).click();
  await page.getByRole("heading", { name: "How the order is drawn" }).waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("no page of a sale scrolls sideways on a small phone", async () => {
  const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
  const page = await context.newPage();
  for (const path of ["/sale/torches", "/sale/torches/draw", "/sale/nowhere"]) {
    await page.goto(`${shop.shop}${path}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth), false, path);
  }
  await context.close();
});
