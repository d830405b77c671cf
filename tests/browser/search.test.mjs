// Search as a person uses it, in a real browser: typing, arrows, filters and the way back, with JavaScript and without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, startBrowser, startShop } from "./shop.mjs";

const product = (number, title, more) => ({
  sku: `SKU-${number}`, title, price: String(1_000 * (number + 1)), currency: "NGN", stock: number % 3 ? 4 : 0, brand: "Gwandu",
  category: "Home/Kitchen", description: "Made to last.", attributes: { Material: "Steel" }, ...more,
});

const KETTLES = Array.from({ length: 30 }, (_, number) =>
  product(number, `Kettle number ${number}`, { brand: number % 2 ? "Gwandu" : "Zaria & Sons" }));
const LAMPS = Array.from({ length: 3 }, (_, number) =>
  product(50 + number, `Brass lamp ${number}`, { category: "Light", brand: "Argungu" }));

let shop;
let browser;

before(async () => {
  shop = await startShop([...KETTLES, ...LAMPS]);
  browser = await startBrowser();
}, { timeout: 900_000 });

after(async () => {
  await browser?.close();
  await shop?.stop();
});

/** Runs `act` on a page of its own, and fails when a script fails or the content security policy is broken. */
async function onPage(options, act) {
  const problems = [];
  const context = await browser.newContext(options);
  try {
    const page = await open(context, problems);
    await act(page);
    assert.deepEqual(problems, []);
  } finally {
    await context.close();
  }
}

const field = (page) => page.locator("#q");
const count = (page) => page.locator("#result-count");
const parameters = (page) => new URL(page.url()).searchParams;

test("what is typed is answered at every key, and arrows go through the answers", async () => {
  await onPage({}, async (page) => {
    await page.goto(shop.shop);
    await field(page).pressSequentially("brass la");
    const first = page.getByRole("option", { name: /Brass lamp/ }).first();
    await first.waitFor();
    assert.equal(await field(page).getAttribute("aria-expanded"), "true");
    assert.equal(await field(page).getAttribute("aria-activedescendant"), null, "nothing is chosen by itself");
    const chosen = () => page.locator("[role=option][aria-selected=true]");
    const active = async () => page.locator(`[id="${await field(page).getAttribute("aria-activedescendant")}"]`);

    await page.keyboard.press("ArrowDown");
    assert.equal(await chosen().count(), 1);
    assert.equal(await (await active()).getAttribute("aria-selected"), "true");
    await page.keyboard.press("End");
    assert.match(await chosen().textContent(), /See all results for “brass la”/);
    await page.keyboard.press("ArrowDown");
    assert.equal(await chosen().count(), 0, "after the last comes the field");
    await page.keyboard.press("ArrowUp");
    assert.match(await chosen().textContent(), /See all/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/search\?q=brass%20la%2A$/);
  });
});

test("escape closes the list first and empties the field after that, and tab leaves both", async () => {
  await onPage({}, async (page) => {
    await page.goto(shop.shop);
    await field(page).pressSequentially("kettle");
    await page.getByRole("option", { name: /Kettle/ }).first().waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#live").waitFor({ state: "hidden" });
    assert.equal(await field(page).inputValue(), "kettle");
    await page.keyboard.press("Escape");
    assert.equal(await field(page).inputValue(), "");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.getByRole("option", { name: /Kettle/ }).count(), 0, "the list is that of an empty field");
    await page.keyboard.press("Escape");
    await field(page).pressSequentially("kettle");
    await page.getByRole("option", { name: /See all results for “kettle”/ }).waitFor();
    await page.keyboard.press("Tab");
    await page.locator("#live").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Search");
  });
});

test("one more letter lets go of what was chosen", async () => {
  await onPage({}, async (page) => {
    await page.goto(shop.shop);
    await field(page).pressSequentially("kettle");
    await page.getByRole("option", { name: /Kettle/ }).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("s");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/search\?q=kettles$/);
  });
});

test("answers that come too late are not shown", async () => {
  await onPage({}, async (page) => {
    await page.route("**/search/live?q=kettle", async (route) => {
      await new Promise((done) => setTimeout(done, 1_500));
      await route.continue().catch(() => {});
    });
    await page.goto(shop.shop);
    await field(page).fill("kettle");
    await page.waitForTimeout(200);
    await field(page).fill("brass");
    await page.getByRole("option", { name: /Brass lamp/ }).first().waitFor();
    await page.waitForTimeout(1_800);
    assert.equal(await page.getByRole("option", { name: /Kettle/ }).count(), 0);
  });
});

