// The reference of the HTTP API: the OpenAPI document of this server as tables.

import { ask, notify } from "./page.js";
import { makeTable } from "./tables.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const root = document.getElementById("reference");

const make = (tag, values = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
};
const text = (words) => make("p", { textContent: words });

/** What a schema takes, in few words: `integer`, `text or nothing`, `list of RunSummary`. */
function say(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  const several = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (several) return [...new Set(several.map(say))].join(" or ");
  if (schema.type === "array") return `list of ${say(schema.items)}`;
  return [schema.type ?? "any", schema.format].filter(Boolean).join(", ");
}

/** The schema that a reference names. */
function resolve(schema, found) {
  return schema?.$ref ? found.components.schemas[schema.$ref.split("/").at(-1)] : schema;
}

function fieldsOf(body, found) {
  const schema = resolve(body?.content?.["application/json"]?.schema, found);
  const needed = new Set(schema?.required ?? []);
  return Object.entries(schema?.properties ?? {}).map(([name, field]) => [
    needed.has(name) ? `${name} (needed)` : name, say(field), field.description ?? "",
  ]);
}

function sayAnswers(responses) {
  return Object.entries(responses).map(([status, answer]) => {
    const kinds = Object.entries(answer.content ?? {});
    const what = kinds.map(([type, { schema }]) => (type === "application/json" ? say(schema) : type));
    return [status, what.join(" or "), answer.description];
  });
}

function describe(method, path, operation, found) {
  const asked = (operation.parameters ?? []).map((each) => [
    each.required ? `${each.name} (needed)` : each.name, `${each.in}: ${say(each.schema)}`, each.description ?? "",
  ]);
  const name = `${method.toUpperCase()} ${path}`;
  const tables = [
    ["Parameters", asked],
    ["Body", fieldsOf(operation.requestBody, found)],
    ["Answers", sayAnswers(operation.responses)],
  ];
  return make(
    "details", { className: "card operation" },
    make("summary", {}, make("code", { textContent: name }), " ", make("span", { className: "quiet", textContent: operation.summary ?? "" })),
    ...(operation.description ?? "").split("\n\n").filter(Boolean).map(text),
    ...tables.filter(([, rows]) => rows.length).map(([title, rows]) => makeTable(`${title} of ${name}`, [title, "", ""], rows)),
  );
}

function show(found) {
  const byTag = new Map();
  for (const [path, operations] of Object.entries(found.paths)) {
    for (const method of METHODS.filter((each) => each in operations)) {
      const tag = operations[method].tags?.[0] ?? "service";
      byTag.set(tag, [...(byTag.get(tag) ?? []), describe(method, path, operations[method], found)]);
    }
  }
  root.replaceChildren(
    ...[...byTag].map(([tag, operations]) => make("section", { className: "stack" }, make("h2", { className: "big", textContent: tag }), ...operations)),
  );
}

try {
  show(await ask("/openapi.json"));
} catch (error) {
  root.replaceChildren();
  notify(`The document could not be read: ${error.message}`, "error");
}
