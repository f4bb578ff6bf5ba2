// The kit without a host: what is listed, questions, and what the contract is given.

import assert from "node:assert/strict";
import { test } from "node:test";

import { serve } from "../fusebox/component.js";
import { connect, literal } from "../fusebox/connection.js";
import * as kit from "../fusebox/index.js";
import { exportsOf } from "../fusebox/plugin.js";

const object = (properties, required) => ({ type: "object", properties, required });

/** A schema as a library has it. */
const library = (jsonSchema) => ({
  "~standard": {
    version: 1,
    vendor: "ours",
    jsonSchema,
    validate: (value) =>
      typeof value.n === "number" ? { value: { n: value.n + 1 } } : { issues: [{ message: "no number", path: ["n"] }] },
  },
});

const call = { client: {}, deadlineMs: 1000 };

/** The contract's calls for one tool, and what the host was told meanwhile. */
function served(definition) {
  const told = [];
  const request = { reportPanic: (text) => told.push(text), log: (...args) => told.push(args) };
  const tool = kit.tool({ name: "t", ...definition });
  const { tools } = serve(kit.plugin({ tools: [tool] }), { request });
  return { tools, told };
}

const rejects = (promise, expected) =>
  promise.then(
    () => assert.fail("it was answered"),
    (error) => assert.deepEqual(error, expected),
  );

test("a schema is listed as it is, or as its library makes it", async () => {
  const plain = served({ input: object({ a: { type: "string" } }), handler: () => "" });
  const [listed] = plain.tools.listTools();
  assert.deepEqual(JSON.parse(listed.inputSchema).properties, { a: { type: "string" } });
  assert.equal(listed.outputSchema, undefined);

  const made = { input: () => object({ n: { type: "number" } }) };
  const checked = served({ input: library(made), handler: ({ n }) => n });
  assert.equal(JSON.parse(checked.tools.listTools()[0].inputSchema).properties.n.type, "number");
  const { val } = await checked.tools.callTool("t", '{"n":1}', call);
  assert.equal(val.structured, '{"result":2}');
  await rejects(checked.tools.callTool("t", "{}", call), { tag: "invalid-params", val: "`n`: no number" });
});

test("what is no definition is named", () => {
  assert.throws(() => kit.tool({ handler() {} }), /a tool needs a `name`/);
  assert.throws(() => kit.tool({ name: "t" }), /t: it needs a `handler`/);
  const text = { name: "t", input: { type: "string" }, handler() {} };
  assert.throws(() => kit.tool(text), /t: its input must be the schema of an object/);
  const old = { name: "t", input: library(undefined), handler() {} };
  assert.throws(() => kit.tool(old), /this version of ours makes no JSON Schema/);
  const tool = kit.tool({ name: "t", handler() {} });
  assert.throws(() => kit.plugin({ tools: [tool, tool] }), /there are two tools `t`/);
});

test("values, content and errors become results", async () => {
  const answer = async (value) => {
    const { tools } = served({ handler: () => value });
    return (await tools.callTool("t", "{}", call)).val;
  };
  const text = (words) => ({ tag: "text", val: { text: words } });
  assert.deepEqual((await answer("a")).content, [text("a")]);
  assert.deepEqual((await answer(undefined)).content, []);
  const structured = await answer({ a: [1.5] });
  assert.deepEqual([structured.content, structured.structured], [[text('{"a":[1.5]}')], '{"a":[1.5]}']);
  const picture = await answer(kit.image(new Uint8Array([1])));
  assert.equal(picture.content[0].val.mimeType, "image/png");

  const failing = served({ handler: () => { throw new kit.ToolError("no"); } });
  const failed = (await failing.tools.callTool("t", "{}", call)).val;
  assert.deepEqual([failed.isError, failed.content, failing.told], [true, [text("no")], []]);
  const broken = served({ handler: () => { throw new RangeError("far"); } });
  const told = (await broken.tools.callTool("t", "{}", call)).val;
  assert.deepEqual(told.content, [text("RangeError: far")]);
  assert.match(broken.told[0], /^RangeError: far\n/);
  await rejects(broken.tools.callTool("u", "{}", call), { tag: "not-found", val: "no tool is called `u`" });
});

