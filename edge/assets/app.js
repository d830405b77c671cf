// What makes the pages livelier. Each part looks for its elements and does nothing when they are not there; every page is
// complete without any of it. No eval, no inline style: the content security policy refuses both.

// The minified build: esbuild shortens htmx's own names less well than its authors did (15 KB against 20, compressed).
import "htmx.org/dist/htmx.esm.min.js";

import "./parts/cart.js";
import "./parts/combobox.js";
import "./parts/listing.js";
import "./parts/live.js";
import "./parts/sale.js";
import { $, announce } from "./parts/page.js";

document.documentElement.classList.add("js");

// ---- Forms that send themselves when a choice changes ---------------------------------------------------------------

function send(form) {
  if (form.reportValidity()) form.requestSubmit();
}

document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-submit]")) return;
  const pair = target.closest(".pair");
  // Of two fields that belong together, the second is still to be typed: its answer must not replace it.
  if (pair) pair.dataset.changed = "";
  else send(target.form);
});

document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const pair = target.closest(".pair[data-changed]");
  if (pair && !pair.contains(relatedTarget)) send(target.form);
});

document.addEventListener("submit", ({ target }) => {
  target.querySelectorAll(".pair").forEach((pair) => delete pair.dataset.changed);
});

// ---- Failures --------------------------------------------------------------------------------------------------------

function failed(place, words) {
  $(".failed")?.remove();
  place.insertAdjacentHTML(place.id === "results" ? "afterbegin" : "beforeend", '<p class="problem failed"></p>');
  $(".failed").textContent = words;
  announce(words);
}

// An answer that is an error is not swapped in (htmx-config), so it is told here.
for (const event of ["htmx:response:error", "htmx:error"]) {
  document.addEventListener(event, ({ target, detail }) => {
    // Nothing can be followed the ordinary way either, and what is there stays.
    if (!navigator.onLine && target.closest?.(".listing")) return failed($("#results"), "You are offline. What is shown here stays; try again once you are connected.");
    // A link that could not be followed in place is followed the ordinary way.
    if (target.matches?.("a[hx-get]")) location.assign(target.href);
    // The same goes for a form that only looks something up.
    if (target.matches?.(".filters") && !detail.ctx?.request?.signal?.aborted) target.submit();
    const form = target.closest?.("form[method=post]");
    if (!form || detail.ctx?.request?.signal?.aborted) return;
    failed($("#added") ?? form, "That did not work. Check your connection and try again.");
  });
}

// ---- Checkout: problems are read out first --------------------------------------------------------------------------

$("#problems")?.focus();
