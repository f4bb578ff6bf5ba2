// Documents as text: JSON or YAML in, either out.
//
// It knows nothing of tools. What is wrong with a document is an error that names the line.

import { parse, stringify } from "yaml";

/** Aliases of one document that may be followed: a few lines can stand for gigabytes. */
const ALIASES_MAX = 100;

/** The value of a document. YAML takes JSON along; JSON itself is faster, and exact. */
export function read(text) {
  if (/^\s*[[{"]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch (error) {
      // `{a: 1}` is YAML, and `[1, 2` is neither.
      return readYaml(text, error);
    }
  }
  return readYaml(text);
}

function readYaml(text, before) {
  try {
    const value = parse(text, { maxAliasCount: ALIASES_MAX, uniqueKeys: true });
    // What JSON has no word for, such as a date or a key that is a list, is told apart here.
    return JSON.parse(JSON.stringify(value) ?? "null");
  } catch (error) {
    const [line] = error.message.split("\n");
    throw new Error(before ? `it is neither JSON (${before.message}) nor YAML (${line})` : line);
  }
}

/** The text of a value. */
export function write(value, { to, indent, sort }) {
  const ordered = sort ? inOrder(value) : value;
  if (to === "json") return JSON.stringify(ordered, undefined, indent);
  return stringify(ordered, { indent, lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, inner]) => [name, inOrder(inner)]));
}
