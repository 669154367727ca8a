// The view "mix": dogs between two to four breeds.

import { drag, go, state } from "./address.js";
import { breeds } from "./breeds.js";
import { choiceField, rangeField, seedField, truncationField } from "./controls.js";
import { described, readBreeds, seedAfter, write, writeBreeds } from "./dogs.js";
import { at, button, make, newest } from "./dom.js";
import { current } from "./models.js";
import { picker } from "./picker.js";
import { enlargement, sheet } from "./pictures.js";
import * as server from "./server.js";
import * as status from "./status.js";

const MOST = 4;
let rows = [];

const parts = () => readBreeds(state.mix);
const changed = (place, change) => parts().map((part, other) => (other === place ? { ...part, ...change } : part));
const text = (list) => writeBreeds(list, true);

const row = (place) => {
  const name = `Part ${place + 1}`;
  const weigh = (value) => drag({ mix: text(changed(place, { weight: Number(value) })) });
  const breed = picker({ owner: name, onChoose: (folder) => go({ mix: text(changed(place, { folder })) }) });
  const share = rangeField("Share", { min: 0, max: 1, step: 0.01 }, weigh, `${name}: share`);
  const remove = button("Remove", () => go({ mix: text(parts().filter((_, other) => other !== place)) }), {
    className: "quiet", "aria-label": `Remove breed ${place + 1}`,
  });
  return { breed, share, remove, element: make("div", { className: "part" }, breed.element, share.element, remove) };
};

const seed = seedField((value) => go({ seed: value }));
const count = choiceField("Dogs", ["1", "2", "4", "8"], (value) => go({ dogs: value }));
const truncation = truncationField((value) => drag({ truncation: value }));
const add = button("Add a breed", () => {
  const used = parts().map(({ folder }) => folder);
  const next = breeds().find(({ folder }) => !used.includes(folder));
  if (next) go({ mix: text([...parts(), { folder: next.folder, weight: 0.5 }]) });
}, { id: "mix-add" });

const draw = newest(async () => {
  const list = parts();
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  const mixes = current().architecture_mixes;
  at("mix-none").hidden = mixes && total > 0;
  at("mix-none").textContent = mixes
    ? "All shares are 0. Give at least one breed a share."
    : "This generator cannot mix breeds: its network has no table of breeds to blend. Choose another generator.";
  at("mix-dogs").hidden = !at("mix-none").hidden;
  if (!at("mix-none").hidden) return status.idle();
  const dogs = Array.from({ length: Number(state.dogs) }, (_, place) =>
    write({ breeds: list, latent: seedAfter(state.seed, place), truncation: state.truncation }));
  try {
    const size = await sheet(at("mix-dogs"), dogs, (dog) => `seed ${dog.split("~")[1]}`);
    at("mix-title").textContent = described(dogs[0]).breeds;
    at("mix-size").textContent = enlargement(size, at("mix-dogs"));
  } catch (error) {
    server.report(error);
  }
});

export const setUp = () => at("mix-controls").append(make("div", { id: "mix-parts" }), add, seed.element, count.element, truncation.element);

export const renew = () => rows.forEach(({ breed }) => breed.renew());

export const show = () => {
  const list = parts();
  const total = list.reduce((sum, { weight }) => sum + weight, 0) || 1;
  if (rows.length !== list.length) {
    rows = list.map((_, place) => row(place));
    at("mix-parts").replaceChildren(...rows.map(({ element }) => element));
  }
  rows.forEach(({ breed, share, remove }, place) => {
    breed.set(list[place].folder);
    share.set(String(list[place].weight), `${Math.round((100 * list[place].weight) / total)}\u00a0%`);
    remove.hidden = list.length <= 2;
  });
  add.hidden = list.length >= Math.min(MOST, breeds().length);
  seed.set(state.seed);
  count.set(state.dogs);
  truncation.set(state.truncation, current());
  return draw();
};
