// Listings: htmx exchanges the results and the inside of the filters' form; this keeps what an exchange would lose, and
// tells what came of it.

import { $, announce } from "./page.js";

// An address holds what was chosen, not the fields that were left empty.
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.method !== "get") return;
  for (const [name, value] of [...formData]) {
    if (value === "") formData.delete(name);
  }
});

// A slow answer is told of; a quick one tells itself.
const LOADING_MS = 500;
let loading;

document.addEventListener("htmx:before:request", ({ target }) => {
  if (!target.closest?.(".listing")) return;
  $("#results").ariaBusy = true;
  clearTimeout(loading);
  loading = setTimeout(() => announce("Loading products"), LOADING_MS);
});

document.addEventListener("htmx:finally:request", ({ target }) => {
  if (!target.closest?.(".listing")) return;
  $("#results").ariaBusy = false;
  clearTimeout(loading);
});

const folds = () => document.querySelectorAll(".listing details[id]");
let before = null;

document.addEventListener("htmx:before:swap", ({ target }) => {
  if (!target.closest?.(".listing")) return;
  before = { focused: document.activeElement?.id, open: new Map([...folds()].map(({ id, open }) => [id, open])) };
});

document.addEventListener("htmx:after:swap", () => {
  if (!before) return;
  clearTimeout(loading);
  const { focused, open } = before;
  before = null;
  for (const fold of folds()) fold.open = open.get(fold.id) ?? fold.open;
  if (document.activeElement === document.body) {
    const again = (focused && document.getElementById(focused)) || $("#results");
    again?.focus({ preventScroll: true });
  }
  announce($("#result-count")?.textContent ?? "No products");
});

// ---- The filters on a narrow window ----------------------------------------------------------------------------------

// A panel over everything else. Without this module its link leads to it; with it, choices are the only steps that Back undoes.
const narrow = matchMedia("(width < 60rem)");
const isOpen = () => $("#filters")?.classList.contains("open");

/** What lies behind the open panel can be neither reached nor heard. */
function cover() {
  const covered = isOpen() && narrow.matches;
  for (const behind of document.querySelectorAll(".site-header, .site-footer, .crumbs, h1, .results")) behind.inert = covered;
}

function open(panel, isWanted) {
  panel.classList.toggle("open", isWanted);
  cover();
  (isWanted ? $(".close", panel) : $(".open-filters"))?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".open-filters, .filters .close");
  // Whoever came with the panel's address goes as they came.
  if (!link || !narrow.matches || location.hash === "#filters") return;
  event.preventDefault();
  open($("#filters"), link.matches(".open-filters"));
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !isOpen() || !narrow.matches) return;
  event.preventDefault();
  open($("#filters"), false);
});
document.addEventListener("htmx:after:swap", cover);
narrow.addEventListener("change", cover);
