// Schemas: JSON Schema as it is, or an object of a library that speaks Standard Schema
// (zod from 4.2 on), which checks values too.
//
// It knows nothing of tools: a schema in, a schema or a value out.

import { InvalidParams } from "./errors.js";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** The interface of a library's schema; undefined for JSON Schema. */
const standard = (schema) => schema["~standard"];

/** JSON Schema of an object; `side` is `input` or `output`. */
export function ofObject(schema, side, whose) {
  const found = { $schema: DIALECT, ...json(schema, side, whose) };
  if (found.type !== "object") {
    throw new TypeError(`${whose}: its ${side} must be the schema of an object, with \`type: "object"\``);
  }
  return found;
}

function json(schema, side, whose) {
  const library = standard(schema);
  if (library === undefined) return schema;
  if (library.jsonSchema) return library.jsonSchema[side]({ target: "draft-2020-12" });
  if (typeof schema.toJSONSchema === "function") return schema.toJSONSchema({ io: side });
  throw new TypeError(
    `${whose}: this version of ${library.vendor} makes no JSON Schema; zod does from 4.2 on`,
  );
}

/** The value that a library's schema makes of this one; throws `InvalidParams`. */
export async function checked(schema, value, place) {
  const library = schema && standard(schema);
  if (!library) return value;
  const outcome = await library.validate(value);
  if (!outcome.issues) return outcome.value;
  const [first] = outcome.issues;
  const path = (first.path ?? []).map((part) => String(part?.key ?? part));
  throw new InvalidParams([...place, ...path].join("/") || "arguments", first.message);
}
