// What an order costs, as a person sees it come about: a code that is typed, a total that follows the address, with JavaScript and
// without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, setRules, startBrowser, startShop } from "./shop.mjs";

const RULES = {
  taxes: [{ name: "VAT", rate: "7.5", country: "NG", included: true }],
  delivery: [
    { name: "Lagos", countries: ["NG"], regions: ["Lagos"],
      methods: [{ method: "standard", currency: "NGN", price: "1500" }, { method: "pickup", currency: "NGN", price: "0" }] },
    { name: "Nigeria", countries: ["NG"], methods: [{ method: "standard", currency: "NGN", price: "2500" }] },
  ],
  promotions: [
    { id: "welcome", name: "Welcome", code: "WELCOME10", percent: "10", borne_by: "shop", limit: 5 },
    { id: "rich", name: "Rich", code: "RICH", percent: "20", currency: "NGN", minimum: "90000", borne_by: "shop" },
  ],
};

let shop;
let browser;

before(async () => {
  shop = await startShop([{
    sku: "KETTLE", title: "Brass kettle", price: "12500", currency: "NGN", stock: 20, brand: "Gwandu", category: "Home/Kitchen",
    description: "Made to last.", attributes: {},
  }]);
  await setRules(shop, RULES);
  browser = await startBrowser();
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await shop?.stop();
});

async function cartWithKettle(page) {
  const answer = await fetch(`${shop.shop}/api/v1/search?q=kettle`);
  const { hits } = await answer.json();
  await page.goto(`${shop.shop}/p/${hits[0].slug}`);
  await page.getByText("Delivery to Nigeria from ₦2,500").waitFor();
  await page.getByRole("button", { name: "Add to cart" }).click();
}

async function fillCheckout(page) {
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Full name").fill("Ada Obi");
  await page.getByLabel("Street and house number").fill("12 Marina");
  await page.getByLabel("Town or city").fill("Ikeja");
  await page.getByLabel("Telephone number").fill("0803 123 4567");
}

async function payFor(page, amount) {
  await page.getByRole("button", { name: `Pay ${amount}` }).click();
  await page.waitForURL((url) => url.href.startsWith(shop.sandbox));
  await page.getByRole("button", { name: /^pay/i }).click();
  await page.waitForURL(/\/orders\//);
}

test("a code and the address change the total before anything is paid, and the order says why", async () => {
  const problems = [];
  const context = await browser.newContext();
  const page = await open(context, problems);
  await cartWithKettle(page);
  await page.locator("#cart-count", { hasText: "1" }).waitFor();
  await page.goto(`${shop.shop}/cart`);
  await page.getByLabel("Discount code").fill("never");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("We do not know this code").or(page.getByText("we do not know this code")).first().waitFor();
  await page.getByLabel("Discount code").fill("rich");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("this code needs ₦90,000").waitFor();
  await page.getByRole("button", { name: "Remove the code" }).click();
  await page.getByLabel("Discount code").fill("welcome10");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("saves you ₦1,250").waitFor();
  await page.getByRole("link", { name: /check ?out/i }).click();

  await page.getByRole("button", { name: "Pay ₦13,750" }).waitFor();
  await fillCheckout(page);
  await page.getByLabel("State, province or county").fill("Lagos");
  await page.getByLabel("Telephone number").focus();
  await page.getByRole("button", { name: "Pay ₦12,750" }).waitFor();
  assert.equal(await page.getByLabel("Full name").inputValue(), "Ada Obi", "what was typed stays");
  await page.getByLabel("Pick up yourself").check();
  await page.getByRole("button", { name: "Pay ₦11,250" }).waitFor();
  assert.equal(await page.getByLabel("Pick up yourself").isChecked(), true);
  await payFor(page, "₦11,250");
  await page.getByRole("heading", { name: /paid|thank/i }).first().waitFor();
  for (const words of ["Welcome", "of which VAT 7.5 %", "Pick up yourself, Lagos"]) await page.getByText(words).first().waitFor();
  await page.getByText("How this is worked out").click();
  await page.getByText("in the price").waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("without JavaScript the total is asked for by a button, and a code that was only typed is not paid over", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await cartWithKettle(page);
  await page.waitForURL(`${shop.shop}/cart`);
  await page.getByRole("link", { name: /check ?out/i }).click();
  await fillCheckout(page);
  await page.getByLabel("State, province or county").fill("Lagos");
  await page.getByRole("button", { name: "Update the total" }).click();
  await page.getByRole("button", { name: "Pay ₦14,000" }).waitFor();
  await page.getByLabel("Discount code").fill("welcome10");
  await page.getByRole("button", { name: "Pay ₦14,000" }).click();
  await page.getByRole("button", { name: "Pay ₦12,750" }).waitFor();
  assert.equal(await page.getByLabel("E-mail address").inputValue(), "ada@example.com");
  // Another place costs more: the shopper is asked first.
  await page.getByLabel("State, province or county").fill("Kano");
  await page.getByRole("button", { name: "Pay ₦12,750" }).click();
  await page.getByText("A price has changed").waitFor();
  await payFor(page, "₦13,750");
  await page.getByRole("heading", { name: /paid|thank/i }).first().waitFor();
  await context.close();
});

test("a place where nothing is delivered says so, and no page scrolls sideways", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width: 320, height: 640 }, colorScheme });
    const page = await context.newPage();
    await cartWithKettle(page);
    await page.locator("#cart-count", { hasText: "1" }).waitFor();
    for (const path of ["/cart", "/checkout"]) {
      await page.goto(`${shop.shop}${path}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      assert.equal(wide, false, `${path} in ${colorScheme}`);
    }
    await page.getByLabel("Country").selectOption("GH");
    await page.getByText("not delivered there").waitFor();
    assert.equal(await page.getByRole("button", { name: /^pay/i }).count(), 0);
    await context.close();
  }
});
