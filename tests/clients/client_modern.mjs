// Owns the conversation of a client pinned to 2026-07-28, made with
// @modelcontextprotocol/client: stateless, and the answers as one line of JSON. It never
// judges them.
import { converse, load, target } from './session.mjs';

const { Client, StreamableHTTPClientTransport } = load('@modelcontextprotocol/client');
const { StdioClientTransport } = load('@modelcontextprotocol/client/stdio');

const { url, command, args } = target();
const transport = url
  ? new StreamableHTTPClientTransport(url)
  : new StdioClientTransport({ command, args, stderr: 'inherit' });

const client = new Client(
  { name: 'fusebox-tests', version: '1' },
  { versionNegotiation: { mode: { pin: '2026-07-28' } } },
);
await converse(client, transport, () => client.getNegotiatedProtocolVersion() ?? null);
