// Owns getting the specification's JSON Schemas out of the conformance suite, which carries
// one for each version from 2025-03-26 on as literals in its bundled program. It never judges
// a message and never changes a schema: the Rust tests do. `node schemas.mjs FILE`, in the
// folder where the packages are installed, writes them as one object by version.
import { readFileSync, writeFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';

const BUNDLE = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';
const START = /\{\$schema:`https?:\/\/json-schema\.org\/[^`]+`,(?:definitions|\$defs):\{/g;
const text = readFileSync(BUNDLE, 'utf8');

/** The object literal that starts at `start`: it has no expressions and no templates. */
function literal(start) {
  let depth = 0;
  let quote = null;
  for (let at = start; at < text.length; at += 1) {
    const here = text[at];
    if (quote) {
      if (here === '\\') at += 1;
      else if (here === quote) quote = null;
    } else if ('`"\''.includes(here)) quote = here;
    else if (here === '{') depth += 1;
    else if (here === '}') {
      depth -= 1;
      if (depth === 0) return text.slice(start, at + 1);
    }
  }
  throw new Error(`a literal of ${BUNDLE} has no end`);
}

/** What only one version has tells which one a schema is of. */
function version(definitions) {
  if (definitions.DiscoverResult) return '2026-07-28';
  if (definitions.ElicitRequestURLParams) return '2025-11-25';
  if (definitions.ElicitRequest) return '2025-06-18';
  if (definitions.JSONRPCBatchRequest) return '2025-03-26';
  throw new Error(`${BUNDLE} has a schema of an unknown version`);
}

const schemas = {};
for (const found of text.matchAll(START)) {
  // An empty context: the literal can reach nothing.
  const schema = runInNewContext(`(${literal(found.index)})`, {}, { timeout: 10_000 });
  const definitions = schema.definitions ?? schema.$defs;
  if (definitions.JSONRPCMessage) schemas[version(definitions)] = schema;
}
const found = Object.keys(schemas).sort().join(' ');
if (found !== '2025-03-26 2025-06-18 2025-11-25 2026-07-28') {
  throw new Error(`${BUNDLE} has the schemas of ${found || 'no version'}`);
}
writeFileSync(process.argv[2], JSON.stringify(schemas));
