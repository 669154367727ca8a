// Where a view starts when its address names no dogs.

import { replace, state } from "./address.js";
import { breeds } from "./breeds.js";
import { readBreeds, read, write, writeBreeds } from "./dogs.js";
import { current, modelOf, models, writeWith } from "./models.js";

/** Return breed number `place` of four that are spread over the list. */
const spread = (place) => breeds()[Math.floor((place * breeds().length) / 4) % breeds().length].folder;

const dog = (place) => write({ breeds: spread(place), latent: String(place + 1) });

const knows = (parts) => parts.every(({ folder }) => breeds().some((breed) => breed.folder === folder));
const known = (spec) => knows(read(spec).breeds);

/** Fill the model and its hash, if the address lacks them. */
export const fillModel = () => {
  if (!state.model) replace({ model: (models().find(({ error }) => !error) ?? models()[0])?.id ?? "" });
  if (!state.hash && current()?.hash) replace({ hash: current().hash });
};

/** The corners of the pad, or those that it starts with. */
export const cornersOrStart = () => (state.corner.length ? state.corner : [0, 1, 2, 3].map(dog));

/** Fill what the present view needs and the address lacks. */
export const fillStart = () => {
  const start = {
    sheet: { breed: () => spread(0) },
    mix: { mix: () => writeBreeds([0, 2].map((place) => ({ folder: spread(place), weight: 0.5 }))) },
    cross: { one: () => dog(0), other: () => dog(2) },
    pad: { corner: cornersOrStart },
    walk: { step: () => [0, 1, 2].map(dog) },
    compare: { breed: () => spread(0), with: others },
  }[state.view];
  const changes = Object.entries(start).filter(([key]) => !state[key].length).map(([key, value]) => [key, value()]);
  replace(Object.fromEntries(changes));
};

/** The model of the page and another one: a revision of the project if there is one, as it has the same breeds. */
const others = () => {
  const ids = models().filter(({ error }) => !error).map(({ id }) => id);
  const revisions = ids.filter((id) => id.startsWith("rev:"));
  const other = [...revisions, ...ids].find((id) => modelOf(id).hash !== current().hash);
  return [state.model, ...(other ? [other] : [])].map(writeWith);
};

/** Return changes that empty what names breeds which the model does not have. */
export const withoutUnknown = () => ({
  dog: "",
  breed: knows([{ folder: state.breed }]) ? state.breed : "",
  mix: state.mix && knows(readBreeds(state.mix)) ? state.mix : "",
  one: state.one && known(state.one) ? state.one : "",
  other: state.other && known(state.other) ? state.other : "",
  corner: state.corner.every(known) ? state.corner : [],
  step: state.step.filter(known),
});
