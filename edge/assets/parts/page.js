// What every part needs: to find an element, and to tell those who hear the page rather than see it.

export const $ = (selector, root = document) => root.querySelector(selector);

export const announce = (words) => { $("#announcer").textContent = words; };

export const counted = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
