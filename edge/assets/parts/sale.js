// A flash sale's page: time runs down in place, and when something is due the page asks where the shopper stands. Without this it
// loads itself again.

import { $, announce } from "./page.js";

// Whoever waits hears of these, and not of every second.
const TOLD_S = [600, 300, 60, 30, 10];
// The clock here and the shop's drift apart, and an operator may cancel: ask now and then.
const ASK_MS = 60_000;
// What is due is asked for a little later, not by everybody in the same instant.
const SPREAD_MS = 1_500;

// The words are those of `duration` in pages/sale.rs.
function words(ms) {
  const all = Math.ceil(ms / 1_000);
  const [hours, minutes, seconds] = [Math.floor(all / 3_600), Math.floor(all / 60) % 60, String(all % 60).padStart(2, "0")];
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

let ticking;
let asking;
let madeAt;

function ask() {
  document.body.dispatchEvent(new CustomEvent("sale-due"));
  // Should no answer come, it is asked for again.
  asking = setTimeout(ask, ASK_MS);
}

function start() {
  const sale = $("#sale");
  // Something else was exchanged: time goes on.
  if (!sale || sale.dataset.madeAt === madeAt) return;
  madeAt = sale.dataset.madeAt;
  clearTimeout(ticking);
  clearTimeout(asking);
  countDown(sale);
  // Where nothing is due, nothing is asked: what is typed into a form stays.
  if (sale.dataset.dueIn) asking = setTimeout(ask, Math.min(Number(sale.dataset.dueIn) + Math.random() * SPREAD_MS, ASK_MS));
}

function countDown(sale) {
  const count = $("[data-countdown]", sale);
  if (!count) return;
  const whole = Number(count.dataset.countdown);
  const loadedAt = performance.now();
  const progress = $("progress", sale);
  const before = Number(progress?.getAttribute("value"));
  const tick = () => {
    const passed = performance.now() - loadedAt;
    const left = Math.max(0, whole - passed);
    if (count.textContent !== words(left)) {
      count.textContent = words(left);
      if (TOLD_S.includes(Math.ceil(left / 1_000))) announce(`${words(left)} ${count.dataset.words}`);
    }
    if (progress) progress.value = before + passed;
    if (left > 0) ticking = setTimeout(tick, left % 1_000 || 1_000);
  };
  tick();
}

start();
document.addEventListener("htmx:after:swap", start);
// A page that comes back from the back button may be hours old.
addEventListener("pageshow", ({ persisted }) => { if (persisted && $("#sale")) location.reload(); });
