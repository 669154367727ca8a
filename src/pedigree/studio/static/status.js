// The line at the foot of the window: drawing, drawn, waiting, errors, or a server that does not answer.

import { at, make } from "./dom.js";

const SOON = 250; // ms: a faster drawing is not announced
const LASTING = 2500; // ms that a line stays that needs no action
let timer = null;
let away = false;

const set = (kind, ...content) => {
  clearTimeout(timer);
  at("status").className = kind;
  at("status").replaceChildren(...content);
};

const clear = () => set("");

/** A line that needs no action. It goes away by itself. */
const passing = (kind, text) => {
  set(kind, text);
  timer = setTimeout(clear, LASTING);
};

export const busy = (text = "Drawing…") => {
  if (away) return;
  clearTimeout(timer);
  timer = setTimeout(() => set("busy", text), SOON);
};

/** Nothing is being drawn any more. Errors stay. */
export const idle = () => {
  if (away || at("status").className === "error") return;
  clear();
};

/** A drawing is there: only screen readers need the line. */
export const done = (text) => passing("done", text);

export const news = (text) => passing("news", text);

export const waiting = (seconds) => set("busy", `The server is busy: waiting ${seconds} s, then trying again…`);

export const failed = (text) => set("error", text);

/** Say that the server does not answer, until `back`. */
export const gone = () => {
  if (away) return;
  away = true;
  set("error", "The server does not answer. Start it again with ", make("code", {}, "pedigree studio"), ".");
};

export const back = () => {
  if (!away) return;
  away = false;
  news("The server answers again.");
};
