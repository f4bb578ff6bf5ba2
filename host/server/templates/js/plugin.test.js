// The tools as functions, on this machine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { hello } from "./plugin.js";

test("someone is greeted", () => {
  assert.equal(hello.handler({ name: "Ada" }), "Hello, Ada!");
});

test("nobody is not greeted", () => {
  assert.throws(() => hello.handler({ name: " " }), /The name is empty/);
});
