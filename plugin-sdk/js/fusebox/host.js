// The host that a plugin runs in: what a context says, as calls of its imports, which the
// generated entry hands over. A capability that the project doesn't ask for isn't among
// them; using it says where to ask for it.

import { connect } from "./connection.js";
import { ToolError } from "./errors.js";

const told = (error) => {
  const { tag, val } = error?.payload ?? error ?? {};
  return new ToolError(typeof val === "string" ? val : `the store: ${tag ?? error}`);
};

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
