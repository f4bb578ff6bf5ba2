// Owns the conversation of a client of HTTP+SSE, the transport of 2024-11-05, made with
// @modelcontextprotocol/sdk: the same as over the other transports. It never judges the answers.
import { converse, load, target } from './session.mjs';

const { Client } = load('@modelcontextprotocol/sdk/client/index.js');
const { SSEClientTransport } = load('@modelcontextprotocol/sdk/client/sse.js');

const transport = new SSEClientTransport(target().url);

// This SDK tells only the transport which version was agreed on.
let agreed = null;
const forward = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (version) => {
  agreed = version;
  forward?.(version);
};

await converse(new Client({ name: 'fusebox-tests', version: '1' }), transport, () => agreed);
