// The view "compare": the same breed and seeds by two or three generators, and their scores.

import { go, state } from "./address.js";
import { breedName, seedAfter, write } from "./dogs.js";
import { seedField } from "./controls.js";
import { at, button, make, newest, renewChildren } from "./dom.js";
import { fillModels, loadModels, modelOf, models, problems, readWith, writeWith } from "./models.js";
import { picker } from "./picker.js";
import { enlargement, sheet } from "./pictures.js";
import { scores } from "./scores.js";
import * as server from "./server.js";
import * as status from "./status.js";

const DOGS = 8;
const MOST = 3;

const breed = picker({ onChoose: (folder) => go({ breed: folder }) });
const seed = seedField((text) => go({ seed: text }));

/** A model that the comparison does not have, and that is not the same file as one of its models. */
const another = () => {
  const used = chosen().map(({ id }) => modelOf(id)?.hash);
  return models().find(({ error, hash }) => !error && !used.includes(hash));
};
const add = button("Add a generator", () => go({ with: [...state.with, writeWith(another().id)] }));

let sides = []; // of the models in `sidesOf`
let sidesOf = "";

const chosen = () => state.with.map(readWith);
const titleOf = (id) => modelOf(id)?.title ?? id;

const side = ({ id }, place) => {
  const choose = () => go({ with: state.with.with(place, writeWith(select.value)) });
  const select = make("select", { "aria-label": `Generator ${place + 1}`, onchange: choose });
  fillModels(select, id);
  const remove = button("Remove", () => go({ with: state.with.toSpliced(place, 1) }), {
    className: "quiet", hidden: state.with.length <= 2, "aria-label": `Remove generator ${place + 1}`,
  });
  const list = make("ul", { className: "dogs row", "aria-label": `Dogs of ${titleOf(id)}` });
  const note = make("p", { className: "note" });
  const label = make("label", {}, make("span", { className: "label" }, `Generator ${place + 1}`), select);
  const head = make("div", { className: "side-head" }, label, note, remove);
  return { list, note, element: make("div", { className: "side-by-side" }, head, list) };
};

const drawRow = async ({ id, hash }, { list, note }) => {
  const { breed: breeds, seed: first } = state;
  const dogs = Array.from({ length: DOGS }, (_, place) => write({ breeds, latent: seedAfter(first, place) }));
  try {
    const size = await sheet(list, dogs, (dog) => dog.split("~")[1], { model: id, hash });
    note.textContent = `${enlargement(size, list)} · hash ${hash}`;
  } catch (error) {
    if (!(error instanceof server.Refusal)) throw error;
    status.idle(); // the row shows the error: the others may be drawn
    list.replaceChildren();
    note.textContent = error.message;
  }
};

const draw = newest(async () => {
  const list = chosen();
  if (state.with.join() !== sidesOf) {
    sides = list.map(side);
    sidesOf = state.with.join();
    renewChildren(at("compare-rows"), ...sides.map(({ element }) => element));
  }
  at("compare-title").textContent = `${breedName(state.breed)}, seeds ${state.seed} to ${seedAfter(state.seed, DOGS - 1)}`;
  for (const [place, one] of list.entries()) await drawRow(one, sides[place]);
  const alone = make("p", { className: "lead" }, another() === undefined
    ? "There is no other generator here. Add a git revision that has one, or start with pedigree studio --model FILE."
    : "Add another generator or a revision to compare with.");
  const tables = list.length < 2 ? [alone] : [];
  for (const other of list.slice(1)) tables.push(await scores(list[0].id, other.id, titleOf));
  at("compare-scores").replaceChildren(...tables);
});

const addRevision = async (event) => {
  event.preventDefault();
  const revision = at("compare-revision").value.trim();
  if (!revision) return;
  status.busy("Reading the revision…");
  try {
    const id = await loadModels(revision);
    at("compare-revision").value = "";
    go({ with: [...state.with.slice(0, MOST - 1), writeWith(id)] });
  } catch (error) {
    server.report(error);
  }
};

export const setUp = () => {
  at("compare-controls").append(breed.element, seed.element);
  at("compare-add").append(add);
  at("compare-form").addEventListener("submit", addRevision);
};

export const renew = () => breed.renew();

export const show = () => {
  breed.set(state.breed);
  seed.set(state.seed);
  add.disabled = state.with.length >= MOST || !another();
  at("compare-problems").replaceChildren(...problems());
  return draw();
};
