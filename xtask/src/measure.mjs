// Weighs the Worker's modules, and times a start of workerd with them against one with an empty Worker. Prints one JSON object.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { gzipSync } from "node:zlib";
import workerdPackage from "workerd";

const [folder, compatibilityDate] = process.argv.slice(-2);
const workerd = workerdPackage.default;
const ROUNDS = 7;
const EMPTY = 'export default { fetch: () => new Response("empty") };';

const modules = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name)).sort();
let raw = 0;
let gzip = 0;
for (const name of modules) {
  const bytes = readFileSync(join(folder, name));
  raw += bytes.length;
  gzip += gzipSync(bytes, { level: 9 }).length;
}

const work = mkdtempSync(join(tmpdir(), "kasuwa-measure-"));
try {
  for (const name of modules) cpSync(join(folder, name), join(work, name));
  writeFileSync(join(work, "empty.js"), EMPTY);
  const ours = configure("ours", modules);
  const empty = configure("empty", ["empty.js"]);
  const times = { ours: [], empty: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.empty.push(await firstAnswer(empty));
    times.ours.push(await firstAnswer(ours));
  }
  const start_ms = Math.max(0, median(times.ours) - median(times.empty));
  console.log(JSON.stringify({ raw, gzip, rounds: ROUNDS, start_ms }));
} finally {
  rmSync(work, { recursive: true, force: true });
}

function configure(name, files) {
  // The first module is where workerd begins.
  const list = files
    .map((file) => `(name = "${file}", ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${file}")`)
    .join(", ");
  const path = join(work, `${name}.capnp`);
  writeFileSync(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [${list}], compatibilityDate = "${compatibilityDate}"))],
  sockets = [(name = "http", http = (), service = "main")],
);
`,
  );
  return path;
}

// Milliseconds from starting workerd to its first answer, whatever that is: without bindings it need not be a good one.
async function firstAnswer(config) {
  const port = await freePort();
  const started = performance.now();
  const child = spawn(workerd, ["serve", config, "--socket-addr", `http=127.0.0.1:${port}`], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  try {
    while (child.exitCode === null) {
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
        await answer.arrayBuffer();
        return performance.now() - started;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      if (performance.now() - started > 30_000) throw new Error("workerd did not answer within 30 seconds");
    }
    throw new Error(`workerd stopped with ${child.exitCode}`);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
