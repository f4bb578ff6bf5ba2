// Owns one call of one tool by a client made with @modelcontextprotocol/sdk: connect, list, call,
// and print what came back as one line of JSON. It never judges the answer.
import { load } from './session.mjs';

const { Client } = load('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = load('@modelcontextprotocol/sdk/client/streamableHttp.js');

const [url, name, text] = process.argv.slice(2);
if (text === undefined) throw new Error('usage: node call.mjs URL TOOL ARGUMENTS');
const client = new Client({ name: 'fusebox-tests', version: '1' });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const { tools } = await client.listTools();
const { content } = await client.callTool({ name, arguments: JSON.parse(text) });
await client.close();
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), content }));
