// What handlers may return beside text and values: content, whole results, messages.
//
// Values alone: what the host is given of them is that of `component.js`.

const content = (kind, fields) => ({ [KIND]: kind, ...fields });
const KIND = Symbol("fusebox");

/** Which kind of content a value is; undefined for others. */
export const kindOf = (value) => (typeof value === "object" && value !== null ? value[KIND] : undefined);

/** A piece of text, with hints for the client (`annotations`) or `meta`. */
export const text = (words, options = {}) => content("text", { text: words, ...options });

/** A picture: raw bytes. */
export const image = (data, mimeType = "image/png", options = {}) =>
  content("image", { data, mimeType, ...options });

/** A sound: raw bytes. */
export const audio = (data, mimeType = "audio/wav", options = {}) =>
  content("audio", { data, mimeType, ...options });

/** A pointer to a resource: `uri`, `name` and more. */
export const link = (fields) => content("resource-link", fields);

/** A resource put into a result: text, or bytes. */
export const embedded = (uri, body, options = {}) =>
  content("embedded-resource", { uri, body, ...options });

/** What a resource holds, with an address or a type of its own: text, or bytes. */
export const blob = (body, options = {}) => content("blob", { body, ...options });

/** All that a tool can answer: `content`, `structured`, `isError`, `meta`. */
export const result = (fields) => content("result", { content: [], ...fields });

/** A message of a prompt that the user says. */
export const user = (value) => content("message", { role: "user", content: value });

/** A message of a prompt that the assistant says. */
export const assistant = (value) => content("message", { role: "assistant", content: value });

const isContent = (value) => !["result", "message", "blob", undefined].includes(kindOf(value));

/**
 * Text and content as they are; every other value as structured content, with the same
 * JSON as text beside it.
 */
export function toolResult(value) {
  if (kindOf(value) === "result") return value;
  if (value === undefined || value === null) return result({});
  if (typeof value === "string" || isContent(value)) return result({ content: [value] });
  if (Array.isArray(value) && value.length > 0 && value.every(isContent)) {
    return result({ content: value });
  }
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a ${typeof value} can't be written as JSON`);
  const structured = json.startsWith("{") ? json : `{"result":${json}}`;
  return result({ content: [structured], json: structured });
}

/** Of text, content, a message, or a list of these. */
export function promptResult(value) {
  if (value?.messages) return value;
  const items = Array.isArray(value) ? value : [value];
  return { messages: items.map((one) => (kindOf(one) === "message" ? one : user(one))) };
}

/** Of a list of texts, or `{values, total, hasMore}`. */
export function completed(value) {
  if (!Array.isArray(value)) return { hasMore: false, ...value };
  return { values: value.slice(0, 100), total: value.length, hasMore: value.length > 100 };
}
