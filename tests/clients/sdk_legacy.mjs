// Owns the conversation of a client of the 2025 era, made with @modelcontextprotocol/sdk:
// `initialize`, a session, and the answers as one line of JSON. It never judges them.
import { converse, load, target } from './session.mjs';

const { Client } = load('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport } = load('@modelcontextprotocol/sdk/client/stdio.js');
const { StreamableHTTPClientTransport } = load('@modelcontextprotocol/sdk/client/streamableHttp.js');

const { url, command, args } = target();
const transport = url
  ? new StreamableHTTPClientTransport(url)
  : new StdioClientTransport({ command, args, stderr: 'inherit' });

// This SDK tells only the transport which version was agreed on.
let agreed = null;
const forward = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (version) => {
  agreed = version;
  forward?.(version);
};

await converse(new Client({ name: 'fusebox-tests', version: '1' }), transport, () => agreed);
