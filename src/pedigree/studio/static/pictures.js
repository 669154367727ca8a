// Pictures of dogs: one strip for many dogs, cut into canvases.

import { described } from "./dogs.js";
import { make, plural } from "./dom.js";
import * as server from "./server.js";
import * as status from "./status.js";

const READABLE = 160; // CSS pixels: the side to which smaller pictures are enlarged
const LONGEST = 24000; // characters of the dogs in an address

/** Split dogs into groups whose addresses the server accepts. */
const groups = (dogs) => {
  const all = [];
  let left = 0;
  for (const dog of dogs) {
    const length = encodeURIComponent(dog).length + 2 * dog.length; // brackets become three characters
    if (length > left) {
      all.push([]);
      left = LONGEST;
    }
    all.at(-1).push(dog);
    left -= length;
  }
  return all;
};

/** Draw dogs side by side: a picture `size` px high that a canvas can draw. */
export const strip = async (dogs, model = server.ofModel()) => {
  const drawn = groups(dogs).map((group) => server.picture("/api/strip.png", { dog: group, ...model }));
  const parts = (await Promise.all(drawn)).map(({ bitmap }) => bitmap);
  if (parts.length === 1) return parts[0];
  const whole = new OffscreenCanvas(parts.reduce((sum, { width }) => sum + width, 0), parts[0].height);
  let left = 0;
  for (const part of parts) {
    whole.getContext("2d").drawImage(part, left, 0);
    left += part.width;
  }
  return whole;
};

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

/** Make an item of a sheet: the dog, which opens on a click, and a caption. `name` tells screen readers which one it is. */
export const tile = (dog, bitmap, place, caption, name = "") => {
  const { breeds, latent } = described(dog);
  const canvas = cut(document.createElement("canvas"), bitmap, place);
  canvas.setAttribute("aria-hidden", "true");
  const button = make("button", { type: "button", className: "dog", data: { dog }, "aria-label": [name, breeds, latent].filter(Boolean).join(", ") }, canvas);
  if (caption) button.append(make("span", { className: "seed" }, caption));
  return make("li", {}, button);
};

/** Draw dogs into a list. `caption(dog, place)` returns the text below a dog. */
export const sheet = async (list, dogs, caption, model) => {
  list.setAttribute("aria-busy", "true");
  if (!list.children.length) list.append(...dogs.map(() => make("li", { className: "blank" })));
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
