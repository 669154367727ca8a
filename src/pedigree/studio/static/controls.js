// Fields that several views share: seed, truncation, and a dog of one breed and seed.

import { isSeed, read, seedAfter, write } from "./dogs.js";
import { button, freshId, make } from "./dom.js";
import { picker } from "./picker.js";

/**
 * Make a field for a seed with a button for a random one. `owner` tells screen readers whose seed it is.
 *
 * Returns {element, set(seed)}.
 */
export const seedField = (onSeed, owner = "") => {
  const name = owner ? `${owner}: seed` : "Seed";
  const input = make("input", { type: "text", inputMode: "numeric", autocomplete: "off", className: "number", "aria-label": name });
  const problem = make("span", { className: "note problem", role: "alert" });
  const check = () => {
    const good = isSeed(input.value.trim());
    input.setAttribute("aria-invalid", String(!good));
    problem.textContent = good ? "" : "A seed is a whole number from 0 to 9223372036854775807.";
    if (good) onSeed(String(BigInt(input.value.trim())));
  };
  input.addEventListener("change", check);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key !== "Enter" && !step) return;
    event.preventDefault();
    if (step && isSeed(input.value)) input.value = seedAfter(input.value, step);
    check();
  });
  const dice = button("", () => {
    input.value = String(Math.floor(Math.random() * 1e6));
    check();
  }, { className: "dice", "aria-label": owner ? `${owner}: random seed` : "Random seed", title: "Random seed" });
  const element = make("div", { className: "field seed-field" },
    make("label", {}, make("span", { className: "label" }, "Seed"), input), dice, problem);
  const set = (seed) => {
    if (document.activeElement !== input || isSeed(seed)) input.value = seed;
    problem.textContent = "";
    input.removeAttribute("aria-invalid");
  };
  return { element, set };
};

/** Make a range. Returns {element, input, set(value, text)}; `name` is the label for screen readers. */
export const rangeField = (label, { min, max, step }, onValue, name = label) => {
  const amount = make("span", { className: "amount", "aria-hidden": "true" });
  const input = make("input", { type: "range", min, max, step, "aria-label": name });
  input.addEventListener("input", () => onValue(input.value));
  const element = make("div", { className: "field" },
    make("label", {}, make("span", { className: "label" }, label, " ", amount), input));
  const set = (value, text = value) => {
    input.value = value;
    amount.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  return { element, input, set };
};

/** Make the field of the truncation. Returns {element, set(truncation, model)}; "" is off. */
export const truncationField = (onTruncation) => {
  const range = rangeField("Truncation", { min: 0, max: 2, step: 0.05 }, onTruncation);
  const off = make("input", { type: "checkbox" });
  const why = make("p", { className: "note", id: freshId() });
  range.input.setAttribute("aria-describedby", why.id);
  const usual = () => String(Math.min(Math.max(0.8, range.input.min), range.input.max));
  off.addEventListener("change", () => onTruncation(off.checked ? "" : usual()));
  const element = make("div", { className: "group-field" }, range.element,
    make("label", { className: "check" }, off, "Off: dogs vary as in training"), why);
  const set = (truncation, model) => {
    Object.assign(range.input, { min: model.truncation.low, max: model.truncation.high });
    why.textContent = model.truncation.why;
    off.checked = truncation === "";
    range.set(truncation || model.truncation.high, truncation || "off");
  };
  return { element, set };
};

/** Make buttons of which one is chosen. Returns {element, set(value)}. */
export const choiceField = (label, values, onValue) => {
  const name = freshId();
  const radio = (value) => make("input", { type: "radio", name, value, onchange: () => onValue(value) });
  const radios = values.map(radio);
  const element = make("fieldset", { className: "choice" }, make("legend", { className: "label" }, label),
    ...radios.map((one) => make("label", {}, one, make("span", {}, one.value))));
  const set = (value) => radios.forEach((one) => { one.checked = one.value === value; });
  return { element, set };
};

/** Make a breed and a seed that together are a dog: the one of `owner`. Returns {element, set(dog), renew()}. */
export const dogField = (owner, onDog) => {
  let dog = "";
  const change = (part) => {
    const { breeds, latent, truncation } = read(dog);
    onDog(write({ breeds, latent, truncation, ...part }));
  };
  const breed = picker({ owner, onChoose: (folder) => change({ breeds: folder }) });
  const seed = seedField((latent) => change({ latent }), owner);
  const element = make("div", { className: "dog-field" }, breed.element, seed.element);
  const set = (newDog) => {
    dog = newDog;
    const { breeds, latent } = read(dog);
    breed.set(breeds[0].folder);
    seed.set(isSeed(latent) ? latent : "");
  };
  return { element, set, renew: breed.renew };
};
