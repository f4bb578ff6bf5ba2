// Owns what a test client of the Node SDKs does once its SDK is loaded: connect, list, call
// `hello` and `add`, call a tool that is not there, and print what came back as one line of
// JSON. It never judges the answers: the Rust test that started it compares them.
import { createRequire } from 'node:module';

const usage = 'usage: node SCRIPT URL | node SCRIPT --stdio COMMAND [ARGUMENT...]';

/** Loads a package from the folder that `cargo xtask test` filled. */
export const load = createRequire(`${process.env.FUSEBOX_TEST_ENV}/clients/`);

/** What the command line asks for: `{url}` or `{command, args}`. */
export function target() {
  const [first, command, ...args] = process.argv.slice(2);
  if (first === undefined || (first === '--stdio' && command === undefined)) throw new Error(usage);
  return first === '--stdio' ? { command, args } : { url: new URL(first) };
}

/** The parts of a tool's answer that tests compare. */
function answer(result) {
  return {
    content: result.content,
    structured: result.structuredContent ?? null,
    isError: result.isError ?? false,
  };
}

/** The error that a call ended with; a call that succeeds is reported as such. */
async function refusal(call) {
  try {
    return { answered: answer(await call()) };
  } catch (error) {
    return { code: error.code ?? null, message: error.message };
  }
}

/** Runs the whole conversation. `version` reads the negotiated version once connected. */
export async function converse(client, transport, version) {
  await client.connect(transport);
  const { tools } = await client.listTools();
  const hello = await client.callTool({ name: 'hello', arguments: { name: 'Ada' } });
  const add = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
  const unknown = await refusal(() => client.callTool({ name: 'no_such_tool', arguments: {} }));
  const seen = {
    version: version(),
    server: client.getServerVersion()?.name ?? null,
    tools: tools.map((tool) => tool.name),
    hello: answer(hello),
    add: answer(add),
    unknown,
  };
  await client.close();
  console.log(JSON.stringify(seen));
}
