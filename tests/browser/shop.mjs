// Starts a whole shop for the browser tests, with `cargo xtask dev` itself, and Chromium to visit it.

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { chromium } from "playwright-core";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** A running shop with these products: `{ shop, origin, sandbox, state, stopProcesses(), stop() }`. Its data is in `state`/shop. */
export async function startShop(products) {
  const state = await mkdtemp(join(tmpdir(), "kasuwa-browser-"));
  const file = join(state, "products.jsonl");
  await writeFile(file, products.map((product) => `${JSON.stringify(product)}\n`).join(""));
  const port = await freePort();
  const child = spawn("cargo", ["xtask", "dev", "--json", "--port", port, "--state", join(state, "shop"), "--products", file], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let told = "";
  child.stderr.on("data", (text) => { told += text; });
  const line = await new Promise((found, failed) => {
    let out = "";
    child.stdout.on("data", (text) => {
      out += text;
      if (out.includes("\n")) found(out);
    });
    child.on("exit", (code) => failed(new Error(`the shop ended with ${code}:\n${told}`)));
  });
  const ended = new Promise((done) => child.on("exit", done));
  const stopProcesses = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  const stop = async () => {
    await stopProcesses();
    await rm(state, { recursive: true, force: true });
  };
  return { ...JSON.parse(line), state, stopProcesses, stop };
}

/** What `cargo xtask stock` does and says: counts after a movement, or without one. */
export async function moveStock(shop, sku, ...words) {
  const keys = JSON.parse(await readFile(join(shop.state, "shop/keys.json"), "utf8"));
  const { stdout } = await promisify(execFile)(join(ROOT, "target/debug/stock"), [sku, ...words, "--json", "--shop", shop.shop], {
    env: { ...process.env, OPERATOR_KEYS: keys.OPERATOR_KEYS },
  });
  return JSON.parse(stdout);
}

/** Makes taxes, delivery and promotions be so, as `cargo xtask pricing set` does. */
export async function setRules(shop, rules) {
  const keys = JSON.parse(await readFile(join(shop.state, "shop/keys.json"), "utf8"));
  const file = join(shop.state, "rules.json");
  await writeFile(file, JSON.stringify(rules));
  await promisify(execFile)(join(ROOT, "target/debug/pricing"), ["set", file, "--shop", shop.shop], {
    env: { ...process.env, OPERATOR_KEYS: keys.OPERATOR_KEYS },
  });
  // An isolate believes what it read for two seconds.
  await new Promise((done) => setTimeout(done, 2_500));
}

/** Kills the Worker's process as a power cut would; `cargo xtask dev` starts it again. */
export async function killEdge(shop) {
  for (const process_id of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${process_id}/cmdline`, "utf8").catch(() => "");
    // This shop's, by the folder of its data.
    if (command.includes("--persist-to") && command.includes(shop.state)) process.kill(Number(process_id), "SIGKILL");
  }
}

/** Four ports in a row from a place where few programs listen. */
export async function freePort() {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 2_000) * 4;
    const free = await Promise.all([0, 1, 2, 3].map((n) => isFree(first + n)));
    if (free.every(Boolean)) return String(first);
  }
}

function isFree(port) {
  return new Promise((answer) => {
    const server = createServer().once("error", () => answer(false));
    server.listen(port, "127.0.0.1", () => server.close(() => answer(true)));
  });
}

/** A product with one variant, as an import's file has it. */
export const product = (sku, title, stock) => ({
  sku, title, price: "12500", currency: "NGN", stock, brand: "Gwandu", category: "Home/Kitchen",
  description: "Made to last.", attributes: { Material: "Steel" },
});

export function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** A page that fails the test when a script fails or the content security policy is broken. */
export async function open(context, problems) {
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    // A refused form is a 4xx answer, which the browser mentions.
    if (message.type() === "error" && !text.includes("status of 4")) problems.push(text);
  });
  return page;
}
