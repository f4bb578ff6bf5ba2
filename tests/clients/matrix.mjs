// Owns one conversation that every Node SDK can have, as far as its generation goes: each
// step's outcome, as one line of JSON. It never judges them: the Rust test that started it
// compares. `node matrix.mjs PACKAGE MODE URL | --stdio COMMAND [ARGUMENT...]`, where MODE is
// `sdk` for the packages up to 1.x, or `default`, `auto` or `pin` for the later client.
import { readFileSync } from 'node:fs';
import { load } from './session.mjs';

const [name, mode, first, command, ...args] = process.argv.slice(2);
const newer = mode !== 'sdk';
const streams = first === '--stdio' ? { command, args, stderr: 'inherit' } : null;
const me = { name: 'fusebox-tests', version: '1' };
const WATCHED = 'test://watched-resource';

/** The client, its transport, and what it calls things. */
function generation() {
  const can = { elicitation: {}, sampling: {} };
  if (newer) {
    const { Client, StreamableHTTPClientTransport } = load(name);
    const { StdioClientTransport } = load(`${name}/stdio`);
    const negotiation = { default: undefined, auto: { mode: 'auto' }, pin: { mode: { pin: '2026-07-28' } } };
    const options = { capabilities: can, versionNegotiation: negotiation[mode] };
    return {
      client: new Client(me, options),
      transport: streams ? new StdioClientTransport(streams) : new StreamableHTTPClientTransport(new URL(first)),
      notified: (client, method, handler) => client.setNotificationHandler(method, handler),
      asked: (client, method, handler) => client.setRequestHandler(method, handler),
      asks: 'elicitation/create',
    };
  }
  const { Client } = load(`${name}/client/index.js`);
  const { StdioClientTransport } = load(`${name}/client/stdio.js`);
  const { StreamableHTTPClientTransport } = load(`${name}/client/streamableHttp.js`);
  const types = load(`${name}/types.js`);
  const schemas = {
    'notifications/message': types.LoggingMessageNotificationSchema,
    'notifications/resources/updated': types.ResourceUpdatedNotificationSchema,
    'elicitation/create': types.ElicitRequestSchema,
    'sampling/createMessage': types.CreateMessageRequestSchema,
  };
  return {
    client: new Client(me, { capabilities: can }),
    transport: streams ? new StdioClientTransport(streams) : new StreamableHTTPClientTransport(new URL(first)),
    notified: (client, method, handler) => client.setNotificationHandler(schemas[method], handler),
    asked: (client, method, handler) => client.setRequestHandler(schemas[method], handler),
    asks: types.ElicitRequestSchema ? 'elicitation/create' : 'sampling/createMessage',
  };
}

const { client, transport, notified, asked, asks } = generation();

// The packages up to 1.x tell only the transport which version was agreed on.
let agreed = null;
if (!newer) {
  const forward = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => {
    agreed = version;
    forward?.(version);
  };
  // Before that they told nobody: it is in the answer to `initialize`.
  const connect = client.request.bind(client);
  client.request = async (request, ...rest) => {
    const result = await connect(request, ...rest);
    if (request.method === 'initialize') agreed = result.protocolVersion;
    return result;
  };
}

/** The text of a tool's answer. */
const text = (result) => result.content.map((part) => part.text).join('');

/** What happens again and again until `done` holds: streams open when they will. */
async function until(done, again) {
  for (let turn = 0; turn < 400; turn += 1) {
    if (done()) return true;
    await again();
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

const logged = [];
const steps = {
  list: async () => {
    const { tools } = await client.listTools();
    return tools.map((tool) => tool.name).slice(0, 3);
  },
  call: async () => text(await client.callTool({ name: 'test_simple_text', arguments: {} })),
  error: async () => {
    const result = await client.callTool({ name: 'test_error_handling', arguments: {} });
    return { isError: result.isError, text: text(result) };
  },
  refusal: async () => {
    try {
      return await client.callTool({ name: 'no_such_tool', arguments: {} });
    } catch (error) {
      return error.code;
    }
  },
  progress: async () => {
    const told = [];
    const onprogress = (progress) => told.push([progress.progress, progress.total]);
    await client.callTool({ name: 'test_tool_with_progress', arguments: {} }, ...options({ onprogress }));
    return told;
  },
  log: async () => {
    if (mode === 'auto' || mode === 'pin') return 'not asked for';
    await client.callTool({ name: 'test_tool_with_logging', arguments: {} });
    await until(() => logged.length >= 3, () => {});
    return logged;
  },
  ask: async () => {
    const tool = asks === 'elicitation/create' ? 'test_elicitation' : 'test_sampling';
    const given = tool === 'test_sampling' ? { prompt: 'Hi' } : { message: 'Who?' };
    return text(await client.callTool({ name: tool, arguments: given }));
  },
  read: async () => (await client.readResource({ uri: 'test://static-text' })).contents[0].text,
  blob: async () => (await client.readResource({ uri: 'test://static-binary' })).contents[0].mimeType,
  get: async () => {
    const prompt = { name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } };
    return (await client.getPrompt(prompt)).messages[0].content.text;
  },
  complete: async () => {
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    const asked = { ref, argument: { name: 'arg1', value: 'par' } };
    return (await client.complete(asked)).completion.values;
  },
  subscribe: async () => {
    let heard = null;
    notified(client, 'notifications/resources/updated', (note) => {
      heard = note.params.uri;
    });
    if (mode === 'auto' || mode === 'pin') await client.listen({ resourceSubscriptions: [WATCHED] });
    else await client.subscribeResource({ uri: WATCHED });
    await until(() => heard, () => client.callTool({ name: 'test_trigger_resource_update', arguments: {} }));
    return heard;
  },
  cancel: async () => {
    const stop = new AbortController();
    const call = client.callTool(
      { name: 'slow_compute', arguments: { seconds: 500 } },
      ...options({ signal: stop.signal }),
    );
    setTimeout(() => stop.abort('enough'), 200);
    try {
      return text(await call);
    } catch {
      return 'stopped';
    }
  },
  ping: async () => {
    if (mode === 'auto' || mode === 'pin') return 'not in this version';
    await client.ping();
    return 'pong';
  },
};

/** The packages up to 1.x take a schema between the request and its options. */
function options(given) {
  return newer ? [given] : [undefined, given];
}

notified(client, 'notifications/message', (note) => {
  logged.push(note.params.data);
});
asked(client, asks, (request) =>
  asks === 'elicitation/create'
    ? { action: 'accept', content: { username: 'ada', email: 'ada@example.org' } }
    : { role: 'assistant', content: { type: 'text', text: 'Hello' }, model: 'none', stopReason: request ? 'endTurn' : undefined },
);
await client.connect(transport);
const seen = { version: newer ? client.getNegotiatedProtocolVersion() : agreed };
for (const [step, run] of Object.entries(steps)) {
  try {
    seen[step] = await run();
  } catch (error) {
    seen[step] = `failed: ${error.message}`;
  }
}
const { version } = JSON.parse(readFileSync(`${process.env.FUSEBOX_TEST_ENV}/clients/node_modules/${name}/package.json`));
console.log(JSON.stringify({ package: version, ...seen }));
process.exit(0);