test("a question ends the handler until there is an answer, and answers stay", async () => {
  const form = object({ name: { type: "string" } }, ["name"]);
  const handler = async (_, ctx) => {
    const { name } = await ctx.elicit("who", "Who?", form);
    ctx.state = { name };
    return name + (await ctx.sample("poem", "Write.", 10));
  };
  const { tools } = served({ handler });
  const first = await tools.callTool("t", "{}", call);
  assert.equal(first.tag, "input-required");
  const [[key, question]] = first.val.requests;
  assert.deepEqual([key, question.tag], ["who", "elicit"]);
  assert.deepEqual(JSON.parse(question.val), { message: "Who?", requestedSchema: form });
  const who = JSON.stringify({ who: { action: "accept", content: { name: "Ada" } } });
  const second = await tools.callTool("t", "{}", { ...call, inputResponses: who });
  assert.equal(second.val.requests[0][0], "poem");
  const poem = JSON.stringify({ poem: { content: { type: "text", text: "O!" } } });
  const last = { ...call, inputResponses: poem, requestState: second.val.state };
  assert.equal((await tools.callTool("t", "{}", last)).val.content[0].val.text, "AdaO!");

  const declined = new kit.Context({ answers: { who: { action: "decline" } } });
  await assert.rejects(declined.elicit("who", "Who?", form), /declined to answer/);
  await assert.rejects(new kit.Context().listRoots(), kit.InputRequired);
});

test("addresses are matched, exact ones first", async () => {
  const read = (name, uri) => kit.resource({ name, uri, handler: (variables) => JSON.stringify([name, variables]) });
  const plugin = kit.plugin({ resources: [read("family", "a://{x}/{+y}"), read("one", "a://b/c")] });
  const { resources } = serve(plugin, {});
  const body = async (uri) => JSON.parse((await resources.readResource(uri, call)).val[0][0].body.val);
  assert.deepEqual(await body("a://b%20/c/d"), ["family", { x: "b ", y: "c/d" }]);
  assert.deepEqual(await body("a://b/c"), ["one", {}]);
  await rejects(resources.readResource("a://b", call), { tag: "not-found", val: "no resource is at `a://b`" });
  assert.deepEqual([resources.listResources().length, resources.listResourceTemplates().length], [1, 1]);
  assert.deepEqual(exportsOf(plugin), ["resources"]);
});

test("a span ends with its function, and says if that fails", async () => {
  const ctx = new kit.Context();
  const made = ctx.span("plain", (span) => span.set("step", 1) && 7);
  assert.equal(made, 7);
  const failing = ctx.span("later", async () => {
    throw new RangeError("words of a caller");
  });
  assert.equal(ctx.host.spans[1].ended, false);
  await assert.rejects(failing, RangeError);
  assert.throws(() => ctx.span("now", () => ctx.secret("no")));
  const shown = ctx.host.spans.map(({ name, attributes, failed, ended }) => [name, attributes, failed, ended]);
  assert.deepEqual(shown, [
    ["plain", { step: 1 }, undefined, true],
    ["later", {}, "RangeError", true],
    ["now", {}, "ToolError", true],
  ]);
  assert.equal(ctx.traceparent, undefined);
});

test("a context for a test keeps what it is told", () => {
  const ctx = new kit.Context({ config: { key: "value", token: "t" } });
  ctx.info({ a: 1 });
  ctx.progress(1, 2);
  ctx.store.setJson("k", [1]);
  assert.deepEqual(ctx.host.logged, [{ level: "info", message: { a: 1 }, logger: undefined }]);
  assert.deepEqual([ctx.store.getJson("k"), ctx.store.increment("n", 2), ctx.store.keys()], [[1], 2, ["k", "n"]]);
  assert.deepEqual([ctx.config("key"), ctx.config("no", "else")], ["value", "else"]);
  assert.deepEqual([`${ctx.secret("token")}`, ctx.secret("token").expose()], ["***", "t"]);
  assert.throws(() => ctx.secret("no"), /has no secret `no`/);
});

