// Runs the built Worker in workerd with nothing in front of it, for measuring: no proxy of `wrangler dev`, and none of the simulator's
// own Workers that look for a static file first. Those take several times what the Worker does, and a deployment has none of them
// on its thread. Styles and scripts are not served here.
//
// node stack/miniflare.mjs PORT STATE: the same databases, settings and bindings as `wrangler dev --persist-to STATE/state`.
// Stops with SIGTERM, or when whoever started it is gone.

import { Miniflare } from "miniflare";
import { workerd } from "./workerd.mjs";

const [port, state] = process.argv.slice(2);
if (!port || !state) {
  console.error("usage: node stack/miniflare.mjs PORT STATE");
  process.exit(2);
}
const miniflare = new Miniflare(workerd(port, state));
await miniflare.ready;
console.log(`ready on ${port}`);
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await miniflare.dispose();
    process.exit(0);
  });
}
