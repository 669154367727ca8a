// The view "sheet": dogs of one breed with seeds in order.

import { drag, go, state } from "./address.js";
import { choiceField, seedField, truncationField } from "./controls.js";
import { breedName, seedAfter, write } from "./dogs.js";
import { at, button, newest } from "./dom.js";
import { current } from "./models.js";
import { picker } from "./picker.js";
import { enlargement, sheet } from "./pictures.js";
import * as server from "./server.js";

const wide = matchMedia("(min-width: 52rem)"); // a phone has no room for the whole list
const breed = picker({ inline: wide.matches, onChoose: (folder) => go({ breed: folder }) });
const seed = seedField((text) => go({ seed: text }));
const count = choiceField("Dogs", ["8", "16", "32", "64"], (text) => go({ count: text }));
const truncation = truncationField((text) => drag({ truncation: text }));

const dogs = () =>
  Array.from({ length: Number(state.count) }, (_, place) =>
    write({ breeds: state.breed, latent: seedAfter(state.seed, place), truncation: state.truncation }));

const save = (format) => () => {
  const { breed: folder, seed: first, count: number, truncation: limit } = state;
  const values = { breed: folder, seed: first, count: number, truncation: limit, format, ...server.ofModel() };
  return server.download("/api/dogs", values, `${breedName(folder)}-${first}.${format}`);
};

const draw = newest(async () => {
  const drawn = dogs();
  const { breed: folder, seed: first } = state;
  try {
    const size = await sheet(at("sheet-dogs"), drawn, (dog) => dog.split("~")[1]);
    at("sheet-title").textContent = breedName(folder);
    at("sheet-size").textContent = `Seeds ${first} to ${seedAfter(first, drawn.length - 1)} · ${enlargement(size, at("sheet-dogs"))}`;
  } catch (error) {
    server.report(error);
  }
});

export const setUp = () => {
  at("sheet-controls").append(breed.element, seed.element, count.element, truncation.element);
  const turn = (direction) => () => go({ seed: seedAfter(state.seed, direction * Number(state.count)) });
  at("sheet-more").append(button("← Earlier seeds", turn(-1)), button("Later seeds →", turn(1)),
    button("Save as PNG", save("png")), button("Save each dog (ZIP)", save("zip")));
};

export const renew = () => breed.renew();

export const show = () => {
  breed.set(state.breed);
  seed.set(state.seed);
  count.set(state.count);
  truncation.set(state.truncation, current());
  return draw();
};
