// What runs by the clock, in workerd itself: wrangler's proxy cannot hand a scheduled event on. The Worker is the built one, and no
// setting of it helps: the objects are as old as they are, and in the second half its clock is a day ahead.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { Miniflare } from "miniflare";
import { workerd } from "../../stack/workerd.mjs";
import { freePort, ROOT, startShop } from "../browser/shop.mjs";

const MINUTELY = "* * * * *";
const HOURLY = "17 * * * *";
const A_DAY_AHEAD = `
  const ahead = 25 * 60 * 60 * 1000;
  globalThis.Date = class extends Date {
    constructor(...of) { of.length ? super(...of) : super(Date.now()); }
    static now() { return super.now() + ahead; }
  };`;
const run = promisify(execFile);
const product = (n, title) => ({ sku: `P-${n}`, title, price: "10.00", currency: "NGN", stock: 3, category: "Home" });

let shop, port, miniflare, firstVersion;

before(async () => {
  shop = await startShop([product(1, "Clay lamp"), product(2, "Iron kettle")]);
  await shop.stopProcesses();
  await start();
  firstVersion = JSON.parse(await tool("index-builder", "status")).base;
  for (const n of [3, 4, 5]) {
    const file = join(shop.state, `more-${n}.jsonl`);
    await writeFile(file, `${JSON.stringify(product(n, `Straw basket ${n}`))}\n`);
    await tool("importer", "products", file);
    await tool("index-builder", "compile");
  }
}, { timeout: 600_000 });

after(async () => {
  await miniflare?.dispose();
  await shop?.stop();
});

test("every minute, the indexer hears of a change that nobody told it of", async () => {
  assert.equal(await found("hammock"), 0);
  // A new isolate has the indexer look once, a moment later; what follows must come after that.
  await sleep(2_000);
  const db = await miniflare.getD1Database("DB");
  await db.prepare("UPDATE product SET title = 'Cotton hammock' WHERE sku = 'P-2'").run();
  await sleep(2_000);
  assert.equal(await found("hammock"), 0);
  await clock(MINUTELY);
  await until(async () => (await found("hammock")) === 1);
});

test("every hour, what several visitors ask becomes popular, and what one repeats does not; changes in the index are forgotten", async () => {
  let visitor = 0;
  const ask = (query, from = `192.0.2.${(visitor += 1) % 250}`) => found(query, { "cf-connecting-ip": from });
  const popular = async () => (await (await miniflare.getKVNamespace("ANSWERS")).get("popular-queries", "json"))?.queries ?? [];
  for (let flush = 0; flush < 4; flush += 1) {
    await ask("lamp");
    for (let times = 0; times < 5; times += 1) await ask("basket", "198.51.100.7");
    // So many different ones are written down at once.
    for (let other = 0; other < 100; other += 1) await ask(`nothing ${flush} ${other}`);
  }
  await sleep(500);
  assert.deepEqual(await popular(), []);
  assert.ok((await changesCompiled()) > 0);
  await clock(HOURLY);
  assert.equal(await changesCompiled(), 0);
  assert.deepEqual(await popular(), ["lamp"]);
  assert.match(await text("/search/live?q=la"), /lamp/);
});

test("every hour, what nothing points at and is a day old is forgotten, and searching goes on", async () => {
  const nonces = async () => (await (await miniflare.getD1Database("DB")).prepare("SELECT count(*) AS n FROM seen_nonce").first()).n;
  const of = (version, keys) => keys.filter((key) => key.startsWith(`index/${version}/`));
  const keysBefore = await keys();
  // Nothing is a day old yet, so the hour before took nothing.
  assert.equal(of(firstVersion, keysBefore).length, 3);
  assert.ok((await nonces()) > 0);
  await start(A_DAY_AHEAD);
  await clock(HOURLY);
  const left = await keys();
  assert.deepEqual(of(firstVersion, left), []);
  const pointer = await stored("index/current.json");
  assert.deepEqual(of(pointer.base ?? pointer.version, left), of(pointer.base ?? pointer.version, keysBefore));
  assert.ok(pointer.parts.every((part) => left.includes(`index/parts/${part.id}`)), left.join());
  assert.equal(await nonces(), 0);
  // With nothing in memory or in a cache.
  await start();
  for (const [query, total] of [["hammock", 1], ["lamp", 1], ["basket", 3]]) assert.equal(await found(query), total, query);
});

async function start(first) {
  await miniflare?.dispose();
  port = await freePort();
  miniflare = new Miniflare({ ...workerd(port, join(shop.state, "shop"), first), cachePersist: false });
  await miniflare.ready;
}

async function clock(cron) {
  const { outcome } = await (await miniflare.getWorker("kasuwa")).scheduled({ cron });
  assert.equal(outcome, "ok");
}

async function text(path, headers = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  assert.equal(response.status, 200, path);
  return response.text();
}

async function found(query, headers) {
  return JSON.parse(await text(`/api/v1/search?q=${encodeURIComponent(query)}`, headers)).total;
}

const bucket = () => miniflare.getR2Bucket("INDEX");

const stored = async (key) => (await (await bucket()).get(key)).json();

/** Changes of the catalogue that the current artefact was compiled with. */
async function changesCompiled() {
  const { base, version } = await stored("index/current.json");
  const { catalogue_seq } = await stored(`index/${base ?? version}/manifest.json`);
  const db = await miniflare.getD1Database("DB");
  return db.prepare("SELECT count(*) AS n FROM product_change WHERE seq <= ?").bind(catalogue_seq).first("n");
}

async function keys() {
  const { objects } = await (await bucket()).list({ prefix: "index/" });
  return objects.map(({ key }) => key).sort();
}

/** One of the operator's tools, with its keys, as it was built for the shop. */
async function tool(program, ...words) {
  const { OPERATOR_KEYS } = JSON.parse(await readFile(join(shop.state, "shop/keys.json"), "utf8"));
  const env = { ...process.env, OPERATOR_KEYS };
  const path = join(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug", program);
  return (await run(path, [...words, "--shop", `http://127.0.0.1:${port}`], { env })).stdout;
}

async function until(done) {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await done()) return;
    await sleep(200);
  }
  assert.fail("it never came");
}
