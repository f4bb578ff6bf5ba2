// Connections by TCP over the host's `wasi:sockets`. What is granted, the host decides.

import { ToolError } from "./errors.js";

/** What one call of the host takes. */
const WRITE_MAX = 4096;
/** What is asked for at once, unless the plugin says otherwise. */
const READ_MAX = 65_536;

const dispose = Symbol.dispose ?? Symbol.for("dispose");

const codeOf = (error) => error?.payload ?? error;

/** What `step` gives, as often as the host says that it takes longer. */
function waited(step, source) {
  for (;;) {
    try {
      return step();
    } catch (error) {
      if (codeOf(error) !== "would-block") throw error;
      const ready = source.subscribe();
      ready.block();
      // It is a child of its source, which could not be closed before it.
      ready[dispose]?.();
    }
  }
}

/** An address as the host writes it; undefined for a name. */
export function literal(host) {
  if (/^\d+(\.\d+){3}$/.test(host)) {
    const val = host.split(".").map(Number);
    return val.every((part) => part < 256) ? { tag: "ipv4", val } : undefined;
  }
  if (!host.includes(":")) return undefined;
  const [front, back, ...more] = host.split("::").map((part) => part.split(":").filter(Boolean));
  const given = front.length + (back?.length ?? 0);
  const parts = back ? [...front, ...Array(Math.max(8 - given, 0)).fill("0"), ...back] : front;
  const isOne = more.length === 0 && parts.length === 8 && parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part));
  return isOne ? { tag: "ipv6", val: parts.map((part) => parseInt(part, 16)) } : undefined;
}

/** A connection; its streams have to go before its socket does. */
class Connection {
  #socket;
  #input;
  #output;

  constructor(socket, [input, output]) {
    this.#socket = socket;
    this.#input = input;
    this.#output = output;
  }

  /** Sends text or bytes, all of it. */
  write(data) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length; at += WRITE_MAX) {
      this.#use("writing", () => this.#output.blockingWriteAndFlush(bytes.subarray(at, at + WRITE_MAX)));
    }
  }

  /** The bytes that have come, once there are some; undefined when no more will. */
  read(most = READ_MAX) {
    return this.#use("reading", () => this.#input.blockingRead(BigInt(most)));
  }

  #use(what, step) {
    if (this.#socket === undefined) throw new ToolError("the connection is closed");
    try {
      return step();
    } catch (error) {
      const { tag } = codeOf(error) ?? {};
      if (tag === "closed" && what === "reading") return undefined;
      throw new ToolError(`${what}: ${tag === "closed" ? "the other side has closed" : "the connection broke"}`);
    }
  }

  close() {
    for (const one of [this.#input, this.#output, this.#socket]) one?.[dispose]?.();
    this.#input = this.#output = this.#socket = undefined;
  }

  [dispose]() {
    this.close();
  }
}

/** Connects to the first address of `host` that answers. Throws `ToolError`. */
export function connect({ network, names, tcp }, host, port) {
  const own = network.instanceNetwork();
  let code = "name-unresolvable";
  try {
    for (const address of addresses(names, own, host)) {
      const socket = tcp.createTcpSocket(address.tag);
      try {
        socket.startConnect(own, remote(address, port));
        return new Connection(socket, waited(() => socket.finishConnect(), socket));
      } catch (error) {
        socket[dispose]?.();
        code = codeOf(error);
      }
    }
  } catch (error) {
    code = codeOf(error);
  }
  const more = code === "access-denied" ? ": not granted; the host's log says what would grant it" : "";
  throw new ToolError(`connecting to ${host}:${port}: ${code}${more}`);
}

function* addresses(names, network, host) {
  const address = literal(host);
  if (address !== undefined) {
    yield address;
    return;
  }
  const found = names.resolveAddresses(network, host);
  for (;;) {
    const next = waited(() => found.resolveNextAddress(), found);
    if (next === undefined || next === null) return;
    yield next;
  }
}

const remote = ({ tag, val: address }, port) => ({
  tag,
  val: tag === "ipv4" ? { port, address } : { port, address, flowInfo: 0, scopeId: 0 },
});
