// The call that a handler serves: its second parameter.
//
// It owns the words of it. Whether a host or a test stands behind them is the concern of
// the object `host`; the one here is for tests, and keeps what it is told.

import { Rounds, accepted, elicit, listRoots, sample, visit } from "./asking.js";
import { InputRequired, ToolError } from "./errors.js";

/** A value that nobody sees by accident. */
class Secret {
  #value;

  constructor(value) {
    this.#value = value;
  }

  /** The value itself. */
  expose() {
    return this.#value;
  }

  toString() {
    return "***";
  }

  toJSON() {
    return "***";
  }
}

/** A piece of the work, in the operator's traces, until the function that has it ends. */
class Span {
  #recorded;

  constructor(recorded) {
    this.#recorded = recorded;
  }

  /**
   * Adds an attribute, in the place of one with the same key. It goes to the operator's
   * collector: no argument or secret of a caller belongs there.
   */
  set(key, value) {
    this.#recorded?.set(key, value);
    return this;
  }

  /** Says that this piece of the work fails, and why. */
  fail(why) {
    this.#recorded?.fail(String(why));
    return this;
  }

  /** Ends it. */
  end() {
    this.#recorded?.end();
    this.#recorded = undefined;
  }
}

/** A span in a test. */
class KeptSpan {
  attributes = {};
  failed;
  ended = false;

  constructor(name) {
    this.name = name;
  }

  set(key, value) {
    this.attributes[key] = value;
  }

  fail(why) {
    this.failed = why;
  }

  end() {
    this.ended = true;
  }
}

/** What stands for a host in tests. */
export class TestHost {
  /** what was logged: `{level, message, logger}` */
  logged = [];
  /** what was reported: `{done, total, message}` */
  reported = [];
  /** such as `tools` or `resource file:///a` */
  changed = [];
  /** each `ctx.span`, in the order in which they began */
  spans = [];
  /** what is kept */
  values = new Map();
  cancelled = false;

  #connect;

  constructor(config = {}, connect) {
    this.config = config;
    this.#connect = connect;
  }

  log(level, json, logger) {
    this.logged.push({ level, message: JSON.parse(json), logger });
  }

  progress(done, total, message) {
    this.reported.push({ done, total, message });
  }

  isCancelled() {
    return this.cancelled;
  }

  closeStream() {}

  span(name) {
    this.spans.push(new KeptSpan(name));
    return this.spans.at(-1);
  }

  traceparent() {}

  sleep() {}

  connect(host, port) {
    if (this.#connect === undefined) {
      throw new Error("a test of sockets needs `new Context({ connect: (host, port) => ({ read, write, close }) })`");
    }
    return this.#connect(host, port);
  }

  notify(what, uri) {
    this.changed.push(uri === undefined ? what : `${what} ${uri}`);
  }

  setting(key) {
    return this.config[key];
  }

  get(key) {
    return this.values.get(key);
  }

  set(key, value) {
    this.values.set(key, value);
  }

  delete(key) {
    this.values.delete(key);
  }

  exists(key) {
    return this.values.has(key);
  }

  increment(key, delta) {
    const total = BigInt(new TextDecoder().decode(this.get(key)) || 0) + BigInt(delta);
    this.set(key, new TextEncoder().encode(String(total)));
    return Number(total);
  }

  keys() {
    return [...this.values.keys()];
  }
}

/** What a plugin keeps beyond a call. Each throws if it isn't granted, or there is no room. */
class Store {
  #host;

  constructor(host) {
    this.#host = host;
  }

  /** The bytes, or undefined. */
  get(key) {
    return this.#host.get(key);
  }

  /** The value as text, or undefined. */
  getText(key) {
    const value = this.get(key);
    return value && new TextDecoder().decode(value);
  }

  /** The value, which must be JSON, or undefined. */
  getJson(key) {
    const value = this.getText(key);
    return value === undefined ? undefined : JSON.parse(value);
  }

  /** Keeps text or bytes; they are written down before this returns. */
  set(key, value) {
    this.#host.set(key, typeof value === "string" ? new TextEncoder().encode(value) : value);
  }

  /** Keeps a value as JSON. */
  setJson(key, value) {
    this.set(key, JSON.stringify(value));
  }

  /** Forgets a value, if there is one. */
  delete(key) {
    this.#host.delete(key);
  }

  /** Whether there is one. */
  exists(key) {
    return this.#host.exists(key);
  }

  /** Adds to a number in one step, and gives the sum. */
  increment(key, delta = 1) {
    return this.#host.increment(key, delta);
  }

  /** All keys. */
  keys() {
    return this.#host.keys();
  }
}

/** A call. `new Context()` is one for a test; its `host` has what the handler said. */
export class Context {
  #rounds;

