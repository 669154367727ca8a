// The generators that the server can draw with: the choice in the header, and the notice that one has changed.

import { go, state } from "./address.js";
import { at, make } from "./dom.js";
import * as server from "./server.js";

let list = [];

/** The models, as the server describes them. Those with `error` cannot draw. */
export const models = () => list;
export const modelOf = (id) => list.find((one) => one.id === id);

/** The model of the page. */
export const current = () => modelOf(state.model);

const option = ({ id, title, error }) => new Option(error ? `${title} (cannot be loaded)` : title, id);

/** Whether an earlier model, or the chosen one, is the same file under the same title: without a project, `current` is. */
const isDouble = (one, chosen) => {
  const same = list.filter(({ hash, title }) => hash && hash === one.hash && title === one.title);
  return same.length > 1 && one !== (same.find(({ id }) => id === chosen) ?? same[0]);
};

/** Fill a selection with the models, and select one. */
export const fillModels = (select, chosen) => {
  select.replaceChildren(...list.filter((one) => !isDouble(one, chosen)).map(option));
  for (const one of select.options) one.disabled = Boolean(modelOf(one.value).error);
  select.value = chosen;
};

/** Read the models. A revision is added to them: a commit, tag or branch. Returns the id of the last one. */
export const loadModels = async (revision = "") => {
  list = (await server.json("/api/models", { rev: revision })).models;
  return revision ? `rev:${revision}` : list[0]?.id;
};

/** Read the models until those that the address names are among them. */
export const loadNamed = async () => {
  await loadModels();
  const named = [state.model, ...state.with.map((one) => readWith(one).id)];
  for (const id of named) {
    if (!id.startsWith("rev:") || modelOf(id)) continue;
    await loadModels(id.slice("rev:".length)).catch(server.report);
  }
};

/** A model in a comparison is written ID@HASH. */
export const readWith = (text) => {
  const end = text.lastIndexOf("@");
  return { id: text.slice(0, end), hash: text.slice(end + 1) };
};
export const writeWith = (id) => `${id}@${modelOf(id)?.hash ?? ""}`;

const factsOf = ({ size, breeds, revision, hash, licence }) =>
  [`${size} × ${size} px`, `${breeds} breeds`, revision, `hash ${hash}`, licence && `licence: ${licence}`];

/** Show the model of the page in the header. Returns whether it can draw; if not, the page says why. */
export const showModel = () => {
  const model = current();
  fillModels(at("model"), state.model);
  const problem = model ? model.error : "The server has no such generator. Choose another one.";
  at("no-model").hidden = !problem;
  at("no-model").textContent = problem ?? "";
  document.body.classList.toggle("empty", Boolean(problem));
  at("facts").textContent = problem ? "" : factsOf(model).filter(Boolean).join(" · ");
  return !problem;
};

/** Hide the notice of a changed generator. Returns whether it was shown. */
export const hideNotice = () => {
  const shown = !at("changed").hidden;
  at("changed").hidden = true;
  document.body.classList.remove("stale");
  return shown;
};

const showNotice = (id, hash, before) => {
  const title = modelOf(id)?.title ?? id;
  at("changed-text").textContent =
    `“${title}” is another generator now. The dogs of this link were drawn with ${before}; ` +
    `the present one is ${hash}, and draws other dogs.`;
  at("changed-draw").onclick = async () => {
    await loadNamed();
    const others = state.with.map((one) => (readWith(one).id === id ? `${id}@${hash}` : one));
    go({ hash: id === state.model ? hash : state.hash, with: others });
  };
  at("changed").hidden = false;
  document.body.classList.add("stale");
  at("dog-dialog").close(); // the next drawing opens it again
};

/** Listen for refused drawings. `change(id)` is called when a person chooses another model. */
export const watchModels = (change) => {
  server.onOtherModel((id, hash) => {
    const named = [{ id: state.model, hash: state.hash }, ...state.with.map(readWith)];
    const before = named.find((one) => one.id === id && one.hash !== hash);
    if (before) showNotice(id, hash, before.hash); // otherwise it is the answer to a request from before the consent
  });
  at("model").addEventListener("change", () => change(at("model").value));
};

/** Make a line for the models that cannot be loaded. */
export const problems = () => list.filter(({ error }) => error).map(({ title, error }) => make("li", {}, `${title}: ${error}`));
