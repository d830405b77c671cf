// Runs the built Worker in workerd with nothing in front of it, for measuring: no proxy of `wrangler dev`, and none of the simulator's
// own Workers that look for a static file first. Those take several times what the Worker does, and a deployment has none of them
// on its thread. Styles and scripts are not served here.
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
// The simulator leads its own socket through its Workers, and so it does with a default entrypoint; not with one that has a name.
const named = 'export * from "./index.js"; export { default, default as Shop } from "./index.js";';
const miniflare = new Miniflare({
  ...workerOptions,
  name: "kasuwa",
  modules: [
    { type: "ESModule", path: join(build, "named.js"), contents: named },
    { type: "ESModule", path: main ?? join(build, "index.js") },
    { type: "CompiledWasm", path: join(build, "index_bg.wasm") },
  ],
  modulesRoot: build,
  bindings: { ...workerOptions.bindings, ...settings },
  unsafeDirectSockets: [{ host: "127.0.0.1", port: Number(port), entrypoint: "Shop" }],
  host: "127.0.0.1",
  port: 0,
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
