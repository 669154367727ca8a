// The state of the page. It is kept in the address, so that a link shows the same dogs again.

import { isDog, isSeed } from "./dogs.js";

const TEXTS = {
  view: "sheet", model: "", hash: "", dog: "",
  breed: "", seed: "1", count: "16", truncation: "",
  mix: "", dogs: "4", one: "", other: "", litter: "1", x: "0.5", y: "0.5", frames: "96",
};
const LISTS = { corner: [], step: [], with: [] };
const OF_PAGE = ["view", "model", "hash", "dog"];
const OF_VIEW = {
  sheet: ["breed", "seed", "count", "truncation"],
  mix: ["mix", "seed", "dogs", "truncation"],
  cross: ["one", "other", "litter"],
  pad: ["corner", "x", "y"],
  walk: ["step", "frames"],
  compare: ["breed", "seed", "with"],
};
const within = (low, high) => (text) => text !== "" && Number(text) >= low && Number(text) <= high;
const oneOf = (...values) => (text) => values.includes(text);
// What a value in an address must be; another one is replaced by the usual value.
const GOOD = {
  dog: isDog, one: isDog, other: isDog, corner: isDog, step: isDog,
  seed: isSeed, litter: isSeed, x: within(0, 1), y: within(0, 1), frames: within(2, 240),
  count: oneOf("8", "16", "32", "64"), dogs: oneOf("1", "2", "4", "8"),
  truncation: (text) => Number(text) > 0, mix: (text) => isDog(`${text}~1`), with: (text) => text.includes("@"),
};
const DRAG_ENDS = 800; // ms without a change
const WRITE_EVERY = 250; // ms: browsers limit how often the address may change

export const views = Object.keys(OF_VIEW);
export const state = { ...TEXTS, ...LISTS };
const listeners = [];
let dragging = null;
let writing = null;

/** Call `listener` after each change of the state. */
export const onChange = (listener) => listeners.push(listener);

const tell = () => listeners.forEach((listener) => listener(state));

/** Return the address of the present state with some changes. */
export const address = (changes = {}) => {
  const changed = { ...state, ...changes };
  const query = new URLSearchParams();
  for (const key of [...OF_PAGE, ...OF_VIEW[changed.view]]) {
    const values = key in LISTS ? changed[key] : [changed[key]];
    if (values[0] !== "") values.forEach((value) => query.append(key, value));
  }
  return `${location.pathname}?${query}`;
};

/** Read the state from the address. What belongs to other views stays as it was. */
export const readAddress = () => {
  const query = new URLSearchParams(location.search);
  state.view = views.includes(query.get("view")) ? query.get("view") : TEXTS.view;
  for (const key of [...OF_PAGE.slice(1), ...OF_VIEW[state.view]]) {
    const values = query.getAll(key).filter(GOOD[key] ?? Boolean);
    state[key] = key in LISTS ? values : values[0] ?? TEXTS[key];
  }
  if (state.corner.length !== 4) state.corner = [];
};

const writeNow = () => {
  clearTimeout(writing);
  writing = null;
  history.replaceState(history.state, "", address());
};

/** Change the state without a new entry in the history. */
export const replace = (changes) => {
  Object.assign(state, changes);
  writeNow();
};

/** Change the state as a deliberate step, which the back button undoes. */
export const go = (changes, more = null) => {
  if (writing) writeNow();
  clearTimeout(dragging);
  dragging = null;
  Object.assign(state, changes);
  if (address() !== location.pathname + location.search) history.pushState(more, "", address());
  tell();
};

/** Change the state while something is dragged: all changes until a pause are one step in the history. */
export const drag = (changes) => {
  if (dragging === null) history.pushState(null, "", address());
  clearTimeout(dragging);
  dragging = setTimeout(() => { dragging = null; }, DRAG_ENDS);
  Object.assign(state, changes);
  writing ??= setTimeout(writeNow, WRITE_EVERY);
  tell();
};

addEventListener("popstate", () => {
  clearTimeout(writing);
  writing = null;
  readAddress();
  tell();
});