test("the open list is a combobox with groups for those who hear it", async () => {
  await onPage({}, async (page) => {
    await page.goto(shop.shop);
    await field(page).pressSequentially("brass");
    await page.getByRole("option", { name: /Brass lamp/ }).first().waitFor();
    const tree = await page.locator("form.search").ariaSnapshot();
    assert.match(tree, /- combobox "Search the shop" \[expanded\]/, tree);
    assert.match(tree, /- listbox "Suggestions":/, tree);
    assert.match(tree, /- group "Categories":\s+- option "in Light \(3\)"/, tree);
    assert.match(tree, /- group "Products":\s+- option "Brass lamp \d ₦[\d,]+/, tree);
    assert.match(tree, /- option "See all results for “brass”"/, tree);
    await page.locator("#announcer", { hasText: /suggestions, 3 products/ }).waitFor();
  });
});

test("searches of one's own are offered again, and can be forgotten one by one or all", async () => {
  await onPage({}, async (page) => {
    const asked = [];
    for (const words of ["lamp", "kettle", "brass lamp"]) await page.goto(`${shop.shop}/search?q=${encodeURIComponent(words)}`);
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(shop.shop);
    await field(page).focus();
    const mine = page.getByRole("group", { name: "Recent searches" }).getByRole("option");
    await mine.first().waitFor();
    assert.deepEqual(await mine.allTextContents(), ["brass lamp", "kettle", "lamp"]);
    await page.getByRole("button", { name: "Remove kettle from recent searches" }).click();
    assert.deepEqual(await mine.allTextContents(), ["brass lamp", "lamp"]);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Delete");
    assert.deepEqual(await mine.allTextContents(), ["lamp"]);
    const clear = page.getByRole("button", { name: "Clear all recent searches" });
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.ok(await clear.evaluate((button) => button === document.activeElement), "after the form's own button");
    await page.keyboard.press("Enter");
    assert.equal(await mine.count(), 0);
    assert.equal(asked.filter((url) => /lamp|kettle/.test(decodeURIComponent(url)) && url.includes("/search")).length, 0,
      "what was searched for stays in the browser");
  });
});

test("filters narrow the page in place, stand in its address, and come back with it", async () => {
  await onPage({}, async (page) => {
    await page.goto(`${shop.shop}/search?q=kettle`);
    await count(page).getByText("30 products").waitFor();
    await page.evaluate(() => { window.samePage = true; });
    const box = page.getByRole("checkbox", { name: /Zaria & Sons/ });
    await box.focus();
    await page.keyboard.press("Space");
    await count(page).getByText("15 products").waitFor();
    await page.locator("#announcer", { hasText: "15 products" }).waitFor({ state: "attached" });
    assert.equal(page.url(), `${shop.shop}/search?q=kettle&brand=Zaria+%26+Sons`);
    assert.ok(await box.evaluate((element) => element === document.activeElement), "the focus stays");
    await page.getByLabel("In stock only").check();
    await count(page).getByText("10 products").waitFor();
    await page.getByLabel("Sort by").selectOption("price_desc");
    await page.waitForURL(/sort=price_desc/);
    assert.deepEqual(Object.fromEntries(parameters(page)),
      { q: "kettle", brand: "Zaria & Sons", available: "1", sort: "price_desc" });

    await page.goBack();
    await page.waitForURL((url) => !url.search.includes("sort"));
    await page.goBack();
    await count(page).getByText("15 products").waitFor();
    assert.ok(await box.isChecked());
    assert.equal(await page.getByLabel("In stock only").isChecked(), false);
    await page.getByRole("link", { name: "Remove filter: Zaria & Sons" }).click();
    await count(page).getByText("30 products").waitFor();
    assert.equal(page.url(), `${shop.shop}/search?q=kettle`);
    assert.ok(await page.evaluate(() => window.samePage), "nothing was loaded anew");
  });
});

test("on a phone the panel stays open while filters are chosen, and says what it will show", async () => {
  await onPage({ viewport: { width: 360, height: 700 } }, async (page) => {
    await page.goto(`${shop.shop}/search?q=kettle`);
    await page.getByRole("link", { name: /^Filters/ }).click();
    await page.getByRole("checkbox", { name: /Gwandu/ }).check();
    const show = page.getByRole("link", { name: "Show 15 products" });
    await show.waitFor();
    assert.ok(await page.getByRole("checkbox", { name: /Gwandu/ }).isVisible());
    await show.click();
    await page.getByRole("checkbox", { name: /Gwandu/ }).waitFor({ state: "hidden" });
    await page.getByRole("link", { name: "Filters (1)" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("checkbox", { name: /Gwandu/ }).waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.className), "button quiet open-filters");
    await page.goBack();
    await count(page).getByText("30 products").waitFor();
    await page.getByRole("link", { name: "Filters", exact: true }).waitFor();
  });
});

test("what is shown stays while there is no connection", async () => {
  const context = await browser.newContext();
  const problems = [];
  try {
    const page = await open(context, problems);
    await page.goto(`${shop.shop}/search?q=kettle`);
    await page.context().setOffline(true);
    await page.getByRole("checkbox", { name: /Gwandu/ }).check();
    await page.getByText("You are offline.").first().waitFor();
    assert.equal(await page.locator(".card").count(), 24);
    await page.context().setOffline(false);
    await page.getByRole("checkbox", { name: /Gwandu/ }).uncheck();
    await page.getByRole("checkbox", { name: /Gwandu/ }).check();
    await count(page).getByText("15 products").waitFor();
    assert.equal(await page.getByText("You are offline.").count(), 0);
    // The browser and htmx tell of what could not be fetched, and of nothing else.
    assert.deepEqual(problems.filter((problem) => !/INTERNET_DISCONNECTED|Failed to fetch/.test(problem)), []);
  } finally {
    await context.close();
  }
});

test("all results are those that the list has counted", async () => {
  await onPage({}, async (page) => {
    await page.goto(shop.shop);
    await field(page).pressSequentially("brass ke");
    const all = page.getByRole("option", { name: /See all results for “brass ke”/ });
    await all.waitFor();
    const counted = await page.locator("#live-list").getAttribute("data-count");
    await all.click();
    await page.getByRole("heading", { name: "Results for “brass ke…”" }).waitFor();
    await count(page).getByText(`${counted} product`).waitFor();
  });
});

test("both prices can be typed one after the other, however quickly", async () => {
  for (const delay of [0, 20, 300]) {
    await onPage({}, async (page) => {
      await page.goto(`${shop.shop}/search?q=kettle`);
      await page.getByLabel(/^From/).click();
      await page.keyboard.type("5000", { delay });
      await page.keyboard.press("Tab");
      await page.keyboard.type("20000", { delay });
      await page.keyboard.press("Enter");
      await page.waitForURL(/max_price=20000/);
      assert.deepEqual(Object.fromEntries(parameters(page)), { q: "kettle", min_price: "5000", max_price: "20000" });
      // Leaving both is as good as Enter.
      await page.getByLabel(/^To/).fill("10000");
      await page.keyboard.press("Tab");
      await page.waitForURL(/max_price=10000/);
      assert.equal(parameters(page).getAll("q").length, 1);
    });
  }
});

test("filters, order and pages need no JavaScript", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(shop.shop);
  await field(page).fill("kettle");
  await page.keyboard.press("Enter");
  await count(page).getByText("30 products").waitFor();
  await page.getByRole("link", { name: "Next" }).click();
  await page.waitForURL(/page=2/);
  assert.equal(await page.locator(".card").count(), 6);
  await page.getByRole("checkbox", { name: /Gwandu/ }).check();
  await page.getByLabel("In stock only").check();
  await page.getByRole("button", { name: "Show results" }).click();
  await count(page).getByText("10 products").waitFor();
  assert.ok(await page.getByRole("checkbox", { name: /Gwandu/ }).isChecked());
  await page.getByLabel("Sort by").selectOption("price_asc");
  await page.getByRole("button", { name: "Sort" }).click();
  await count(page).getByText("10 products").waitFor();
  assert.equal(parameters(page).get("sort"), "price_asc");
  await page.getByRole("link", { name: "Clear all" }).click();
  await count(page).getByText("30 products").waitFor();
  await context.close();
});

