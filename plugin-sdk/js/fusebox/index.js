// The kit for Fusebox plugins in JavaScript: an object with a schema and a function is a
// tool of an MCP server. It depends on nothing; `index.d.ts` has its types.
//
// Here is what an author imports. A handler stays the function that it was, so a test
// calls it like any other.

export { elicit, listRoots, sample, visit } from "./asking.js";
export { Context } from "./context.js";
export { InputRequired, InvalidParams, NotFound, ToolError } from "./errors.js";
export { plugin, prompt, resource, tool } from "./plugin.js";
export { assistant, audio, blob, embedded, image, link, result, text, user } from "./results.js";
