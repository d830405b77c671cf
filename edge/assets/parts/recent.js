// Searches of one's own. They stay in this browser: nothing here sends anything.

const KEY = "recent-searches";
const KEPT = 8;

/** The last searches, newest first. A browser that keeps nothing has none. */
export function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(kept) ? kept.filter((words) => typeof words === "string").slice(0, KEPT) : [];
  } catch {
    return [];
  }
}

function keep(searches) {
  try {
    if (searches.length) localStorage.setItem(KEY, JSON.stringify(searches.slice(0, KEPT)));
    else localStorage.removeItem(KEY);
  } catch {
    // Then it is forgotten with the page.
  }
}

const others = (words) => recent().filter((kept) => kept.toLowerCase() !== words.toLowerCase());

export const remember = (words) => keep([words, ...others(words)]);
export const forget = (words) => keep(others(words));
export const forgetAll = () => keep([]);
