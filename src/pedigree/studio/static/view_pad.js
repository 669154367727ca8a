// The view "pad": a square between four dogs.

import { drag, go, state } from "./address.js";
import { dogField } from "./controls.js";
import { described, inside, tooLong } from "./dogs.js";
import { at, button, make, newest } from "./dom.js";
import { current } from "./models.js";
import { cut, enlargement, strip } from "./pictures.js";
import * as server from "./server.js";
import * as status from "./status.js";

const ACROSS = 5; // pictures in a row of the background
const STEP = 0.05; // of an arrow key
const NAMES = ["Top left", "Top right", "Bottom left", "Bottom right"];

const corner = (place) => dogField(NAMES[place], (dog) => go({ corner: state.corner.with(place, dog) }));
const corners = NAMES.map((_, place) => corner(place));
let background = "";

const here = (x, y) => inside(state.corner, x, y, current().architecture_mixes);
const place = () => [Number(state.x), Number(state.y)];
const limited = (value) => String(Number(Math.min(1, Math.max(0, value)).toFixed(3)));
const moveTo = (x, y) => drag({ x: limited(x), y: limited(y) });

const drawBackground = newest(async () => {
  const wanted = JSON.stringify([state.corner, server.ofModel()]);
  if (wanted === background) return;
  const shares = Array.from({ length: ACROSS }, (_, step) => step / (ACROSS - 1));
  try {
    const bitmap = await strip(shares.flatMap((y) => shares.map((x) => here(x, y))));
    const canvas = at("pad-back");
    const row = ACROSS * bitmap.height; // px
    canvas.width = canvas.height = row;
    const pen = canvas.getContext("2d");
    shares.forEach((_, place) => {
      pen.drawImage(bitmap, place * row, 0, row, bitmap.height, 0, place * bitmap.height, row, bitmap.height);
    });
    background = wanted;
  } catch (error) {
    server.report(error);
  }
});

const drawDog = newest(async () => {
  const dog = here(...place());
  if (tooLong(dog)) return status.failed(tooLong(dog));
  status.busy();
  try {
    const bitmap = await strip([dog]);
    cut(at("pad-dog").querySelector("canvas"), bitmap, 0);
    at("pad-dog").dataset.dog = dog;
    const { breeds } = described(dog);
    at("pad-dog").setAttribute("aria-label", `Open this dog: ${breeds}`);
    at("pad-text").textContent = breeds;
    at("pad-size").textContent = enlargement(bitmap.height, at("pad-dog"));
    status.done("Drawn.");
  } catch (error) {
    server.report(error);
  }
});

const byKey = (event) => {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!steps) return;
  event.preventDefault();
  const [x, y] = place();
  const step = event.shiftKey ? STEP / 5 : STEP;
  moveTo(x + step * steps[0], y + step * steps[1]);
};

const byPointer = (event) => {
  if (event.type === "pointerdown") event.currentTarget.setPointerCapture(event.pointerId);
  else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
  const box = event.currentTarget.getBoundingClientRect();
  moveTo((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
};

export const setUp = () => {
  at("pad-corners").append(...corners.map(({ element }, number) => make("fieldset", {}, make("legend", {}, NAMES[number]), element)));
  at("pad").addEventListener("pointerdown", byPointer);
  at("pad").addEventListener("pointermove", byPointer);
  at("pad").addEventListener("keydown", byKey);
  at("pad-more").append(button("Centre", () => go({ x: "0.5", y: "0.5" })));
};

export const renew = () => corners.forEach((field) => field.renew());

export const show = () => {
  const [x, y] = place();
  const text = `${Math.round(100 * x)}\u00a0% to the right, ${Math.round(100 * y)}\u00a0% down`;
  at("pad").style.setProperty("--x", x);
  at("pad").style.setProperty("--y", y);
  at("pad").setAttribute("aria-valuenow", Math.round(100 * x));
  at("pad").setAttribute("aria-valuetext", text);
  at("pad-place").textContent = text;
  corners.forEach((field, number) => field.set(state.corner[number]));
  return Promise.all([drawBackground(), drawDog()]);
};
