// Live stock: a product's page hears over a socket how many there are, shows it, and tells those who hear the page what changed.

import { $, announce } from "./page.js";

// The first wait after a socket was lost; twice as long each time.
const RETRY_MS = 4_000;
const RETRY_MS_MAX = 60_000;
// Between here and there, what says nothing for two minutes is forgotten. It is answered without waking anybody.
const PING_MS = 45_000;
// How long an answer may take: to a ping, or until the first message.
const ANSWER_MS = 20_000;
// What changes several times within a second is announced once, as it is then.
const ANNOUNCE_MS = 1_000;

const levels = new Map();
let version = 0;
// The variant that is shown, the words that stand there, and those that were said last.
let shown = {};
let announcing;

function show() {
  for (const option of document.querySelectorAll(".option")) {
    const available = levels.get(option.dataset.sku);
    if (available === undefined) continue;
    option.classList.toggle("gone", available === 0);
    $(".hidden", option).hidden = available > 0;
  }
  const line = $("#stock");
  const { sku } = line?.dataset ?? {};
  if (!levels.has(sku)) return;
  const available = levels.get(sku);
  const words = JSON.parse(line.dataset.words);
  const now = words[Math.min(available, words.length - 1)];
  // Of another variant nothing was said yet; what it says when it is first heard of is no change.
  if (shown.sku !== sku) shown = { sku, now, said: now, isOut: available === 0 };
  else if (shown.now !== now) {
    // Not "In stock" again: whoever saw it sold out wants to know that it is back.
    const isBack = shown.isOut && available > 0;
    shown = { ...shown, now, back: isBack && line.dataset.back, isOut: available === 0 };
    announcing ??= setTimeout(tell, ANNOUNCE_MS);
  }
  const last = words.length - 1;
  const text = !shown.back ? now : available < last ? `${shown.back} · ${now}` : shown.back;
  if (line.textContent !== text) line.textContent = text;
  line.className = `stock ${available === 0 ? "out" : available < last ? "few" : "in"}`;
  // A product that is held back for a flash sale has no button.
  const button = $("#add-button");
  if (button) button.disabled = available === 0;
}

function tell() {
  announcing = undefined;
  if (shown.now === shown.said) return;
  shown.said = shown.now;
  announce($("#stock").textContent);
}

function hear(data) {
  if (data === "pong") return;
  let told;
  try {
    told = JSON.parse(data);
  } catch {
    return; // something newer than this page
  }
  // Another relay may be a moment behind the one that was heard before.
  if (!(told.version >= version)) return;
  version = told.version;
  for (const { sku, available } of told.levels) levels.set(sku, available);
  show();
}

function follow(path) {
  let failures = 0;
  let socket;
  let timer;
  let silence;
  const expectAnswer = () => {
    clearTimeout(silence);
    silence = setTimeout(lose, ANSWER_MS);
  };
  const lose = () => {
    const lost = socket;
    socket = null;
    clearTimeout(silence);
    clearTimeout(timer);
    if (lost) lost.onclose = lost.onmessage = null;
    lost?.close();
    if (document.hidden) return;
    // The greater part of it by chance: a restart must not bring everybody back at once.
    const wait = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** failures++);
    timer = setTimeout(open, wait * (0.25 + Math.random() * 0.75));
  };
  const open = () => {
    clearTimeout(timer);
    socket = new WebSocket(location.origin.replace(/^http/, "ws") + path);
    socket.onmessage = ({ data }) => {
      failures = 0;
      clearTimeout(silence);
      hear(data);
    };
    socket.onclose = lose;
    expectAnswer();
  };
  const ping = () => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send("ping");
    expectAnswer();
  };
  setInterval(ping, PING_MS);
  // A page that nobody sees holds no socket.
  const leave = () => {
    clearTimeout(timer);
    if (socket) lose();
    clearTimeout(timer);
  };
  const come = () => { if (!socket && !document.hidden) open(); };
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : come()));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => { if (persisted) come(); });
  addEventListener("online", () => (socket ? ping() : come()));
  come();
}

const live = $("#stock")?.dataset.live;
if (live) {
  const begin = () => follow(live);
  // A page made ready in advance follows nothing until it is looked at.
  if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
  document.addEventListener("htmx:after:swap", show);
}
