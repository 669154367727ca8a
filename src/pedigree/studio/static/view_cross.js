// The view "cross": two parents and eight of their children.

import { go, state } from "./address.js";
import { dogField } from "./controls.js";
import { cross, described, seedAfter, tooLong } from "./dogs.js";
import { at, button, make, newest } from "./dom.js";
import { current } from "./models.js";
import { enlargement, shownSide, strip, tile } from "./pictures.js";
import * as server from "./server.js";
import * as status from "./status.js";

const CHILDREN = 8;
const earlier = [];

const fields = { one: dogField("Parent 1", (dog) => go({ one: dog })), other: dogField("Parent 2", (dog) => go({ other: dog })) };
const undo = button("Undo", () => {
  earlier.pop();
  go(earlier.pop());
});

const draw = newest(async () => {
  const { one, other, litter } = state;
  const seeds = Array.from({ length: CHILDREN }, (_, place) => seedAfter(litter, place));
  const children = seeds.map((seed) => cross(one, other, seed, current().architecture_mixes));
  const problem = children.map(tooLong).find(Boolean);
  if (problem) return status.failed(problem);
  status.busy();
  if (!at("cross-dogs").children.length) at("cross-dogs").append(...children.map(() => make("li", { className: "blank" })));
  try {
    const bitmap = await strip([one, other, ...children]);
    const side = `${shownSide(bitmap.height)}px`;
    ["one", "other"].forEach((name, place) => {
      const list = at(`cross-${name}`);
      list.style.setProperty("--side", side);
      list.replaceChildren(tile([one, other][place], bitmap, place, "", `Parent ${place + 1}`));
      at(`cross-${name}-text`).textContent = Object.values(described([one, other][place])).join(", ");
    });
    at("cross-dogs").style.setProperty("--side", side);
    at("cross-dogs").replaceChildren(...children.map((dog, place) => tile(dog, bitmap, place + 2, `child ${seeds[place]}`, `Child ${seeds[place]}`)));
    at("cross-size").textContent = `Children ${seeds[0]} to ${seeds.at(-1)} · ${enlargement(bitmap.height, at("cross-dogs"))}`;
    status.done(`${CHILDREN} children drawn.`);
  } catch (error) {
    server.report(error);
  }
});

export const setUp = () => {
  at("cross-one-field").append(fields.one.element);
  at("cross-other-field").append(fields.other.element);
  at("cross-more").append(
    undo,
    button("Swap parents", () => go({ one: state.other, other: state.one })),
    button("Other children", () => go({ litter: seedAfter(state.litter, CHILDREN) })),
  );
};

export const renew = () => Object.values(fields).forEach((field) => field.renew());

export const show = () => {
  const now = { one: state.one, other: state.other, litter: state.litter };
  if (JSON.stringify(now) !== JSON.stringify(earlier.at(-1))) earlier.push(now);
  undo.disabled = earlier.length < 2;
  fields.one.set(state.one);
  fields.other.set(state.other);
  return draw();
};
