// Pictures of dogs: one strip for many dogs, cut into canvases.

import { described } from "./dogs.js";
import { make, plural } from "./dom.js";
import * as server from "./server.js";
import * as status from "./status.js";

const READABLE = 160; // CSS pixels: the side to which smaller pictures are enlarged
const MOST = 64; // dogs in a strip

/** Draw dogs side by side: an ImageBitmap `size` px high. */
export const strip = async (dogs, model = server.ofModel()) =>
  (await server.picture("/api/strip.png", { dog: dogs.slice(0, MOST), ...model })).bitmap;

/** Copy dog number `place` of a strip to a canvas, at its true size. */
export const cut = (canvas, bitmap, place, row = 0, side = bitmap.height) => {
  canvas.width = side;
  canvas.height = side;
  canvas.getContext("2d").drawImage(bitmap, place * side, row * side, side, side, 0, 0, side, side);
  return canvas;
};

/** Return the side in CSS pixels at which a picture of `size` px is shown in a sheet. */
export const shownSide = (size) => Math.max(size, READABLE);

/** Say how large the pictures of `size` px in an element are shown. */
export const enlargement = (size, element) => {
  const shown = element.querySelector("canvas")?.clientWidth || shownSide(size);
  return shown === size ? `${size} px, true size` : `${size} px, enlarged ${Number((shown / size).toFixed(1))} times`;
};

/** Make an item of a sheet: the dog, which opens on a click, and a caption. */
export const tile = (dog, bitmap, place, caption) => {
  const { breeds, latent } = described(dog);
  const canvas = cut(document.createElement("canvas"), bitmap, place);
  canvas.setAttribute("aria-hidden", "true");
  const button = make("button", { type: "button", className: "dog", data: { dog }, "aria-label": `${breeds}, ${latent}` }, canvas);
  if (caption) button.append(make("span", { className: "seed" }, caption));
  return make("li", {}, button);
};

/** Draw dogs into a list. `caption(dog, place)` returns the text below a dog. */
export const sheet = async (list, dogs, caption, model) => {
  list.setAttribute("aria-busy", "true");
  status.busy();
  try {
    const bitmap = await strip(dogs, model);
    list.style.setProperty("--side", `${shownSide(bitmap.height)}px`);
    list.replaceChildren(...dogs.map((dog, place) => tile(dog, bitmap, place, caption(dog, place))));
    status.done(`${plural(dogs.length, "dog")} drawn.`);
    return bitmap.height;
  } finally {
    list.removeAttribute("aria-busy");
  }
};
