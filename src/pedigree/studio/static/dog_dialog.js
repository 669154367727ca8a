// One dog, large: its seed, its children, its nearest training photo, and what can be done with it.

import { address, go, state } from "./address.js";
import { breedName, child, described, read, seedAfter, tooLong } from "./dogs.js";
import { at, button, make, newest } from "./dom.js";
import { current } from "./models.js";
import { cut, enlargement, strip, tile } from "./pictures.js";
import * as server from "./server.js";
import { cornersOrStart } from "./start.js";
import * as status from "./status.js";

const CHILDREN = 8;
const KEPT = "pedigree-studio-nearest";
let litter = "1";
let focused = "";

const dialog = () => at("dog-dialog");

/** Open a dog as a step in the history. */
export const openDog = (dog) => {
  litter = "1";
  const steps = history.state?.opened ?? 0; // since the page without a dog; none if a link has opened the first one
  go({ dog }, { opened: state.dog && !steps ? 0 : steps + 1 });
};

const close = () => {
  if (history.state?.opened) history.go(-history.state.opened);
  else go({ dog: "" });
};

const leave = (changes) => go({ dog: "", ...changes });

const copyLink = async () => {
  const link = new URL(address(), location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    at("dog-message").textContent = "The link is copied.";
  } catch {
    at("dog-message").replaceChildren("Copy this link: ", make("code", {}, link));
  }
};

const save = () => {
  const { breeds, latent } = read(state.dog);
  const part = latent.replace(/[^0-9a-z.]+/g, "-").slice(0, 40).replace(/[-.]+$/, "");
  const name = `${breedName(breeds[0].folder)}-${part}.png`;
  return server.download("/api/dog.png", { dog: state.dog, download: 1, ...server.ofModel() }, name);
};

const corner = (place) => button(["↖", "↗", "↙", "↘"][place], () => {
  leave({ view: "pad", corner: cornersOrStart().with(place, state.dog) });
}, { "aria-label": `Use as ${["top left", "top right", "bottom left", "bottom right"][place]} corner of the pad` });

let nearestWanted = true;
try {
  nearestWanted = localStorage.getItem(KEPT) !== "no";
} catch {
  // a browser without storage: the choice lasts as long as the page
}

const wantNearest = (wanted) => {
  nearestWanted = wanted;
  try {
    localStorage.setItem(KEPT, wanted ? "yes" : "no");
  } catch {
    // as above
  }
};

const drawNearest = newest(async (dog) => {
  const model = current();
  at("nearest-switch").hidden = !model.nearest;
  at("nearest-check").checked = nearestWanted;
  at("nearest-photo").hidden = true;
  at("nearest-text").textContent = "";
  if (model.nearest && !nearestWanted) return;
  if (model.nearest) at("nearest-text").textContent = "Searching the training photos…";
  try {
    const answer = await server.json("/api/nearest", { dog, ...server.ofModel() });
    if (dog !== state.dog) return;
    if (!answer.available) {
      at("nearest-switch").hidden = true;
      at("nearest-text").textContent = answer.why;
      return;
    }
    at("nearest-image").src = answer.image;
    at("nearest-image").alt = `The nearest training photo: ${answer.breed.replaceAll("_", " ")}`;
    at("nearest-breed").textContent = answer.breed.replaceAll("_", " ");
    at("nearest-distance").textContent =
      `distance ${answer.distance.toFixed(2)} · typical of held-out photos ${answer.typical.toFixed(2)}`;
    at("nearest-state").textContent = answer.suspicious ? "suspected copy" : "no copy";
    at("nearest-state").className = answer.suspicious ? "state bad" : "state";
    at("nearest-text").textContent = answer.meaning;
    at("nearest-photo").hidden = false;
  } catch (error) {
    at("nearest-text").textContent = "";
    server.report(error);
  }
});

const drawDog = newest(async (dog) => {
  const seeds = Array.from({ length: CHILDREN }, (_, place) => seedAfter(litter, place));
  const children = seeds.map((seed) => child(dog, seed));
  const problem = tooLong(children.at(-1));
  status.busy();
  dialog().setAttribute("aria-busy", "true");
  try {
    const bitmap = await strip(problem ? [dog] : [dog, ...children]);
    if (dog !== state.dog) return;
    cut(at("dog-canvas"), bitmap, 0);
    at("dog-size").textContent = enlargement(bitmap.height, at("dog-canvas").parentElement);
    const items = problem
      ? [make("li", { className: "note" }, problem)]
      : children.map((one, place) => tile(one, bitmap, place + 1, "", `Child ${seeds[place]}`));
    at("dog-children").replaceChildren(...items);
    at("dog-litter").hidden = Boolean(problem);
    status.done("Drawn.");
  } catch (error) {
    server.report(error);
  } finally {
    dialog().removeAttribute("aria-busy");
  }
});

export const setUp = () => {
  at("dog-corners").append(...[0, 1, 2, 3].map(corner));
  at("dog-actions").append(
    button("Save as PNG", save), button("Copy link", copyLink),
    button("Use as parent 1", () => leave({ view: "cross", one: state.dog })),
    button("Use as parent 2", () => leave({ view: "cross", other: state.dog })),
    button("Add to walk", () => leave({ view: "walk", step: [...state.step, state.dog] })));
  at("dog-litter").addEventListener("click", () => {
    litter = seedAfter(litter, CHILDREN);
    drawDog(state.dog);
  });
  at("dog-close").addEventListener("click", close);
  dialog().addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  dialog().addEventListener("close", () => {
    document.body.append(at("status"));
    focused = "";
  });
  dialog().addEventListener("click", (event) => {
    if (event.target === dialog()) close();
  });
  at("nearest-check").addEventListener("change", (event) => {
    wantNearest(event.target.checked);
    drawNearest(state.dog);
  });
};

/** Show the dog of the state, or none. */
export const showDog = () => {
  const { dog } = state;
  if (!dog) return dialog().close();
  const { breeds, latent } = described(dog);
  at("dog-title").textContent = breeds;
  at("dog-latent").textContent = latent;
  at("dog-spec").textContent = dog;
  at("dog-message").textContent = "";
  if (!dialog().open) {
    dialog().showModal();
    dialog().append(at("status")); // what is outside of an open dialog is hidden from screen readers
  }
  if (dog !== focused) at("dog-title").focus();
  focused = dog;
  drawDog(dog);
  return drawNearest(dog);
};
