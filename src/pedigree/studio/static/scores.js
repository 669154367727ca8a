// The table of the scores of two generators.

import { make } from "./dom.js";
import * as server from "./server.js";

const WORDS = { noise: "within noise", same: "the same", "?": "not judged" };
const LOOKS = { better: "state watch", worse: "state bad" };

const judged = (verdict) => make("span", { className: LOOKS[verdict] ?? "state" }, WORDS[verdict] ?? verdict);

const line = ({ title, judge, one, other, verdict }) =>
  make("tr", {},
    make("th", { scope: "row" }, title, judge ? make("span", { className: "note judge" }, judge) : ""),
    make("td", { className: "n" }, one),
    make("td", { className: "n" }, other),
    make("td", {}, verdict ? judged(verdict) : ""));

const table = (rows, one, other) => {
  const heads = ["Score", one, other, `${other} is`];
  const head = make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text))));
  const body = make("table", { className: "rows" }, head, make("tbody", {}, ...rows.map(line)));
  return make("div", { className: "scroll" }, body);
};

/** Return an element with the scores of model `other` beside those of model `one`. */
export const scores = async (one, other, titleOf) => {
  const names = [titleOf(one), titleOf(other)];
  const element = make("div", { className: "scores" }, make("h3", {}, `“${names[1]}” compared with “${names[0]}”`));
  let answer;
  try {
    answer = await server.json("/api/compare", { one, other });
  } catch (error) {
    answer = { available: false, why: error.message };
  }
  if (!answer.available) {
    element.append(make("p", { className: "lead" }, answer.why));
    return element;
  }
  const differ = answer.rows.filter(({ verdict }) => verdict === "better" || verdict === "worse");
  const rest = answer.rows.filter((row) => !differ.includes(row));
  element.append(differ.length ? table(differ, ...names) : make("p", { className: "lead" }, "No score differs beyond noise."));
  if (rest.length) {
    const summary = make("summary", {}, `${rest.length} more, within noise or without a verdict`);
    element.append(make("details", {}, summary, table(rest, ...names)));
  }
  return element;
};
