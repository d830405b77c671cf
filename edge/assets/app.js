// What makes the pages livelier. Each part looks for its elements and does nothing when they are not there; every page is
// complete without any of it. No eval, no inline style: the content security policy refuses both.

// The minified build: esbuild shortens htmx's own names less well than its authors did (15 KB against 20, compressed).
import "htmx.org/dist/htmx.esm.min.js";

import "./parts/cart.js";
import "./parts/combobox.js";
import "./parts/listing.js";
import "./parts/sale.js";
import { $, announce } from "./parts/page.js";

document.documentElement.classList.add("js");

// ---- Forms that send themselves when a choice changes ---------------------------------------------------------------

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submit]") && target.form.reportValidity()) target.form.requestSubmit();
});

// ---- Failures --------------------------------------------------------------------------------------------------------

// An answer that is an error is not swapped in (htmx-config), so it is told here.
for (const event of ["htmx:response:error", "htmx:error"]) {
  document.addEventListener(event, ({ target, detail }) => {
    // A link that could not be followed in place is followed the ordinary way.
    if (target.matches?.("a[hx-get]")) location.assign(target.href);
    // The same goes for a form that only looks something up.
    if (target.matches?.(".filters") && !detail.ctx?.request?.signal?.aborted) target.submit();
    const form = target.closest?.("form[method=post]");
    if (!form || detail.ctx?.request?.signal?.aborted) return;
    const place = $("#added") ?? form;
    $(".failed")?.remove();
    place.insertAdjacentHTML("beforeend", '<p class="problem failed"></p>');
    $(".failed").textContent = "That did not work. Check your connection and try again.";
    announce($(".failed").textContent);
  });
}

// ---- Live stock ------------------------------------------------------------------------------------------------------

// The words are those of `availability_words` in pages/card.rs.
const FEW = 5;
const stockWords = (n) => (n === 0 ? "Sold out" : n <= FEW ? `${n} left` : "In stock");
const stockClass = (n) => `stock ${n === 0 ? "out" : n <= FEW ? "few" : "in"}`;
const levels = new Map();

function showStock() {
  const line = $("#stock");
  for (const [sku, available] of levels) {
    if (line?.dataset.sku === sku) {
      if (line.textContent !== stockWords(available)) line.textContent = stockWords(available);
      line.className = stockClass(available);
      // A product that is held back for a flash sale has no button.
      const button = $("#add-button");
      if (button) button.disabled = available === 0;
    }
    for (const option of document.querySelectorAll(".option")) {
      if (option.dataset.sku === sku) option.classList.toggle("gone", available === 0);
    }
  }
}

function follow(path) {
  let failures = 0;
  let socket;
  let timer;
  const open = () => {
    clearTimeout(timer);
    socket = new WebSocket(location.origin.replace(/^http/, "ws") + path);
    socket.onmessage = ({ data }) => {
      failures = 0;
      try {
        for (const { sku, available } of JSON.parse(data).levels) levels.set(sku, available);
      } catch {
        return; // a keep-alive answer, or something newer than this page
      }
      showStock();
    };
    socket.onclose = () => {
      socket = null;
      // Doubling up to a minute, half of it random: a restart must not bring everybody back at once.
      const wait = Math.min(60_000, 1_000 * 2 ** failures++);
      if (!document.hidden) timer = setTimeout(open, wait * (0.5 + Math.random() / 2));
    };
  };
  // A page that nobody sees holds no socket.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) socket?.close();
    else if (!socket) open();
  });
  addEventListener("pagehide", () => socket?.close());
  addEventListener("pageshow", ({ persisted }) => { if (persisted && !socket) open(); });
  if (!document.hidden) open();
}

const live = $("#stock")?.dataset.live;
if (live) {
  // A page made ready in advance follows nothing until it is looked at.
  if (document.prerendering) document.addEventListener("prerenderingchange", () => follow(live), { once: true });
  else follow(live);
  document.addEventListener("htmx:after:swap", showStock);
}

// ---- Checkout: problems are read out first --------------------------------------------------------------------------

$("#problems")?.focus();
