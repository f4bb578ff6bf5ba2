// The exports of a component: from the contract's calls to handlers, and from what these
// return to the contract's values. Only the generated entry imports this.

import { Rounds } from "./asking.js";
import { Context } from "./context.js";
import { InputRequired, InvalidParams, NotFound, ToolError } from "./errors.js";
import { InHost } from "./host.js";
import { completed, kindOf, promptResult, toolResult } from "./results.js";
import { checked } from "./schema.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const json = (value) => (value === undefined ? undefined : JSON.stringify(value));
const cache = (given) => given && { ttlMs: BigInt(given.ttlMs), shared: given.shared ?? false };
const hints = (given) =>
  given && { audience: given.audience ?? [], priority: given.priority, lastModified: given.lastModified };
const body = (value) =>
  typeof value === "string" ? { tag: "text", val: value } : { tag: "blob", val: value };

function content(value) {
  if (typeof value === "string") return { tag: "text", val: { text: value } };
  const tag = kindOf(value);
  const more = { annotations: hints(value.annotations), meta: json(value.meta) };
  switch (tag) {
    case "text":
      return { tag, val: { text: value.text, ...more } };
    case "image":
    case "audio":
      return { tag, val: { data: value.data, mimeType: value.mimeType, ...more } };
    case "resource-link": {
      const size = value.size === undefined ? undefined : BigInt(value.size);
      return { tag, val: { ...value, size, icons: json(value.icons), ...more } };
    }
    case "embedded-resource":
      return { tag, val: { contents: contents(value, value.uri), ...more } };
    default:
      throw new TypeError("a piece of content is text, or what `text`, `image` and the like make");
  }
}

const contents = (value, uri, mimeType) => ({
  uri: value.uri ?? uri,
  mimeType: value.mimeType ?? mimeType,
  body: body(value.body),
  meta: kindOf(value) === "blob" ? json(value.meta) : undefined,
});

function required(asked) {
  const requests = Object.entries(asked.requests).map(([key, [tag, params]]) => [
    key,
    params === undefined ? { tag } : { tag, val: JSON.stringify(params) },
  ]);
  const state = asked.state && encoder.encode(JSON.stringify(asked.state));
  return { tag: "input-required", val: { requests, state } };
}