/** The host's `wasi:sockets`, where one server listens and says what it is told to. */
function sockets({ found = [{ tag: "ipv4", val: [10, 0, 0, 1] }], heard = [], deny }) {
  const told = { connected: [], sent: [], waited: 0, dropped: [] };
  const drops = (name) => ({ [Symbol.dispose ?? Symbol.for("dispose")]: () => told.dropped.push(name) });
  const subscribe = () => ({ block: () => told.waited++, ...drops("pollable") });
  const fails = (payload) => {
    throw Object.assign(new Error("the host"), { payload });
  };
  const [left, texts] = [[...found], [...heard]];
  let isPending = true;
  const streams = [
    {
      blockingRead: () => (texts.length > 0 ? new TextEncoder().encode(texts.shift()) : fails({ tag: "closed" })),
      ...drops("input"),
    },
    { blockingWriteAndFlush: (bytes) => told.sent.push(bytes.length), ...drops("output") },
  ];
  const socket = {
    startConnect: (_, address) => {
      told.connected.push(address.val.address.join("."));
      if (deny?.includes(address.val.address.at(-1))) fails("access-denied");
      isPending = true;
    },
    finishConnect: () => {
      if (!isPending) return streams;
      isPending = false;
      return fails("would-block");
    },
    subscribe,
    ...drops("socket"),
  };
  const imports = {
    network: { instanceNetwork: () => ({}) },
    names: { resolveAddresses: () => ({ resolveNextAddress: () => left.shift(), subscribe }) },
    tcp: { createTcpSocket: () => socket },
  };
  return { imports, told };
}

test("a connection is made to the first address that answers, and closed in order", () => {
  const found = [1, 2].map((last) => ({ tag: "ipv4", val: [10, 0, 0, last] }));
  const { imports, told } = sockets({ found, heard: ["one", "two"], deny: [1] });
  const connection = connect(imports, "db.example.org", 5432);
  assert.deepEqual(told.connected, ["10.0.0.1", "10.0.0.2"]);
  assert.equal(told.waited, 1);
  connection.write("x".repeat(5000));
  assert.deepEqual(told.sent, [4096, 904]);
  const read = () => connection.read();
  assert.deepEqual([read(), read()].map((bytes) => new TextDecoder().decode(bytes)), ["one", "two"]);
  assert.equal(read(), undefined);
  connection.close();
  connection.close();
  assert.deepEqual(told.dropped, ["socket", "pollable", "input", "output", "socket"]);
  assert.throws(read, /the connection is closed/);
});

test("what isn't granted is told, and what no name leads to", () => {
  const denied = sockets({ deny: [1] });
  assert.throws(() => connect(denied.imports, "a", 1), /^ToolError: connecting to a:1: access-denied: not granted/);
  const nothing = sockets({ found: [] });
  assert.throws(() => connect(nothing.imports, "a", 1), /connecting to a:1: name-unresolvable$/);
  const context = new kit.Context();
  assert.throws(() => context.connect("a", 1), /a test of sockets needs/);
  assert.equal(new kit.Context({ connect: (host, port) => host + port }).connect("a", 1), "a1");
});

test("an address is no name", () => {
  assert.deepEqual(literal("127.0.0.1"), { tag: "ipv4", val: [127, 0, 0, 1] });
  assert.deepEqual(literal("::1"), { tag: "ipv6", val: [0, 0, 0, 0, 0, 0, 0, 1] });
  assert.deepEqual(literal("fd00:0:1::a:b").val, [0xfd00, 0, 1, 0, 0, 0, 0xa, 0xb]);
  assert.deepEqual(literal("1:2:3:4:5:6:7:8").val, [1, 2, 3, 4, 5, 6, 7, 8]);
  for (const name of ["localhost", "300.0.0.1", "1::2::3", "1:2", "1:2:3:4:5:6:7:8:9", "::g"]) {
    assert.equal(literal(name), undefined, name);
  }
});
