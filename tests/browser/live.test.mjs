// Live stock on an open page: what changes is shown without a reload and read out politely, and a socket that was lost comes back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { killEdge, moveStock, open, product, startBrowser, startShop } from "./shop.mjs";

let shop;
let browser;

before(async () => {
  shop = await startShop([
    product("KETTLE", "Brass kettle", 4),
    product("LAMP", "Storm lamp", 9),
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

/** An open page that follows its product; `said` is what screen readers were given. */
async function watch(words, problems) {
  const context = await browser.newContext();
  const page = await open(context, problems);
  const heard = new Promise((done) => page.on("websocket", (socket) => socket.on("framereceived", done)));
  await page.goto(await productPath(words));
  await page.evaluate(() => {
    window.said = [];
    const announcer = document.querySelector("#announcer");
    new MutationObserver(() => window.said.push(announcer.textContent)).observe(announcer, { childList: true });
  });
  await heard;
  return { page, context, said: () => page.evaluate(() => window.said) };
}

const shows = (page, words) => page.locator("#stock", { hasText: new RegExp(`^\\s*${words}\\s*$`) }).waitFor();

async function eventually(what, look) {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await look()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`waited in vain for ${what}`);
}

test("few left, sold out and back in stock are shown without a reload, and each is said once", async () => {
  const problems = [];
  const { page, context, said } = await watch("brass kettle", problems);
  await shows(page, "Only 4 left");
  // What merely arrives late is no change.
  await page.waitForTimeout(1_500);
  assert.deepEqual(await said(), []);
  assert.equal((await moveStock(shop, "KETTLE")).viewers, 1);

  await moveStock(shop, "KETTLE", "write-off", "1", "--reason", "fell");
  await shows(page, "Only 3 left");
  await eventually("the words", async () => (await said()).length === 1);
  await moveStock(shop, "KETTLE", "write-off", "3", "--reason", "fell");
  await shows(page, "Sold out");
  assert.equal(await page.getByRole("button", { name: "Add to cart" }).isDisabled(), true);
  await eventually("the words", async () => (await said()).length === 2);
  await moveStock(shop, "KETTLE", "receive", "10");
  await shows(page, "Back in stock");
  assert.equal(await page.getByRole("button", { name: "Add to cart" }).isDisabled(), false);
  await eventually("the words", async () => (await said()).length === 3);
  // Ten or fifteen are the same to whoever wants one.
  await moveStock(shop, "KETTLE", "receive", "5");
  await page.waitForTimeout(2_000);
  assert.deepEqual(await said(), ["Only 3 left", "Sold out", "Back in stock"]);
  assert.deepEqual(problems, []);
  await context.close();
});

test("an option that is gone or back says so to everybody, and only the chosen variant is announced", async () => {
  const problems = [];
  const { page, context, said } = await watch("indigo tunic", problems);
  await page.getByRole("link", { name: /^L\s*, sold out$/ }).waitFor();
  await moveStock(shop, "TUNIC-L", "receive", "2");
  await page.getByRole("link", { name: "L", exact: true }).waitFor();
  await page.waitForTimeout(1_500);
  assert.deepEqual(await said(), []);

  // The other variant's words are there as soon as it is chosen, and what is chosen is no change either.
  await page.getByRole("link", { name: "L", exact: true }).click();
  await shows(page, "Only 2 left");
  await page.waitForTimeout(1_500);
  assert.deepEqual((await said()).filter((words) => words.includes("left")), []);
  await moveStock(shop, "TUNIC-L", "write-off", "2", "--reason", "fell");
  await shows(page, "Sold out");
  await eventually("the words", async () => (await said()).at(-1) === "Sold out");
  assert.deepEqual(problems, []);
  await context.close();
});

test("a page that lost its socket comes back by itself and says what changed meanwhile", { timeout: 180_000 }, async () => {
  const { page, context, said } = await watch("storm lamp", []);
  await shows(page, "In stock");
  await killEdge(shop);
  await eventually("the end", () => fetch(`${shop.shop}/healthz`).then(() => false, () => true));
  // As soon as the shop is there again, and most likely before the page is.
  await eventually("the edge", async () => moveStock(shop, "LAMP", "count", "2", "--reason", "fire").then(() => true, () => false));
  await page.locator("#stock", { hasText: "Only 2 left" }).waitFor({ timeout: 90_000 });
  await eventually("the words", async () => (await said()).length > 0);
  assert.deepEqual(await said(), ["Only 2 left"]);
  // It follows again, and was not just lucky.
  await moveStock(shop, "LAMP", "write-off", "2", "--reason", "fell");
  await shows(page, "Sold out");
  await context.close();
});

test("a page that nobody sees holds no socket", async () => {
  const { page, context } = await watch("brass kettle", []);
  await eventually("the viewer", async () => (await moveStock(shop, "KETTLE")).viewers === 1);
  // Going elsewhere leaves the page behind, perhaps kept for the way back.
  await page.goto(`${shop.shop}/cart`);
  await eventually("nobody", async () => (await moveStock(shop, "KETTLE")).viewers === 0);
  await page.goBack();
  await eventually("the viewer", async () => (await moveStock(shop, "KETTLE")).viewers === 1);
  await context.close();
});

test("a product's page is at most 30 KB with its styles and its script", async () => {
  const address = await productPath("indigo tunic");
  const html = await (await fetch(address)).text();
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/app-[^"]+)"/g)].map(([, path]) => path);
  assert.equal(new Set(files).size, 2, "one of styles, one script");
  const all = [html, ...await Promise.all([...new Set(files)].map(async (path) => (await fetch(shop.shop + path)).text()))];
  const bytes = all.map((text) => gzipSync(text).length);
  assert.ok(bytes.reduce((sum, part) => sum + part) <= 30 * 1024, `${bytes}`);
});