test("a page without results says why and leads on", async () => {
  await onPage({}, async (page) => {
    await page.goto(`${shop.shop}/search?q=kettle&brand=Argungu`);
    await page.getByRole("heading", { name: "No product matches these filters" }).waitFor();
    await page.getByRole("link", { name: "Without Argungu" }).click();
    await count(page).getByText("30 products").waitFor();
    await page.goto(`${shop.shop}/search?q=zzxqv`);
    await page.getByRole("heading", { name: /No product matches “zzxqv”/ }).waitFor();
    await page.getByRole("main").getByRole("link", { name: "Light" }).click();
    await count(page).getByText("3 products").waitFor();
  });
});

test("an address that makes no sense is refused with a way back", async () => {
  for (const wrong of ["page=abc", "page=1000000000", "page=0", "stars=9", "available=maybe", "sort=colour"]) {
    const answer = await fetch(`${shop.shop}/search?q=kettle&${wrong}`);
    const text = await answer.text();
    assert.equal(answer.status, 400, wrong);
    assert.match(text, /href="\/search\?q=kettle"[^>]*>See the results without it/, wrong);
    const api = await fetch(`${shop.shop}/api/v1/search?q=kettle&${wrong}`);
    assert.equal(api.status, 400, wrong);
    assert.match(api.headers.get("content-type"), /problem\+json/, wrong);
  }
  const odd = await fetch(`${shop.shop}/search?q=kettle&utm_source=mail`);
  assert.equal(odd.status, 200, "what means nothing here is left alone");
});

test("search fits the smallest phone, list and panel open", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await onPage({ viewport: { width: 320, height: 640 }, colorScheme }, async (page) => {
      const isWide = () => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      for (const path of ["/search?q=kettle&brand=Gwandu&available=1", "/search?q=zzxqv", "/search?page=abc", "/c/home"]) {
        await page.goto(`${shop.shop}${path}`);
        assert.equal(await isWide(), false, path);
      }
      await page.goto(`${shop.shop}/search?q=kettle#filters`);
      assert.equal(await isWide(), false, "panel");
      await page.goto(shop.shop);
      await field(page).pressSequentially("kettle");
      await page.getByRole("option", { name: /Kettle/ }).first().waitFor();
      assert.equal(await isWide(), false, "list");
      const [above, below] = [await field(page).boundingBox(), await page.locator("#live").boundingBox()];
      assert.ok(below.y >= above.y + above.height, "the list never covers the field");
    });
  }
});
