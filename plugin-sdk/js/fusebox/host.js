// The host that a plugin runs in: what a context says, as calls of its imports, which the
// generated entry hands over. A capability that the project doesn't ask for isn't among
// them; using it says where to ask for it.

import { connect } from "./connection.js";
import { ToolError } from "./errors.js";

const told = (error) => {
  const { tag, val } = error?.payload ?? error ?? {};
  return new ToolError(typeof val === "string" ? val : `the store: ${tag ?? error}`);
};

/** What lets go of a thing of the host, in engines that have no symbol for it, too. */
const dispose = Symbol.dispose ?? Symbol.for("dispose");

/** A value of an attribute, as the contract has it. */
function attribute(value) {
  if (typeof value === "boolean") return { tag: "flag", val: value };
  if (typeof value === "bigint") return { tag: "integer", val: BigInt.asIntN(64, value) };
  if (Number.isSafeInteger(value)) return { tag: "integer", val: BigInt(value) };
  if (typeof value === "number") return { tag: "number", val: value };
  return { tag: "text", val: String(value) };
}

/** A span that is recorded. */
class InHostSpan {
  #span;

  constructor(span) {
    this.#span = span;
  }

  set(key, value) {
    this.#span.set(key, attribute(value));
  }

  fail(why) {
    this.#span.fail(why);
  }

  end() {
    this.#span.end();
    this.#span[dispose]?.();
  }
}

export class InHost {
  #imports;

  constructor(imports) {
    this.#imports = imports;
  }

  #demand(name, capability) {
    const found = this.#imports[name];
    if (found !== undefined) return found;
    throw new ToolError(
      `this plugin doesn't ask for \`${capability}\`: add it to \`fusebox.capabilities\` ` +
        "in package.json, and build it again",
    );
  }

  /** Tells the host's log, and nobody else. */
  report(text) {
    this.#imports.request.reportPanic(text);
  }

  log(level, json, logger) {
    this.#imports.request.log(level, json, logger);
  }

  progress(done, total, message) {
    this.#imports.request.progress(done, total, message);
  }

  isCancelled() {
    return this.#imports.request.isCancelled();
  }

  closeStream() {
    this.#imports.request.closeStream();
  }

  span(name) {
    const { isRecorded, Span } = this.#demand("trace", "trace");
    return isRecorded() ? new InHostSpan(new Span(name, [])) : undefined;
  }

  traceparent() {
    return this.#demand("trace", "trace").traceparent() ?? undefined;
  }

  sleep(milliseconds) {
    this.#imports.clock.subscribeDuration(BigInt(Math.round(milliseconds * 1e6))).block();
  }

  connect(host, port) {
    return connect(this.#demand("sockets", "sockets"), host, port);
  }

  notify(what, uri) {
    const { notifications } = this.#imports;
    if (uri !== undefined) notifications.resourceUpdated(uri);
    else notifications[`${what}Changed`]();
  }

  setting(key) {
    const config = this.#demand("config", "config");
    try {
      return config.get(key) ?? undefined;
    } catch (error) {
      throw told(error);
    }
  }

  #stored(use) {
    const store = this.#demand("store", "keyvalue");
    try {
      return use(store.open("default"));
    } catch (error) {
      throw told(error);
    }
  }

  get(key) {
    return this.#stored((bucket) => bucket.get(key)) ?? undefined;
  }

  set(key, value) {
    this.#stored((bucket) => bucket.set(key, value));
  }

  delete(key) {
    this.#stored((bucket) => bucket.delete(key));
  }

  exists(key) {
    return this.#stored((bucket) => bucket.exists(key));
  }

  increment(key, delta) {
    return Number(this.#stored((bucket) => this.#imports.atomics.increment(bucket, key, BigInt(delta))));
  }

  keys() {
    return this.#stored((bucket) => {
      const keys = [];
      let cursor;
      do {
        const page = bucket.listKeys(cursor);
        keys.push(...page.keys);
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      return keys;
    });
  }
}