  constructor(options = {}) {
    const { caller, client = [], deadlineMs = 60_000, config, answers, connect, rounds, host } = options;
    /** who is authenticated; undefined on a listener without authentication */
    this.caller = caller;
    /** what may be asked: any of `form`, `visit`, `sample`, `roots` */
    this.client = new Set(client);
    /** until the host ends this call, from its beginning */
    this.deadlineMs = deadlineMs;
    this.host = host ?? new TestHost(config, connect);
    this.store = new Store(this.host);
    this.#rounds = rounds ?? new Rounds(answers);
  }

  /**
   * Tells the client and the host's log; `level` is one of RFC 5424, such as `info`.
   * `message` is text or any value of JSON.
   */
  log(level, message, logger) {
    this.host.log(level, JSON.stringify(message) ?? "null", logger);
  }

  debug(message) {
    this.log("debug", message);
  }

  info(message) {
    this.log("info", message);
  }

  warning(message) {
    this.log("warning", message);
  }

  error(message) {
    this.log("error", message);
  }

  /** Says how far the work is, if the client wants to know. `done` must grow. */
  progress(done, total, message) {
    this.host.progress(done, total, message);
  }

  /** Whether nobody waits any more. The host ends such a call by itself. */
  get isCancelled() {
    return this.host.isCancelled();
  }

  /** A hint that it takes a while: the client need not hold its connection. */
  closeStream() {
    this.host.closeStream();
  }

  /**
   * Runs a piece of the work that the operator's traces show, below the innermost one that
   * is open: `ctx.span("parse", (span) => ...)`, which may be `async`. What is logged
   * meanwhile belongs to it. Needs the capability `trace`, and no grant.
   */
  span(name, run) {
    const span = new Span(this.host.span(name));
    const failed = (error) => {
      // Its words may quote a caller. A question to the user is no failure.
      if (!(error instanceof InputRequired)) span.fail(error?.name ?? "error");
      span.end();
      throw error;
    };
    const done = (value) => {
      span.end();
      return value;
    };
    let made;
    try {
      made = run(span);
    } catch (error) {
      return failed(error);
    }
    return typeof made?.then === "function" ? made.then(done, failed) : done(made);
  }

  /**
   * The place in the trace at which the handler is, as the header of that name has it, or
   * undefined. Needs the capability `trace`.
   */
  get traceparent() {
    return this.host.traceparent();
  }

  /** Waits, without using fuel. */
  sleep(milliseconds) {
    this.host.sleep(milliseconds);
  }

  /**
   * A connection by TCP to a name or an address: `write`, `read`, `close`. Throws if it
   * isn't granted, or nobody answers.
   */
  connect(host, port) {
    return this.host.connect(host, port);
  }

  toolsChanged() {
    this.host.notify("tools");
  }

  promptsChanged() {
    this.host.notify("prompts");
  }

  resourcesChanged() {
    this.host.notify("resources");
  }

  resourceUpdated(uri) {
    this.host.notify("resource", uri);
  }

  /** What the operator wrote for this plugin. */
  config(key, fallback) {
    return this.host.setting(key) ?? fallback;
  }

  /** A secret; throws if there is none of this name. */
  secret(key) {
    const value = this.host.setting(key);
    if (value !== undefined) return new Secret(value);
    throw new ToolError(
      `not granted: this plugin has no secret \`${key}\`; add it to its \`grants.secrets\``,
    );
  }

  /**
   * The answer to a question. Until there is one, the handler ends here; it is run again
   * from its beginning with the answer: what must happen once belongs after the last
   * question. `key` tells the questions of one handler apart.
   */
  async ask(key, question) {
    return (await this.askAll({ [key]: question }))[key];
  }

  /** The answers to several questions that are put together, by their keys. */
  askAll(questions) {
    return this.#rounds.ask(questions);
  }

  /** Asks the user to fill in a form; throws `ToolError` if they decline or dismiss it. */
  async elicit(key, message, form) {
    return accepted(await this.ask(key, elicit(message, form)));
  }

  /** Sends the user to an address; throws `ToolError` if they don't want to. */
  async elicitUrl(key, message, url) {
    accepted(await this.ask(key, visit(message, url)));
  }

  /** What the client's model answers. */
  async sample(key, prompt, maxTokens) {
    return (await this.ask(key, sample(prompt, maxTokens))).text;
  }

  /** The client's roots. */
  listRoots(key = "roots") {
    return this.ask(key, listRoots());
  }

  /**
   * What an earlier round of this call left; what is set is there in the rounds that
   * follow the next question. Any value of JSON.
   */
  get state() {
    return this.#rounds.state;
  }

  set state(value) {
    this.#rounds.state = value;
  }
}
