// The view "walk": a film from dog to dog and back to the first.

import { drag, go, state } from "./address.js";
import { dogField, rangeField } from "./controls.js";
import { described, write } from "./dogs.js";
import { breeds } from "./breeds.js";
import { at, button, make, newest, renewChildren } from "./dom.js";
import { film } from "./film.js";
import { current } from "./models.js";
import { cut, enlargement, strip } from "./pictures.js";
import * as server from "./server.js";
import * as status from "./status.js";

const MOST = 16; // dogs
const FILMS = ["gif", "mp4"];
const MOST_SCALE = 4;
const LARGEST = 512; // pixels: the side of an enlarged frame
let next = ""; // the dog that "Add this dog" adds
let listed = "";

const frames = rangeField("Frames", { min: 2, max: 240, step: 1 }, (value) => drag({ frames: value }));
const field = dogField("Next dog", (dog) => {
  next = dog;
  field.set(next);
});

/** The frames of the film: at least one for each dog. */
const frameCount = () => String(Math.max(Number(state.frames), state.step.length));

const moved = (place, by) => {
  const list = [...state.step];
  list.splice(place + by, 0, ...list.splice(place, 1));
  return list;
};

const item = (dog, place) => {
  const { breeds: names, latent } = described(dog);
  const name = `dog ${place + 1}`;
  const picture = make("canvas", { "aria-hidden": "true", width: 1, height: 1 });
  const act = (sign, label, step, disabled) =>
    button(sign, () => go({ step: step() }), { className: "quiet", disabled, "aria-label": `${label} ${name}` });
  return make("li", {},
    make("button", { type: "button", className: "dog", data: { dog }, "aria-label": `Open ${name}: ${names}, ${latent}` },
      picture),
    make("span", {}, names, make("span", { className: "note" }, latent)),
    act("↑", "Move up", () => moved(place, -1), place === 0),
    act("↓", "Move down", () => moved(place, 1), place === state.step.length - 1),
    act("×", "Remove", () => state.step.toSpliced(place, 1), state.step.length === 1));
};

const drawList = newest(async () => {
  const wanted = JSON.stringify([state.step, server.ofModel()]);
  if (wanted === listed) return;
  const items = state.step.map(item);
  renewChildren(at("walk-dogs"), ...items);
  try {
    const bitmap = await strip(state.step);
    items.forEach((one, place) => cut(one.querySelector("canvas"), bitmap, place));
    listed = wanted;
  } catch (error) {
    server.report(error);
  }
});

const drawFilm = newest(async () => {
  const enough = state.step.length >= 2;
  at("walk-few").hidden = enough;
  at("walk-film").hidden = !enough;
  if (!enough) {
    film.stop();
    return status.idle();
  }
  status.busy("Drawing the film…");
  try {
    const count = frameCount();
    const values = { dog: state.step, frames: count, format: "strip", ...server.ofModel() };
    const { bitmap, headers } = await server.picture("/api/walk", values);
    const side = film.load(bitmap, Number(headers.get("X-Frames") ?? count));
    at("walk-size").textContent = `${count} frames · ${enlargement(side, at("walk-film"))}`;
    status.done("The film is drawn.");
  } catch (error) {
    server.report(error);
  }
});

const scale = () => Math.max(1, Math.min(MOST_SCALE, Math.floor(LARGEST / current().size)));

const filmOf = (format) =>
  ({ dog: state.step, frames: frameCount(), format, scale: scale(), ...server.ofModel() });

const save = (event) => {
  event.preventDefault();
  const { format } = event.currentTarget.dataset;
  return server.download("/api/walk", filmOf(format), `walk.${format}`);
};

export const setUp = () => {
  const add = button("Add this dog", () => go({ step: [...state.step, next] }), { id: "walk-add" });
  at("walk-next").append(field.element, add);
  at("walk-controls").append(frames.element);
  film.setUp();
  for (const format of FILMS) at(`walk-${format}`).addEventListener("click", save);
};

export const renew = () => {
  next = write({ breeds: breeds()[0].folder, latent: "1" });
  field.set(next);
  field.renew();
};

export const show = () => {
  frames.input.min = Math.max(2, state.step.length);
  frames.set(frameCount());
  at("walk-add").disabled = state.step.length >= MOST;
  for (const format of FILMS) {
    at(`walk-${format}`).href = server.endpoint("/api/walk", filmOf(format));
  }
  return Promise.all([drawList(), drawFilm()]);
};

export const hide = () => film.stop();
