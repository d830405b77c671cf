// One cart, several tabs and devices: what changed in one shows in the others. Which change it was, the server knows.

import { $ } from "./page.js";

// Looking at a page again is a good moment to see what happened elsewhere, but not every time that a window is passed over.
const LOOKED_AGAIN_MS = 2_000;

const tabs = "BroadcastChannel" in window ? new BroadcastChannel("cart") : null;
let fromElsewhere = false;
let lookedAt = Date.now();

// The count in the header hears `cart-changed`, the cart's page `cart-elsewhere`.
function refresh() {
  lookedAt = Date.now();
  // What is being typed stays; sending it brings the cart as it is.
  const typed = $("#cart input:focus");
  if (typed && typed.value !== typed.defaultValue) return;
  fromElsewhere = true;
  for (const name of ["cart-changed", "cart-elsewhere"]) document.body.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  fromElsewhere = false;
}

document.addEventListener("cart-changed", () => {
  if (!fromElsewhere) tabs?.postMessage("changed");
});
tabs?.addEventListener("message", refresh);
// A window beside another one is never hidden: it is only looked at again.
const lookAgain = () => { if (!document.hidden && Date.now() - lookedAt > LOOKED_AGAIN_MS) refresh(); };
document.addEventListener("visibilitychange", lookAgain);
addEventListener("focus", lookAgain);
addEventListener("pageshow", ({ persisted }) => { if (persisted) refresh(); });

// An address that is there to be copied is chosen whole.
document.addEventListener("focusin", ({ target }) => { if (target.matches("[data-select]")) target.select(); });
