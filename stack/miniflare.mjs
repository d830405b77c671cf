// Runs the built Worker in workerd without `wrangler dev`'s proxy in front: for tests of load and for benchmarks.
//
// node stack/miniflare.mjs PORT STATE: the same databases, settings and bindings as `wrangler dev --persist-to STATE/state`.
// Stops with SIGTERM, or when whoever started it is gone.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as optionsOf } from "wrangler";

const [port, state] = process.argv.slice(2);
if (!port || !state) {
  console.error("usage: node stack/miniflare.mjs PORT STATE");
  process.exit(2);
}
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { workerOptions, main } = optionsOf(join(root, "wrangler.toml"));
const settings = Object.fromEntries(
  readFileSync(join(state, "edge.env"), "utf8")
    .split("\n")
    .filter((line) => line.includes("="))
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
);
const build = join(root, "edge/build");
const miniflare = new Miniflare({
  ...workerOptions,
  name: "kasuwa",
  modules: [
    { type: "ESModule", path: main ?? join(build, "index.js") },
    { type: "CompiledWasm", path: join(build, "index_bg.wasm") },
  ],
  modulesRoot: build,
  bindings: { ...workerOptions.bindings, ...settings },
  host: "127.0.0.1",
  port: Number(port),
  cf: false,
  defaultPersistRoot: join(state, "state", "v3"),
});
await miniflare.ready;
console.log(`ready on ${port}`);
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await miniflare.dispose();
    process.exit(0);
  });
}
