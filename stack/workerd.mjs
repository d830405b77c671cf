// Settings for the built Worker in workerd with nothing in front of it: the same databases, settings and bindings as
// `wrangler dev --persist-to STATE/state`. It starts nothing.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_getMiniflareWorkerOptions as optionsOf } from "wrangler";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Options of a Miniflare that answers on `port` for the shop in the folder `state`. `first` is a module that runs before the Worker's. */
export function workerd(port, state, first = "") {
  const { workerOptions, main } = optionsOf(join(root, "wrangler.toml"));
  const settings = Object.fromEntries(
    readFileSync(join(state, "edge.env"), "utf8")
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const build = join(root, "edge/build");
  // The simulator leads its own socket through its Workers, and so it does with a default entrypoint; not with one that has a name.
  const named = `import "./first.js"; export * from "./index.js"; export { default, default as Shop } from "./index.js";`;
  return {
    ...workerOptions,
    name: "kasuwa",
    modules: [
      { type: "ESModule", path: join(build, "named.js"), contents: named },
      { type: "ESModule", path: join(build, "first.js"), contents: first },
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
  };
}
