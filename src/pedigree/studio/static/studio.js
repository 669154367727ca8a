// The page of `pedigree studio`: shows the view that the address names.

import { address, go, onChange, readAddress, state, views } from "./address.js";
import { breedsSource, loadBreeds } from "./breeds.js";
import { openDog, setUp as setUpDialog, showDog } from "./dog_dialog.js";
import { at, newest } from "./dom.js";
import { current, hideNotice, loadNamed, modelOf, showModel, watchModels } from "./models.js";
import * as server from "./server.js";
import { fillModel, fillStart, withoutUnknown } from "./start.js";
import * as status from "./status.js";
import * as compare from "./view_compare.js";
import * as cross from "./view_cross.js";
import * as mix from "./view_mix.js";
import * as pad from "./view_pad.js";
import * as sheet from "./view_sheet.js";
import * as walk from "./view_walk.js";

const parts = { sheet, mix, cross, pad, walk, compare };
let shown = "";
let renewed = "";
let drawn = "";

const tabs = () => [...document.querySelectorAll("#tabs a")];

const showTabs = () => {
  for (const link of tabs()) {
    link.href = address({ view: link.dataset.view, dog: "" });
    if (link.dataset.view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown && shown !== state.view) parts[shown].hide?.();
  for (const view of views) at(`view-${view}`).hidden = view !== state.view;
  shown = state.view;
};

const renewAll = () => {
  if (renewed === breedsSource()) return;
  renewed = breedsSource();
  Object.values(parts).forEach((part) => part.renew());
};

const TITLE = document.title;

const render = newest(async () => {
  try {
    fillModel();
    showTabs();
    if (!showModel()) return;
    await loadBreeds();
    renewAll();
    fillStart();
    showTabs();
    document.title = `${document.querySelector("#tabs [aria-current]").textContent} · ${TITLE}`;
    const scene = address({ dog: "" });
    if (hideNotice() || scene !== drawn) parts[state.view].show();
    drawn = scene;
    showDog();
  } catch (error) {
    server.report(error);
  }
});

const changeModel = async (id) => {
  const { hash } = modelOf(id);
  try {
    await loadBreeds(id, hash);
    go({ ...withoutUnknown(), model: id, hash });
  } catch (error) {
    server.report(error);
  }
};

const follow = (event) => {
  const link = event.target.closest("#tabs a");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    go({ view: link.dataset.view, dog: "" });
  }
  const dog = event.target.closest("[data-dog]");
  if (dog) openDog(dog.dataset.dog);
};

const start = async () => {
  readAddress();
  Object.values(parts).forEach((part) => part.setUp());
  setUpDialog();
  watchModels(changeModel);
  document.addEventListener("click", follow);
  onChange(render);
  status.busy("Reading the generators…");
  try {
    await loadNamed();
    status.idle();
    await render();
  } catch (error) {
    server.report(error);
    showTabs();
  }
};

start();
