// What changed between two values of JSON, as the operations of a JSON Patch (RFC 6902).
//
// Lists are compared place by place: what was put in front of one changes all that follows.

const isObject = (value) => value !== null && typeof value === "object";

/** A name as a part of a JSON Pointer (RFC 6901). */
const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** The operations that make `after` of `before`, in the order in which they are done. */
export function changes(before, after, path = "") {
  if (Object.is(before, after)) return [];
  const alike = isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after);
  if (!alike) return before === after ? [] : [{ op: "replace", path, value: after }];
  return Array.isArray(before) ? ofLists(before, after, path) : ofObjects(before, after, path);
}

function ofLists(before, after, path) {
  const shared = Math.min(before.length, after.length);
  const inner = before.slice(0, shared).flatMap((one, at) => changes(one, after[at], `${path}/${at}`));
  // From the end, so that each place is still what it was.
  const removed = before.slice(shared).map((_, index) => ({
    op: "remove",
    path: `${path}/${before.length - 1 - index}`,
  }));
  const added = after.slice(shared).map((value) => ({ op: "add", path: `${path}/-`, value }));
  return [...inner, ...removed, ...added];
}

function ofObjects(before, after, path) {
  const removed = Object.keys(before)
    .filter((name) => !Object.hasOwn(after, name))
    .map((name) => ({ op: "remove", path: `${path}/${escaped(name)}` }));
  const kept = Object.entries(after).flatMap(([name, value]) => {
    const place = `${path}/${escaped(name)}`;
    if (!Object.hasOwn(before, name)) return [{ op: "add", path: place, value }];
    return changes(before[name], value, place);
  });
  return [...removed, ...kept];
}
