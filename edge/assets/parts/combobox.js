// The search field and the list below it, as a combobox with a listbox (WAI-ARIA APG). The focus stays in the field; the
// option that the arrow keys are on is told by `aria-activedescendant`. Without this the form simply sends.

import { $, announce, counted } from "./page.js";
import { forget, forgetAll, recent, remember } from "./recent.js";

// A quick typist's next key comes within this time: one request then, not two.
const TYPING_MS = 80;
// Whoever listens is told once the typing stops, not at every key.
const ANNOUNCE_MS = 600;

const field = $("#q");
const box = $("#live");
const list = () => $("#live-list");
const options = () => [...box.querySelectorAll("[role=option]")];
const active = () => $("[aria-selected=true]", box);

let typing;
let telling;
let request;
let popular;

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", other === option);
  if (option) {
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    field.removeAttribute("aria-activedescendant");
  }
}

function toggle(open) {
  const shown = open && box.childElementCount > 0;
  box.hidden = !shown;
  // A message alone is no list that could be open.
  field.setAttribute("aria-expanded", shown && Boolean(list()));
  if (!shown) {
    clearTimeout(telling);
    choose(null);
  }
}

function tell() {
  clearTimeout(telling);
  telling = setTimeout(() => {
    const total = Number(list()?.dataset.count ?? 0);
    const offered = counted(options().length, "suggestion", "suggestions");
    if (!options().length) announce("No suggestions");
    else announce(total ? `${offered}, ${counted(total, "product", "products")}` : offered);
  }, ANNOUNCE_MS);
}

function show() {
  for (const option of options()) {
    option.tabIndex = -1;
    option.setAttribute("aria-selected", false);
  }
  choose(null);
  toggle(document.activeElement === field);
}

// ---- What others offer -----------------------------------------------------------------------------------------------

/** The fragment for these words; `null` when newer words overtook it or nobody answered. */
async function ask(words) {
  request?.abort();
  const { signal } = (request = new AbortController());
  try {
    const answer = await fetch(`/search/live?q=${encodeURIComponent(words)}`, { signal });
    const text = await answer.text();
    return answer.ok && !signal.aborted ? text : null;
  } catch {
    // What stands there belongs to other words, so without an answer it goes.
    if (!signal.aborted) toggle(false);
    return null;
  }
}

async function search() {
  const fragment = await ask(field.value.trim());
  if (fragment === null) return;
  // Written by the shop's own server, as htmx's fragments are.
  box.innerHTML = fragment;
  show();
  if (!box.hidden) tell();
}

// ---- What one searched for before ------------------------------------------------------------------------------------

const make = (name, properties, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

function recentGroup(searches) {
  const label = make("p", { className: "live-label", id: "live-of-recent", ariaHidden: "true" }, "Recent searches");
  const rows = searches.map((words, index) =>
    make("a", {
      className: "live-words", id: `live-recent-${index}`, role: "option", href: `/search?q=${encodeURIComponent(words)}`,
    }, make("bdi", {}, words)));
  const group = make("div", { role: "group", className: "live-recent" }, label, ...rows);
  group.setAttribute("aria-labelledby", label.id);
  return group;
}

// Buttons may not stand inside a listbox: a column of their own lies beside its first rows.
function recentTools(searches) {
  const button = (words, name, act, tabIndex) => {
    const made = make("button", { type: "button", tabIndex, onclick: act }, words);
    made.setAttribute("aria-label", name);
    return made;
  };
  return make("div", { className: "live-tools" },
    button("Clear all", "Clear all recent searches", () => { forgetAll(); change("Recent searches cleared"); }, 0),
    // Delete does the same on the search itself, so these are no stops on the way.
    ...searches.map((words) => button("×", `Remove ${words} from recent searches`, () => remove(words), -1)));
}

function remove(words) {
  forget(words);
  change(`Removed ${words}`);
}

function change(words) {
  showUntyped();
  announce(words);
  field.focus();
}

function showUntyped() {
  const searches = recent();
  box.innerHTML = popular ?? "";
  if (searches.length) {
    if (!list()) {
      const made = make("div", { id: "live-list", role: "listbox" });
      made.setAttribute("aria-label", "Suggestions");
      box.append(made);
    }
    list().prepend(recentGroup(searches));
    box.append(recentTools(searches));
  }
  show();
}

async function untyped() {
  clearTimeout(typing);
  request?.abort();
  showUntyped();
  if (popular === undefined) {
    popular = await ask("") ?? undefined;
    if (popular && !field.value.trim() && !active()) showUntyped();
  }
}

// ---- The field -------------------------------------------------------------------------------------------------------

function onKey(event) {
  const all = options();
  const at = all.indexOf(active());
  const open = !box.hidden;
  switch (event.key) {
    case "ArrowDown":
    case "ArrowUp": {
      event.preventDefault();
      if (!all.length) {
        if (field.value.trim()) search();
        return;
      }
      const step = event.key === "ArrowDown" ? 1 : -1;
      toggle(true);
      // One place more than there are options: the field itself, where nothing is chosen.
      const places = all.length + 1;
      choose(all[(at + 1 + step + places) % places - 1] ?? null);
      break;
    }
    case "Home":
    case "End":
      // In the field they move the cursor.
      if (!open || at < 0) return;
      event.preventDefault();
      choose(all.at(event.key === "Home" ? 0 : -1));
      break;
    case "Enter":
      if (!open || at < 0) return;
      event.preventDefault();
      all[at].click();
      break;
    case "Delete":
      if (!open || !all[at]?.id.startsWith("live-recent-")) return;
      event.preventDefault();
      remove(all[at].textContent);
      break;
    case "Escape":
      if (!open && !field.value) return;
      event.preventDefault();
      clearTimeout(typing);
      request?.abort();
      if (!open) {
        field.value = "";
        showUntyped();
      }
      toggle(false);
      break;
    default:
  }
}

if (field && box) {
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-controls": "live-list", "aria-expanded": "false",
  })) field.setAttribute(name, value);

  field.addEventListener("input", () => {
    // What was chosen belongs to other words.
    choose(null);
    clearTimeout(typing);
    if (field.value.trim()) typing = setTimeout(search, TYPING_MS);
    else untyped();
  });
  field.addEventListener("focus", () => { if (!field.value.trim()) untyped(); });
  field.addEventListener("click", () => { if (box.hidden) toggle(true); });
  field.addEventListener("keydown", onKey);
  // A press on the list leaves the focus in the field, so that the list is still there when it is let go.
  box.addEventListener("mousedown", (event) => event.preventDefault());
  document.addEventListener("pointerdown", ({ target }) => { if (!target.closest(".search")) toggle(false); });
  // The form's own button lies between the field and what can be reached in the list, if anything can.
  field.form.addEventListener("focusout", ({ relatedTarget }) => {
    const leads = $(".live-tools", box) && field.form.contains(relatedTarget);
    if (!leads && !box.contains(relatedTarget)) toggle(false);
  });
  field.form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.target === field || box.hidden) return;
    event.preventDefault();
    field.focus();
    toggle(false);
  });
  field.form.addEventListener("submit", () => { clearTimeout(typing); request?.abort(); toggle(false); });
  addEventListener("pageshow", ({ persisted }) => { if (persisted) toggle(false); });

  const searched = new URLSearchParams(location.search).get("q")?.trim();
  if (location.pathname === "/search" && searched) remember(searched.replace(/\*$/, "").slice(0, 256));
  // Somebody was quicker than this script.
  if (document.activeElement === field && field.value.trim() && field.value.trim() !== searched) search();
}
