// The breeds of the page's model, and their thumbnails in strips of 40.

import { state } from "./address.js";
import { breedName } from "./dogs.js";
import { strip } from "./pictures.js";
import * as server from "./server.js";

const CHUNK = 40;
let source = "";
let list = [];
let strips = new Map();

/** The breeds, as {folder, name, dog}, in the order of the model. */
export const breeds = () => list;

/** Where the breeds are from: a model and its hash. */
export const breedsSource = () => source;

/** Read the breeds of a model, unless `breeds` has them already. */
export const loadBreeds = async (model = state.model, hash = state.hash) => {
  const wanted = `${model} ${hash}`;
  if (wanted === source) return;
  const answer = await server.json("/api/breeds", { model });
  list = answer.breeds.map((breed) => ({ ...breed, name: breedName(breed.folder) }));
  strips = new Map();
  source = wanted;
};

/** Return the thumbnail of breed number `place`: [strip, place in it]. */
export const thumbnail = async (place) => {
  const chunk = Math.floor(place / CHUNK);
  if (!strips.has(chunk)) {
    const dogs = list.slice(chunk * CHUNK, (chunk + 1) * CHUNK).map(({ dog }) => dog);
    const drawn = strip(dogs);
    strips.set(chunk, drawn);
    drawn.catch(() => strips.delete(chunk));
  }
  return [await strips.get(chunk), place % CHUNK];
};

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_-]+/g, " ").trim();

/** Return the breeds whose names have all words of `query`; those that start with it come first. */
export const found = (query) => {
  const words = plain(query).split(" ");
  const matching = list.filter(({ folder, name }) => words.every((word) => plain(`${name} ${folder}`).includes(word)));
  const starts = ({ name }) => plain(name).startsWith(plain(query));
  return [...matching.filter(starts), ...matching.filter((breed) => !starts(breed))];
};
