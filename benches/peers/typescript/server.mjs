// The MCP SDK for TypeScript as a server: stateless, plain JSON answers, Node's
// own HTTP server. Run by `cargo xtask bench`, with the packages of tests/clients.

import { createServer } from "node:http";

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

function tools() {
  const server = new McpServer({ name: "bench", version: "1.0.0" });
  server.registerTool(
    "hello",
    { description: "Greets someone.", inputSchema: { name: z.string() } },
    async ({ name }) => ({ content: [{ type: "text", text: `Hello, ${name}!` }] }),
  );
  return server;
}

// Stateless: the SDK wants a transport and a server of its own for each request.
const http = createServer(async (request, response) => {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: undefined,
    enableJsonResponse: true,
  });
  response.on("close", () => transport.close());
  await tools().connect(transport);
  await transport.handleRequest(request, response);
});

http.keepAliveTimeout = 3_600_000;
http.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  const { address, port } = http.address();
  console.log(`listening on ${address}:${port}`);
});
