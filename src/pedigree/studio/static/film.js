// Plays a film on a canvas: its frames are cut from one picture, in rows of eight.

import { at } from "./dom.js";
import { cut } from "./pictures.js";

const ACROSS = 8; // frames in a row
const FPS = 12;
const still = matchMedia("(prefers-reduced-motion: reduce)");

let bitmap = null;
let count = 0;
let side = 0;
let frame = 0;
let timer = null;
let started = false; // whether a person has chosen to play or to pause
let wanted = !still.matches;

const show = (number) => {
  frame = number;
  cut(at("walk-canvas"), bitmap, frame % ACROSS, Math.floor(frame / ACROSS), side);
  at("walk-frame").value = frame;
  at("walk-frame").setAttribute("aria-valuetext", `frame ${frame + 1} of ${count}`);
};

const label = () => {
  at("walk-play").textContent = timer ? "Pause" : "Play";
};

const play = () => {
  clearInterval(timer);
  timer = setInterval(() => show((frame + 1) % count), 1000 / FPS);
  label();
};

const stop = () => {
  clearInterval(timer);
  timer = null;
  label();
};

/** Take a new film, and play it if the person wants moving pictures. Returns the side of a frame in px. */
const load = (newBitmap, frames) => {
  bitmap = newBitmap;
  count = frames;
  side = bitmap.width / Math.min(ACROSS, frames);
  at("walk-frame").max = count - 1;
  show(Math.min(frame, count - 1));
  if (wanted) play();
  return side;
};

const setUp = () => {
  at("walk-play").addEventListener("click", () => {
    started = true;
    wanted = !timer;
    if (wanted) play();
    else stop();
  });
  at("walk-frame").addEventListener("input", (event) => {
    wanted = false;
    stop();
    show(Number(event.target.value));
  });
  still.addEventListener("change", () => {
    if (started) return;
    wanted = !still.matches;
    if (!bitmap || still.matches) stop();
    else play();
  });
};

export const film = { load, stop, setUp };
