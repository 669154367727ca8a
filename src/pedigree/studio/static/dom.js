// Small helpers to build the page.

export const at = (id) => document.getElementById(id);

/** Make an element. `properties` are its properties; `data` and names with a hyphen are set as attributes. */
export const make = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
};

export const button = (text, onclick, properties = {}) => make("button", { type: "button", onclick, ...properties }, text);

/** Replace the children of a list. The keyboard stays at the part with the same label. */
export const renewChildren = (list, ...children) => {
  const label = list.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  list.replaceChildren(...children);
  if (label) list.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus();
};

let ids = 0;
/** Return an id that no other element has. */
export const freshId = () => `part-${ids++}`;

/** Return a function that runs `work` once at a time. Of the calls during a run, only the newest is run afterwards. */
export const newest = (work) => {
  let running = false;
  let next = null;
  return async (...input) => {
    next = input;
    if (running) return;
    running = true;
    try {
      while (next) {
        const now = next;
        next = null;
        await work(...now);
      }
    } finally {
      running = false;
    }
  };
};

export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
