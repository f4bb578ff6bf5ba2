// The plugin `{{name}}`: each `tool` in `plugin` is a tool of an MCP server. A schema is
// JSON Schema, or one of zod (from 4.2 on).

import { plugin, tool, ToolError } from "#fusebox";

export const hello = tool({
  name: "hello",
  description: "Greets someone.",
  readOnly: true,
  input: {
    type: "object",
    properties: { name: { type: "string", description: "whom to greet" } },
    required: ["name"],
    additionalProperties: false,
  },
  handler({ name }) {
    if (name.trim() === "") throw new ToolError("whom shall I greet? The name is empty");
    return `Hello, ${name}!`;
  },
});

export default plugin({ tools: [hello] });
