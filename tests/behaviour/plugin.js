// The plugin of the behaviour suite in JavaScript: see `plugin.rs`.

import {
  assistant,
  audio,
  embedded,
  image,
  InvalidParams,
  plugin,
  prompt,
  resource,
  text,
  tool,
  ToolError,
  user,
} from "#fusebox";

let calls = 0;

/** The schema of an object that has these members, and all but the optional ones. */
function object(properties, optional = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

const string = { type: "string" };
const integer = { type: "integer" };
const number = { type: "number" };
const resultOf = (result) => object({ result });

const greet = tool({
  name: "greet",
  description: "Greets someone.",
  readOnly: true,
  input: object({ name: { ...string, description: "whom to greet" } }),
  handler: ({ name }) => `Hello, ${name}!`,
});

const add = tool({
  name: "add",
  description: "Adds two numbers.",
  input: object({ a: integer, b: integer }),
  output: resultOf(integer),
  handler: ({ a, b }) => a + b,
});

const shape = object({ kind: { ...string, enum: ["circle", "square"] }, size: number });

const measure = tool({
  name: "measure",
  description: "Measures shapes.",
  input: object({ shapes: { type: "array", items: shape }, unit: { type: ["string", "null"] } }, ["unit"]),
  output: object({ area: number, unit: string }),
  handler({ shapes, unit }) {
    const factors = { circle: 3, square: 1 };
    const areas = shapes.map(({ kind, size }) => factors[kind] * size ** 2);
    return { area: areas.reduce((sum, area) => sum + area, 0), unit: unit ?? "m2" };
  },
});

const fail = tool({
  name: "fail",
  description: "Fails.",
  input: object({ message: string }),
  handler({ message }) {
    throw new ToolError(message);
  },
});

const refuse = tool({
  name: "refuse",
  description: "Finds the argument wrong.",
  input: object({ value: string }),
  handler({ value }) {
    throw new InvalidParams("value", `${value} is not good`);
  },
});

const count = tool({
  name: "count",
  description: "Says how far it is.",
  input: object({ to: integer }),
  handler({ to }, ctx) {
    for (let done = 1; done <= to; done++) {
      ctx.info({ done });
      ctx.progress(done, to, `step ${done}`);
    }
    return `counted to ${to}`;
  },
});

const content = tool({
  name: "content",
  description: "Gives each kind of content.",
  handler: () => [
    text("words"),
    image(new Uint8Array([1, 2, 3])),
    audio(new Uint8Array([4, 5])),
    embedded("data://a", "inside", { mimeType: "text/plain" }),
  ],
});

const ask = tool({
  name: "ask",
  description: "Asks for a name, then for a poem.",
  async handler(_, ctx) {
    const form = object({ name: { ...string, description: "as on your passport" } });
    const { name } = await ctx.elicit("who", "What is your name?", form);
    ctx.state = name.toUpperCase();
    const poem = await ctx.sample("poem", `A poem for ${name}.`, 100);
    return `${ctx.state}: ${poem}`;
  },
});

const keep = tool({
  name: "keep",
  description: "Keeps a value.",
  input: object({ key: string, value: string }),
  handler: ({ key, value }, ctx) => ctx.store.set(key, value),
});

const kept = tool({
  name: "kept",
  description: "A value that was kept.",
  input: object({ key: string }),
  handler: ({ key }, ctx) => ctx.store.getText(key) ?? "nothing",
});

const increment = tool({
  name: "increment",
  description: "Counts up.",
  input: object({ key: string }),
  output: resultOf(integer),
  handler: ({ key }, ctx) => ctx.store.increment(key, 2),
});

const setting = tool({
  name: "setting",
  description: "What the operator wrote.",
  input: object({ key: string }),
  handler: ({ key }, ctx) => ctx.config(key, "nothing"),
});

const secret = tool({
  name: "secret",
  description: "Uses a secret.",
  input: object({ key: string }),
  output: resultOf(integer),
  handler: ({ key }, ctx) => ctx.secret(key).expose().length,
});

const fetchPage = tool({
  name: "fetch",
  description: "Gets a page.",
  input: object({ url: string }),
  async handler({ url }) {
    const response = await fetch(url);
    if (!response.ok) throw new ToolError(`the server answered ${response.status}`);
    return response.text();
  },
});

const remembered = tool({
  name: "remembered",
  description: "Counts what this instance has answered.",
  output: resultOf(integer),
  handler: () => ++calls,
});

const long = tool({
  name: "long",
  description: "Says much.",
  input: object({ length: integer }),
  handler: ({ length }) => "é".repeat(length),
});

const spin = tool({
  name: "spin",
  description: "Never ends.",
  handler() {
    for (;;);
  },
});

const traced = tool({
  name: "traced",
  description: "Works in two spans.",
  output: resultOf({ type: "boolean" }),
  handler: (_, ctx) =>
    ctx.span("outer", async (outer) => {
      outer.set("step", 1);
      let here;
      try {
        await ctx.span("inner", async (inner) => {
          inner.set("what", "words");
          ctx.info("within");
          here = ctx.traceparent;
          throw new RangeError("not for the collector");
        });
      } catch {
        return here !== undefined;
      }
    }),
});

const about = resource({
  uri: "data://about",
  name: "about",
  description: "What this is.",
  mimeType: "text/plain",
  handler: () => "A plugin like two others.",
});

const bytes = resource({
  uri: "data://bytes",
  name: "bytes",
  description: "Some bytes.",
  mimeType: "image/png",
  handler: () => new Uint8Array([1, 2, 3]),
});

const item = resource({
  uri: "data://items/{id}",
  name: "item",
  description: "One of many.",
  mimeType: "application/json",
  complete: { id: (value) => [`${value}1`, `${value}2`] },
  handler: ({ id }) => (id === "none" ? undefined : JSON.stringify({ id })),
});

const review = prompt({
  name: "review",
  description: "Reviews code.",
  arguments: [
    { name: "code", description: "what to review", required: true },
    {
      name: "style",
      complete: (value) => ["short", "shouting", "long"].filter((style) => style.startsWith(value)),
    },
  ],
  handler: ({ code, style = "short" }) => [
    user(`Review (${style}): ${code}`),
    assistant("It is good."),
  ],
});

export default plugin({
  tools: [
    greet,
    add,
    measure,
    fail,
    refuse,
    count,
    content,
    ask,
    keep,
    kept,
    increment,
    setting,
    secret,
    fetchPage,
    remembered,
    long,
    spin,
    traced,
  ],
  resources: [about, bytes, item],
  prompts: [review],
});
