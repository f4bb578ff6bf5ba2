// What a plugin offers: definitions that were checked. Nothing is called here.

import { ofObject } from "./schema.js";

const named = (one, what) => {
  if (typeof one?.name !== "string" || one.name === "") throw new TypeError(`a ${what} needs a \`name\``);
  if (typeof one.handler !== "function") throw new TypeError(`${one.name}: it needs a \`handler\``);
  return one;
};

/**
 * A tool. `input` and `output` are JSON Schema of an object, or of a library such as zod;
 * `handler` is given the arguments and a `Context`.
 */
export function tool(definition) {
  const { name, input = { type: "object", properties: {}, additionalProperties: false }, output } =
    named(definition, "tool");
  const hints = {
    readOnlyHint: definition.readOnly,
    destructiveHint: definition.destructive,
    idempotentHint: definition.idempotent,
    openWorldHint: definition.openWorld,
  };
  return {
    ...definition,
    input,
    inputSchema: ofObject(input, "input", name),
    outputSchema: output && ofObject(output, "output", name),
    annotations: Object.values(hints).some((hint) => hint !== undefined) ? hints : undefined,
  };
}

/**
 * A resource, or a family of them: `uri` may be a template, where `{name}` stands for a
 * part of a path and `{+name}` for any text. `handler` is given the variables and a
 * `Context`; it gives text, bytes, a `blob`, a list of `blob`, or nothing.
 */
export function resource(definition) {
  const { name, uri } = named(definition, "resource");
  if (typeof uri !== "string") throw new TypeError(`${name}: it needs a \`uri\``);
  const variables = [...uri.matchAll(/\{\+?(\w+)\}/g)].map(([, variable]) => variable);
  const parts = uri.split(/(\{\+?\w+\})/).map((part) => {
    if (!part.startsWith("{")) return part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    return part.startsWith("{+") ? "(.+)" : "([^/?#]+)";
  });
  return { ...definition, variables, pattern: new RegExp(`^${parts.join("")}$`, "s") };
}

/** A prompt. `arguments` are `{name, description, required, complete}`. */
export function prompt(definition) {
  return { arguments: [], ...named(definition, "prompt") };
}

/** What the file exports as its default: all that the plugin offers. */
export function plugin({ tools = [], resources = [], prompts = [] }) {
  const made = { tools, resources, prompts };
  for (const [what, list] of Object.entries(made)) {
    const keys = list.map((one) => (what === "resources" ? one.uri : one.name));
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice !== undefined) throw new TypeError(`there are two ${what} \`${twice}\``);
  }
  return made;
}

/** Which interfaces of the contract a plugin needs. */
export function exportsOf({ tools, resources, prompts }) {
  const completes =
    prompts.some((one) => one.arguments.some((argument) => argument.complete)) ||
    resources.some((one) => one.complete);
  return [
    ...(tools.length > 0 ? ["tools"] : []),
    ...(resources.length > 0 ? ["resources"] : []),
    ...(prompts.length > 0 ? ["prompts"] : []),
    ...(completes ? ["completions"] : []),
  ];
}
