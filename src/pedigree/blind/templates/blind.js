const at = (id) => document.getElementById(id);
const test = JSON.parse(at("test").textContent);
const store = `pedigree-blind-${test.id}`;
const KEYS = { y: ["dog", true], n: ["dog", false], p: ["photo", true], d: ["photo", false] };
const VIEWS = ["start", "one", "all", "end"];
let state = { place: 0, reader: "", answers: test.pictures.map(() => ({ dog: null, photo: null, breed: null })) };

const whole = (answer) => Object.values(answer).every((value) => value !== null);
const missingFrom = (place) => state.answers.findIndex((answer, other) => other >= place && !whole(answer));

const keep = () => {
  try {
    localStorage.setItem(store, JSON.stringify(state));
  } catch {
    at("kept").textContent = "This browser keeps no answers: do not close the page before you have saved them.";
  }
};

const restore = () => {
  try {
    state = JSON.parse(localStorage.getItem(store)) ?? state;
  } catch {
    // a browser without storage, or a damaged entry: start anew
  }
};

const show = (view) => {
  VIEWS.forEach((one) => { at(one).hidden = one !== view; });
  document.querySelectorAll("[data-view]").forEach((button) => {
    button.setAttribute("aria-current", button.dataset.view === view);
  });
  if (view === "one") showPicture();
  if (view === "all") showSheet();
  if (view === "end") showEnd();
};

const breedButton = (number) => {
  const button = document.createElement("button");
  const key = document.createElement("kbd");
  key.textContent = number;
  button.type = "button";
  button.dataset.question = "breed";
  button.dataset.value = number;
  button.append(key, " ", document.createElement("span"));
  return button;
};

const showPicture = () => {
  const { source, choices } = test.pictures[state.place];
  const answer = state.answers[state.place];
  const done = state.answers.filter(whole).length;
  at("picture").src = source;
  at("picture").alt = `Picture ${state.place + 1}`;
  at("progress").textContent = `Picture ${state.place + 1} of ${test.pictures.length}, ${done} answered`;
  at("bar").value = done;
  at("breeds").querySelectorAll("span").forEach((span, index) => { span.textContent = choices[index] ?? "Cannot tell"; });
  document.querySelectorAll("[data-question]").forEach((button) => {
    const { question, value } = button.dataset;
    button.setAttribute("aria-pressed", String(answer[question]) === value);
  });
  at("back").disabled = state.place === 0;
};

const showSheet = () => {
  at("sheet").replaceChildren(...test.pictures.map(({ source }, place) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const image = document.createElement("img");
    const done = whole(state.answers[place]);
    image.src = source;
    image.alt = "";
    button.type = "button";
    button.setAttribute("aria-label", `Picture ${place + 1}${done ? ", answered" : ""}`);
    button.append(image, `${place + 1}${done ? " ✓" : ""}`);
    button.addEventListener("click", () => go(place));
    item.append(button);
    return item;
  }));
};

const answersText = () => {
  const rows = state.answers.map((answer, place) => JSON.stringify({ number: place + 1, ...answer }));
  const head = `{"test": ${JSON.stringify(test.id)}, "reader": ${JSON.stringify(state.reader)}, "answers": [`;
  return `${head}\n${rows.join(",\n")}\n]}\n`;
};

const showEnd = () => {
  const left = state.answers.filter((answer) => !whole(answer)).length;
  const name = state.reader.replace(/[^\p{L}\p{N}_-]+/gu, "_") || "reader";
  const text = answersText();
  at("left").textContent = left === 0
    ? "All pictures are answered. Thank you."
    : `${left} of ${test.pictures.length} pictures are not fully answered. You can save what there is.`;
  at("missing").hidden = left === 0;
  at("reader").value = state.reader;
  at("text").value = text;
  at("download").download = `answers-${name}.json`;
  at("download").href = `data:application/json;charset=utf-8,${encodeURIComponent(text)}`;
};

const go = (place) => {
  state.place = Math.min(Math.max(place, 0), test.pictures.length - 1);
  keep();
  show(place < test.pictures.length ? "one" : "end");
};

const answer = (question, value) => {
  const current = state.answers[state.place];
  const before = whole(current);
  current[question] = value;
  const missing = missingFrom(state.place);
  if (before || !whole(current)) go(state.place);
  else go(missing < 0 ? test.pictures.length : missing);
};

document.addEventListener("keydown", (event) => {
  if (at("one").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key in KEYS) answer(...KEYS[key]);
  else if (/^[0-9]$/.test(key) && Number(key) <= test.pictures[state.place].choices.length) answer("breed", Number(key));
  else if (key === "arrowleft") go(state.place - 1);
  else if (key === "arrowright") go(state.place + 1);
  else return;
  event.preventDefault();
});
at("questions").addEventListener("click", (event) => {
  const button = event.target.closest("[data-question]");
  if (button) answer(button.dataset.question, JSON.parse(button.dataset.value));
});
document.querySelectorAll("[data-view]").forEach((button) => {
  button.addEventListener("click", () => show(button.dataset.view));
});
at("begin").addEventListener("click", () => show("one"));
at("back").addEventListener("click", () => go(state.place - 1));
at("next").addEventListener("click", () => go(state.place + 1));
at("missing").addEventListener("click", () => go(missingFrom(0)));
at("reader").addEventListener("input", (event) => {
  state.reader = event.target.value;
  keep();
  showEnd();
});
at("text").addEventListener("focus", (event) => event.target.select());

at("breeds").append(...test.pictures[0].choices.map((_, index) => breedButton(index + 1)), breedButton(0));
restore();
keep();
at("views").hidden = false;
show(state.answers.some((one) => Object.values(one).some((value) => value !== null)) ? "one" : "start");
