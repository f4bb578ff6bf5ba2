// The tools as functions, on this machine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { changes } from "./changes.js";
import { read } from "./documents.js";
import { compareDocuments, convert, example, extract, guide, query, render } from "./plugin.js";

/** Calls a tool with what zod makes of its arguments, as the kit does. */
const call = (tool, given) => tool.handler(tool.input.parse(given));

const ORDERS = JSON.stringify({
  orders: [
    { id: 1, city: "Oslo", total: 30 },
    { id: 2, city: "Bergen", total: 5 },
    { id: 3, city: "Oslo", total: 12 },
  ],
});

test("an expression takes out what it says", () => {
  const found = (expression) => call(query, { document: ORDERS, expression }).found;
  assert.deepEqual(found("orders[?total > `10`].id"), [1, 3]);
  assert.equal(found("sum(orders[].total)"), 47);
  assert.equal(found("orders[9]"), null);
  assert.throws(() => found("orders["), /`expression`: /);
});

test("a document is JSON or YAML", () => {
  assert.deepEqual(read("a: [1, two]\nb:\n  - c: null"), { a: [1, "two"], b: [{ c: null }] });
  assert.deepEqual(read("{a: 1}"), { a: 1 });
  assert.equal(read('"text"'), "text");
  assert.throws(() => call(query, { document: "[1, 2", expression: "@" }), /`document`: it is neither JSON/);
  assert.throws(() => read("a: 1\na: 2"), /Map keys must be unique/);
});

test("a few lines can't stand for gigabytes", () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const below = level === 0 ? "x" : `*l${level - 1}`;
    return `l${level}: &l${level} [${Array(9).fill(below).join(", ")}]`;
  });
  assert.throws(() => read(levels.join("\n")), /alias/);
});

test("one format becomes the other, in order", () => {
  const document = '{"b": [1, {"d": true, "c": "x: y"}], "a": "2026-01-01"}';
  const yaml = call(convert, { document, to: "yaml", sort: true });
  assert.equal(yaml, 'a: 2026-01-01\nb:\n  - 1\n  - c: "x: y"\n    d: true');
  const json = call(convert, { document: yaml, to: "json", indent: 1 });
  assert.deepEqual(JSON.parse(json), JSON.parse(document));
  assert.ok(json.startsWith('{\n "a"'));
});

test("what changed is a patch that makes the second of the first", () => {
  const { same, patch } = call(compareDocuments, { before: "{a: 1, b: [1, 2, 3], x/y: 0}", after: "b: [1, 5]\na: 1\nc: ~" });
  assert.equal(same, false);
  assert.deepEqual(patch, [
    { op: "remove", path: "/x~1y" },
    { op: "replace", path: "/b/1", value: 5 },
    { op: "remove", path: "/b/2" },
    { op: "add", path: "/c", value: null },
  ]);
  assert.deepEqual(call(compareDocuments, { before: '{"a":1,"b":2}', after: "b: 2\na: 1" }), { same: true, patch: [] });
  assert.deepEqual(changes([], [1, 2]), [
    { op: "add", path: "/-", value: 1 },
    { op: "add", path: "/-", value: 2 },
  ]);
  assert.deepEqual(changes({ a: [] }, { a: {} }), [{ op: "replace", path: "/a", value: {} }]);
});

test("a template is filled, and says what it lacks", () => {
  const template = "{{who.name}}:{{#orders}} {{id}}<{{total}}>{{/orders}}";
  const data = JSON.stringify({ ...JSON.parse(ORDERS), who: { name: "A & B" } });
  assert.equal(call(render, { template, data }), "A & B: 1<30> 2<5> 3<12>");
  assert.throws(() => call(render, { template, data: ORDERS }), /has no `who.name`/);
  assert.equal(call(render, { template: "[{{none}}]", data: ORDERS, strict: false }), "[]");
  assert.throws(() => call(render, { template: "{{#open}}", data: "{}" }), /`template`: Unclosed section/);
  assert.throws(() => call(render, { template: "{{> other}}", data: "{}" }), /no partials/);
});

test("each example of the guide is an expression", () => {
  const document = JSON.stringify({ items: [{ id: 1, name: "a", price: 20 }] });
  const count = guide.handler({}).split("\n").length;
  for (let number = 1; number <= count; number++) {
    const expression = example.handler({ number: String(number) });
    assert.notEqual(call(query, { document, expression }).found, null, expression);
  }
  assert.throws(() => example.handler({ number: "0" }), /there are 7 examples/);
  assert.equal(example.complete.number("7").length, 1);
});

test("the prompt brings the document along", () => {
  assert.deepEqual(extract.handler({ wanted: "ids", document: ORDERS })[1], ORDERS);
});
