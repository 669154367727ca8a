// Requests to the server. A request waits while the server is busy or does not answer, and then goes on by itself.

import { state } from "./address.js";
import * as status from "./status.js";

const RETRY = 3; // seconds between attempts while the server does not answer

/** An answer of the server that is an error. `message` is a sentence for people. */
export class Refusal extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

const listeners = [];

/** Call `listener(id, hash)` when the model `id` is not the one of the link any more; `hash` is the present one. */
export const onOtherModel = (listener) => listeners.push(listener);

/** Return the address of an endpoint. A value may be a list; empty values are left out. */
export const endpoint = (path, values = {}) => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value].flat()) if (one !== "") query.append(name, one);
  }
  return `${path}?${query}`;
};

/** The values of a drawing endpoint that name the model of the page. */
export const ofModel = () => ({ model: state.model, hash: state.hash });

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

const refusalOf = async (answer) => {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    return { error: `The server failed (${answer.status}). Its log says why.` };
  }
};

const request = async (path, values, take) => {
  for (;;) {
    let answer;
    let content;
    try {
      answer = await fetch(endpoint(path, values));
      content = await (answer.ok ? take(answer) : refusalOf(answer));
    } catch {
      status.gone();
      await pause(RETRY);
      continue;
    }
    status.back();
    if (answer.ok) return content;
    if (answer.status === 429) {
      const seconds = Number(answer.headers.get("Retry-After")) || 1;
      status.waiting(seconds);
      await pause(seconds);
      continue;
    }
    if (answer.status === 409) listeners.forEach((listener) => listener(values.model, content.model));
    throw new Refusal(content.error, answer.status);
  }
};

export const json = (path, values) => request(path, values, (answer) => answer.json());

/** Return a picture as an ImageBitmap, and the headers of the answer. */
export const picture = async (path, values) => {
  const take = async (answer) => ({ blob: await answer.blob(), headers: answer.headers });
  const { blob, headers } = await request(path, values, take);
  return { bitmap: await createImageBitmap(blob), headers };
};

/** Download a file under a name. The page stays as it is if the server refuses. */
export const download = async (path, values, name) => {
  status.busy("Preparing the file…");
  try {
    const blob = await request(path, values, (answer) => answer.blob());
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    status.news(`Saved as ${name}.`);
  } catch (error) {
    report(error);
  }
};

/** Show an error of the server; anything else is a mistake of this page and is thrown on. */
export const report = (error) => {
  if (!(error instanceof Refusal)) throw error;
  status.failed(error.code === 409 ? "" : error.message);
};
