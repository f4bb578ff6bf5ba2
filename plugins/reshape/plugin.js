// The plugin `reshape`: what a model would have to write out by hand. It asks documents in
// JSON and YAML, turns one into the other, finds what changed between two, and fills
// templates. Its schemas are zod's; JMESPath, YAML and Mustache are packages of npm.

import { InvalidParams, NotFound, plugin, prompt, resource, tool, ToolError } from "#fusebox";
import jmespath from "jmespath";
import mustache from "mustache";
import * as z from "zod";

import { changes } from "./changes.js";
import { read, write } from "./documents.js";

// What one call gave must not stay for the next, in an instance that serves several.
mustache.templateCache = undefined;

const document = z.string().min(1).max(2_000_000).describe("JSON or YAML");
const format = z.enum(["json", "yaml"]);

/** What tells the model which argument it has to mend. */
const as = (argument, make) => {
  try {
    return make();
  } catch (error) {
    throw new InvalidParams(argument, error.message);
  }
};

export const query = tool({
  name: "query",
  description:
    "Takes out of a document what a JMESPath expression says, such as " +
    "`items[?price > `10`].name | sort(@)`. The resource `reshape://jmespath` shows how they are written.",
  readOnly: true,
  idempotent: true,
  input: z.object({ document, expression: z.string().min(1).max(10_000).describe("in JMESPath") }),
  output: z.object({ found: z.json().describe("null if there is nothing") }),
  handler({ document, expression }) {
    const value = as("document", () => read(document));
    return { found: as("expression", () => jmespath.search(value, expression)) ?? null };
  },
});

export const convert = tool({
  name: "convert",
  description: "Writes a document anew, in JSON or YAML: from one to the other, or in order.",
  readOnly: true,
  idempotent: true,
  input: z.object({
    document,
    to: format,
    indent: z.int().min(1).max(8).default(2).describe("spaces for each level"),
    sort: z.boolean().default(false).describe("the members of each object by their names"),
  }),
  handler: ({ document, to, indent, sort }) =>
    write(
      as("document", () => read(document)),
      { to, indent, sort },
    ),
});

export const compareDocuments = tool({
  name: "compare_documents",
  description:
    "Finds what changed between two documents, as the operations of a JSON Patch (RFC 6902) " +
    "that makes the second one of the first. The order of an object's members doesn't matter.",
  readOnly: true,
  idempotent: true,
  input: z.object({ before: document, after: document }),
  output: z.object({
    same: z.boolean(),
    patch: z.array(
      z.object({ op: z.enum(["add", "remove", "replace"]), path: z.string(), value: z.json().optional() }),
    ),
  }),
  handler({ before, after }) {
    const patch = changes(
      as("before", () => read(before)),
      as("after", () => read(after)),
    );
    return { same: patch.length === 0, patch };
  },
});

export const render = tool({
  name: "render",
  description:
    "Fills a Mustache template with the values of a document: `{{name}}`, " +
    "`{{#items}}- {{title}}{{/items}}`. Nothing is escaped.",
  readOnly: true,
  idempotent: true,
  input: z
    .object({
      template: z.string().min(1).max(200_000),
      data: document,
      strict: z.boolean().default(true).describe("whether a name that the document lacks is an error"),
    })
    .refine(({ template }) => !template.includes("{{>"), {
      path: ["template"],
      message: "there are no partials: no other template is here to be named",
    }),
  handler({ template, data, strict }) {
    const values = as("data", () => read(data));
    const parts = as("template", () => mustache.parse(template));
    const absent = strict ? parts.filter(([kind, name]) => isValue(kind) && !has(values, name)) : [];
    if (absent.length > 0) {
      const names = absent.map(([, name]) => `\`${name}\``).join(", ");
      throw new ToolError(`the document has no ${names}; \`strict: false\` leaves them empty`);
    }
    return mustache.render(template, values, {}, { escape: String });
  },
});

/** Whether a part of a template stands for a value outside of sections. */
const isValue = (kind) => kind === "name" || kind === "&" || kind === "{";

function has(values, path) {
  if (path === ".") return true;
  let value = values;
  for (const name of path.split(".")) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return false;
    value = value[name];
  }
  return true;
}

const EXAMPLES = {
  "items[0].name": "a member of the first one",
  "items[].name": "that member of all of them",
  "items[?price > `10`]": "those that fit; numbers and `true` stand in backticks, text in 'quotes'",
  "items[].{id: id, cost: price}": "new objects of them",
  "sort_by(items, &price)[-1]": "the dearest",
  "length(items)": "how many there are",
  "sum(items[].price)": "what they cost together; `avg`, `min` and `max` go the same way",
};

export const guide = resource({
  uri: "reshape://jmespath",
  name: "jmespath",
  description: "How expressions of `query` are written.",
  mimeType: "text/markdown",
  handler: () =>
    Object.entries(EXAMPLES)
      .map(([expression, words]) => `- \`\`${expression}\`\`: ${words}`)
      .join("\n"),
});

export const example = resource({
  uri: "reshape://jmespath/{number}",
  name: "example",
  description: "One example, by its number from 1 on.",
  mimeType: "text/plain",
  complete: {
    number: (value) =>
      Object.keys(EXAMPLES)
        .map((_, index) => String(index + 1))
        .filter((number) => number.startsWith(value)),
  },
  handler({ number }) {
    const found = Object.keys(EXAMPLES)[Number(number) - 1];
    if (found === undefined) throw new NotFound(`there are ${Object.keys(EXAMPLES).length} examples`);
    return found;
  },
});

export const extract = prompt({
  name: "extract",
  description: "Has something found in a document, by an expression and not by reading along.",
  arguments: [
    { name: "wanted", description: "what is to be found", required: true },
    { name: "document", description: "JSON or YAML", required: true },
  ],
  handler: ({ wanted, document }) => [
    `Find in the document below: ${wanted}\n\nWrite a JMESPath expression for it, call the tool ` +
      "`query` with the document and the expression, and answer from what it finds.",
    document,
  ],
});

export default plugin({
  tools: [query, convert, compareDocuments, render],
  resources: [guide, example],
  prompts: [extract],
});
