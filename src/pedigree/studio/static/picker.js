// A field to choose a breed: type to search, arrows and Enter to choose.

import { breeds, found, thumbnail } from "./breeds.js";
import { breedName } from "./dogs.js";
import { freshId, make } from "./dom.js";
import { cut } from "./pictures.js";

/**
 * Make a picker. `onChoose(folder)` is called when a person chooses. An `inline` picker always shows its list.
 * `owner` tells screen readers whose breed it is.
 *
 * Returns {element, set(folder), renew()}; `renew` is needed after the breeds have changed.
 */
export const picker = ({ owner = "", inline = false, onChoose }) => {
  const label = owner ? `${owner}: breed` : "Breed";
  const listId = freshId();
  const input = make("input", {
    type: "text", role: "combobox", autocomplete: "off", spellcheck: false, "aria-autocomplete": "list",
    "aria-expanded": String(inline), "aria-controls": listId, "aria-label": label, placeholder: "Search a breed",
  });
  const list = make("ul", { id: listId, role: "listbox", "aria-label": label, hidden: !inline, tabIndex: -1 });
  const element = make("div", { className: inline ? "picker inline" : "picker" },
    make("label", {}, make("span", { className: "label" }, "Breed"), input), list);
  let chosen = "";
  let active = -1;

  const seen = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      seen.unobserve(target);
      const place = breeds().findIndex(({ folder }) => folder === target.dataset.folder);
      if (place < 0) return;
      thumbnail(place).then(([bitmap, part]) => cut(target.querySelector("canvas"), bitmap, part), () => {});
    });
  }, { root: list, rootMargin: "100px" });

  const option = ({ folder, name }) => {
    const item = make("li", { id: freshId(), role: "option", data: { folder }, "aria-selected": String(folder === chosen) },
      make("canvas", { "aria-hidden": "true", width: 1, height: 1 }), make("span", {}, name));
    seen.observe(item);
    return item;
  };

  const fill = (query = "") => {
    seen.disconnect();
    const matching = found(query);
    list.replaceChildren(...matching.map(option));
    if (!matching.length) list.append(make("li", { className: "nothing" }, `No breed is called “${query}”.`));
    move(query ? 0 : matching.findIndex(({ folder }) => folder === chosen));
  };

  const move = (place) => {
    const options = list.querySelectorAll("[role=option]");
    options[active]?.classList.remove("active");
    active = Math.min(Math.max(place, -1), options.length - 1);
    const item = options[active];
    if (!item) return input.removeAttribute("aria-activedescendant");
    item.classList.add("active");
    input.setAttribute("aria-activedescendant", item.id);
    // scrollIntoView would move the whole page too
    if (item.offsetTop < list.scrollTop) list.scrollTop = item.offsetTop;
    const below = item.offsetTop + item.offsetHeight - list.clientHeight;
    if (below > list.scrollTop) list.scrollTop = below;
  };

  const show = (open) => {
    if (!inline) list.hidden = !open;
    input.setAttribute("aria-expanded", String(inline || open));
  };

  const rest = () => {
    input.value = breedName(chosen);
    show(false);
    if (inline) fill();
  };

  const choose = (item) => {
    if (!item) return;
    chosen = item.dataset.folder;
    rest();
    onChoose(chosen);
  };

  const open = () => {
    if (!list.hidden && !inline) return;
    show(true);
    fill();
  };

  input.addEventListener("focus", () => {
    input.select();
    open();
  });
  input.addEventListener("click", open);
  input.addEventListener("blur", rest);
  input.addEventListener("input", () => {
    show(true);
    fill(input.value);
  });
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps) {
      open();
      move(Math.max(0, active + steps[event.key]));
    } else if (event.key === "Enter") choose(list.querySelectorAll("[role=option]")[active]);
    else if (event.key === "Escape" && (inline || !list.hidden)) rest();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // the field keeps the focus
    if (event.button === 0) choose(event.target.closest("[role=option]"));
  });

  const set = (folder) => {
    if (folder === chosen && list.children.length) return;
    chosen = folder;
    if (document.activeElement !== input) rest();
  };
  const renew = () => {
    list.replaceChildren();
    rest();
  };
  return { element, set, renew };
};
