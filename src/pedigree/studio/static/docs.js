// The page of the API: shows the endpoints of /openapi.json.

import { at, make } from "./dom.js";

const ERRORS =
  "An error is a JSON object whose “error” is one sentence: 400 wrong request, 404 nothing at this address, " +
  "409 the generator is another one, 414 address too long, 429 busy (Retry-After says how long), 503 no generator.";
const METHODS = ["get", "post", "put", "patch", "delete"];

/** Describe the schema of a value in a few words. */
const typed = (schema = {}) => {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.filter(({ type }) => type !== "null").map(typed).join(" or ");
  if (schema.enum) return schema.enum.join(", ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.type === "array") return `${typed(schema.items)}, one or more times`;
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const names = { integer: "whole number", number: "number", boolean: "true or false", string: "text" };
  const name = names[schema.type] ?? "any value";
  if (low !== undefined && high !== undefined) return `${name}, ${low} to ${high}`;
  if (low !== undefined) return `${name}, ${schema.minimum === undefined ? "above" : "from"} ${low}`;
  if (high !== undefined) return `${name}, ${schema.maximum === undefined ? "below" : "up to"} ${high}`;
  return name;
};

const usual = ({ required, schema = {} }) => {
  if (required) return "required";
  return schema.default === undefined || schema.default === null || schema.default === "" ? "" : String(schema.default);
};

const row = (parameter) =>
  make("tr", {},
    make("th", { scope: "row" }, make("code", {}, parameter.name)),
    make("td", {}, typed(parameter.schema)),
    make("td", {}, usual(parameter)),
    make("td", {}, ...marked(parameter.description ?? parameter.schema?.description ?? "")));

const table = (parameters) => {
  const heads = ["Parameter", "Value", "Usual value", "Meaning"].map((text) => make("th", { scope: "col" }, text));
  return make("div", { className: "scroll" },
    make("table", { className: "rows" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...parameters.map(row))));
};

/** Return a text as nodes: what is between backticks is code. */
const marked = (text) => text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));

const isJson = (responses = {}) => "application/json" in (responses["200"]?.content ?? {});

const card = (path, method, { summary, description, parameters = [], responses }) => {
  const example = method === "get" && !parameters.some(({ required }) => required) && !path.includes("{");
  const address = example ? make("a", { href: path }, make("code", {}, path)) : make("code", {}, path);
  const element = make("article", { className: "card endpoint" },
    make("h3", {}, make("span", { className: "method" }, method.toUpperCase()), address));
  element.append(make("p", {}, ...marked(description ?? summary ?? ""), isJson(responses) ? " The answer is JSON." : ""));
  if (parameters.length) element.append(table(parameters));
  return element;
};

const show = async () => {
  try {
    const answer = await fetch("/openapi.json");
    const { paths } = await answer.json();
    const cards = Object.entries(paths).flatMap(([path, operations]) =>
      METHODS.filter((method) => method in operations).map((method) => card(path, method, operations[method])));
    at("endpoints").replaceChildren(...cards);
    at("endpoints-state").textContent = ERRORS;
  } catch {
    at("endpoints-state").textContent = "The server does not answer. Start it again with pedigree studio, and load this page again.";
  }
};

show();