/** The calls of the contract, for a plugin and what its world imports. */
export function serve(plugin, imports) {
  const host = new InHost(imports);

  const context = (call) =>
    new Context({
      caller: call.caller ?? undefined,
      client: [
        call.client.elicitForm && "form",
        call.client.elicitUrl && "visit",
        call.client.sample && "sample",
        call.client.listRoots && "roots",
      ].filter(Boolean),
      deadlineMs: call.deadlineMs,
      rounds: new Rounds(
        call.inputResponses ? JSON.parse(call.inputResponses) : {},
        call.requestState ? JSON.parse(decoder.decode(call.requestState)) : {},
      ),
      host,
    });

  /** An error's text. Where it isn't one of the kit's, the host's log has the rest. */
  const told = (error) => {
    if (error instanceof ToolError || error instanceof InvalidParams) return error.message;
    host.report(`${error}\n${error?.stack ?? ""}`);
    return String(error);
  };

  /** What no result is made of: for everything but tools. */
  const refused = (error) => {
    if (error instanceof InvalidParams) return { tag: "invalid-params", val: error.message };
    if (error instanceof NotFound) return { tag: "not-found", val: error.message };
    return { tag: "failed", val: told(error) };
  };

  /** The outcome of a read or a prompt. */
  const outcome = async (make) => {
    try {
      return { tag: "complete", val: await make() };
    } catch (error) {
      if (error instanceof InputRequired) return required(error);
      throw refused(error);
    }
  };

  const listed = ({ name, title, description, mimeType, annotations, icons, meta }) => ({
    name,
    title,
    description,
    mimeType,
    annotations: hints(annotations),
    icons: json(icons),
    meta: json(meta),
  });

  const tools = {
    listTools: () =>
      plugin.tools.map((tool) => ({
        name: tool.name,
        title: tool.title,
        description: tool.description,
        inputSchema: JSON.stringify(tool.inputSchema),
        outputSchema: json(tool.outputSchema),
        annotations: json(tool.annotations),
        icons: json(tool.icons),
        taskSupport: tool.task ?? "forbidden",
        cache: cache(tool.cache),
        meta: json(tool.meta),
      })),

    callTool: async (name, given, call) => {
      const tool = plugin.tools.find((one) => one.name === name);
      if (!tool) throw { tag: "not-found", val: `no tool is called \`${name}\`` };
      let made;
      try {
        const values = await checked(tool.input, JSON.parse(given), []);
        made = toolResult(await tool.handler(values, context(call)));
      } catch (error) {
        if (error instanceof InputRequired) return required(error);
        if (error instanceof InvalidParams) throw refused(error);
        made = { content: [told(error)], isError: true };
      }
      const val = {
        content: made.content.map(content),
        structured: made.json ?? json(made.structured),
        isError: made.isError ?? false,
        meta: json(made.meta),
      };
      return { tag: "complete", val };
    },
  };

  const resources = {
    listResources: () =>
      plugin.resources
        .filter((one) => one.variables.length === 0)
        .map((one) => ({
          ...listed(one),
          uri: one.uri,
          size: one.size === undefined ? undefined : BigInt(one.size),
        })),

    listResourceTemplates: () =>
      plugin.resources
        .filter((one) => one.variables.length > 0)
        .map((one) => ({ ...listed(one), uriTemplate: one.uri })),

    readResource: (uri, call) =>
      outcome(async () => {
        const [one, found] = match(plugin.resources, uri);
        const variables = one.variables.map((name, index) => [name, decoded(found[index + 1], name)]);
        const value = await one.handler(Object.fromEntries(variables), context(call));
        if (value === undefined || value === null) throw new NotFound(`nothing is at \`${uri}\``);
        const bodies = [value].flat().map((each) => (kindOf(each) === "blob" ? each : { body: each }));
        return [bodies.map((each) => contents(each, uri, one.mimeType)), cache(one.cache)];
      }),
  };

  const prompts = {
    listPrompts: () =>
      plugin.prompts.map((one) => ({
        name: one.name,
        title: one.title,
        description: one.description,
        arguments: one.arguments.map(({ name, title, description, required = false }) => ({
          name,
          title,
          description,
          required,
        })),
        icons: json(one.icons),
        meta: json(one.meta),
      })),

    getPrompt: (name, given, call) =>
      outcome(async () => {
        const one = plugin.prompts.find((each) => each.name === name);
        if (!one) throw new NotFound(`no prompt is called \`${name}\``);
        const values = Object.fromEntries(given);
        const missing = one.arguments.find((each) => each.required && !Object.hasOwn(values, each.name));
        if (missing) throw new InvalidParams(missing.name, "it is missing");
        const made = promptResult(await one.handler(values, context(call)));
        const messages = made.messages.map((each) => ({ role: each.role, content: content(each.content) }));
        return { description: made.description, messages, meta: json(made.meta) };
      }),
  };

  const completions = {
    complete: async (reference, name, value, known) => {
      const complete =
        reference.tag === "prompt"
          ? plugin.prompts
              .find((one) => one.name === reference.val)
              ?.arguments.find((one) => one.name === name)?.complete
          : plugin.resources.find((one) => one.uri === reference.val)?.complete?.[name];
      if (!complete) return { values: [], total: 0, hasMore: false };
      try {
        return completed(await complete(value, Object.fromEntries(known)));
      } catch (error) {
        throw refused(error);
      }
    },
  };

  return { tools, resources, prompts, completions };
}

/** The resource at an address, an exact one first, and what its pattern found. */
function match(resources, uri) {
  const exact = resources.find((one) => one.variables.length === 0 && one.uri === uri);
  if (exact) return [exact, []];
  for (const one of resources.filter((each) => each.variables.length > 0)) {
    const found = one.pattern.exec(uri);
    if (found) return [one, found];
  }
  throw new NotFound(`no resource is at \`${uri}\``);
}

function decoded(text, name) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidParams(name, "its percent-encoding is wrong");
  }
}
