// The types of the kit.

/** JSON Schema (2020-12). */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A schema of a library, such as zod's from 4.2 on (https://standardschema.dev). */
export interface StandardSchema<Value = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: unknown; readonly output: Value } | undefined;
  };
}

export type Schema = JsonSchema | StandardSchema;

/** What a handler is given for a schema: of JSON Schema, any object. */
export type Given<S> = S extends StandardSchema<infer Value> ? Value : any;

export type Maybe<T> = T | Promise<T>;

export interface Annotations {
  audience?: ("user" | "assistant")[];
  /** from 0 to 1 */
  priority?: number;
  /** ISO 8601 */
  lastModified?: string;
}

export interface Options {
  annotations?: Annotations;
  meta?: object;
}

/** For how long an answer stays good, and whether for every caller. */
export interface Cache {
  ttlMs: number;
  shared?: boolean;
}

declare const kind: unique symbol;
export interface Content {
  readonly [kind]: "content";
}
export interface Blob {
  readonly [kind]: "blob";
}
export interface Result {
  readonly [kind]: "result";
}
export interface Message {
  readonly [kind]: "message";
}

export function text(words: string, options?: Options): Content;
export function image(data: Uint8Array, mimeType?: string, options?: Options): Content;
export function audio(data: Uint8Array, mimeType?: string, options?: Options): Content;
export function link(
  fields: {
    uri: string;
    name: string;
    title?: string;
    description?: string;
    mimeType?: string;
    size?: number;
    icons?: object[];
  } & Options,
): Content;
/** A resource put into a result. */
export function embedded(
  uri: string,
  body: string | Uint8Array,
  options?: { mimeType?: string } & Options,
): Content;
/** What a resource holds, with an address or a type of its own. */
export function blob(
  body: string | Uint8Array,
  options?: { uri?: string; mimeType?: string; meta?: object },
): Blob;
/** All that a tool can answer. */
export function result(fields: {
  content?: (Content | string)[];
  structured?: object;
  isError?: boolean;
  meta?: object;
}): Result;
export function user(content: Content | string): Message;
export function assistant(content: Content | string): Message;

/** It was tried, and it failed: the caller reads the text as a result with `isError`. */
export class ToolError extends Error {}
/** Nothing of that name or address. */
export class NotFound extends ToolError {}
/** An argument doesn't fit. */
export class InvalidParams extends Error {
  constructor(argument: string, reason: string);
}
/** The way out of a handler with questions: let it pass. */
export class InputRequired extends Error {
  readonly requests: { [key: string]: [kind: string, params: unknown] };
}

export interface Question<Answer> {
  request(): unknown;
  read(key: string, answer: unknown): Maybe<Answer | undefined>;
}

/** What came of a form or an address. */
export type Answer<Value> =
  | { action: "accept"; value: Value }
  | { action: "decline" | "cancel"; value?: undefined };

export interface Sampled {
  content: object[];
  text: string;
  model?: string;
  stopReason?: string;
}

export interface Root {
  uri: string;
  name?: string;
}

/** A form: a flat object of text, numbers, booleans and choices. */
export function elicit<S extends Schema>(message: string, form: S): Question<Answer<Given<S>>>;
/** An address that the user is sent to. */
export function visit(message: string, url: string): Question<Answer<undefined>>;
/** A question to the client's model. */
export function sample(prompt: string, maxTokens: number, params?: object): Question<Sampled>;
/** The client's roots. */
export function listRoots(): Question<Root[]>;

export type Level =
  | "debug"
  | "info"
  | "notice"
  | "warning"
  | "error"
  | "critical"
  | "alert"
  | "emergency";

/** What a plugin keeps beyond a call; needs the capability `keyvalue`. */
export interface Store {
  get(key: string): Uint8Array | undefined;
  getText(key: string): string | undefined;
  getJson(key: string): unknown;
  set(key: string, value: string | Uint8Array): void;
  setJson(key: string, value: unknown): void;
  delete(key: string): void;
  exists(key: string): boolean;
  /** Adds to a number in one step, and gives the sum. */
  increment(key: string, delta?: number): number;
  keys(): string[];
}

/** A connection by TCP; needs the capability `sockets`. It is closed with its call. */
export interface Connection {
  /** Sends text or bytes, all of it. */
  write(data: string | Uint8Array): void;
  /** The bytes that have come, once there are some; undefined when no more will. */
  read(most?: number): Uint8Array | undefined;
  close(): void;
}

/** What stands for a host in tests. */
export interface TestHost {
  readonly logged: { level: Level; message: unknown; logger?: string }[];
  readonly reported: { done: number; total?: number; message?: string }[];
  readonly changed: string[];
  readonly spans: {
    name: string;
    attributes: { [key: string]: string | number | bigint | boolean };
    failed?: string;
    ended: boolean;
  }[];
  readonly values: Map<string, Uint8Array>;
  cancelled: boolean;
}

/** A piece of the work, in the operator's traces. */
export interface Span {
  /** Adds an attribute, in the place of one with the same key. */
  set(key: string, value: string | number | bigint | boolean): Span;
  /** Says that this piece of the work fails, and why. */
  fail(why: string): Span;
  /** Ends it, before its function does. */
  end(): void;
}

/** The call that a handler serves. */
export class Context {
  /** One for a test: what is set is what the handler finds. */
  constructor(options?: {
    caller?: string;
    client?: ("form" | "visit" | "sample" | "roots")[];
    deadlineMs?: number;
    config?: { [key: string]: string };
    answers?: { [key: string]: unknown };
    connect?: (host: string, port: number) => Connection;
  });
  /** who is authenticated */
  readonly caller: string | undefined;
  /** what may be asked */
  readonly client: ReadonlySet<"form" | "visit" | "sample" | "roots">;
  /** until the host ends this call, from its beginning */
  readonly deadlineMs: number;
  /** in a test, what the handler said */
  readonly host: TestHost;
  readonly store: Store;
  /** What an earlier round of this call left, for the next one. */
  state: any;
  log(level: Level, message: unknown, logger?: string): void;
  debug(message: unknown): void;
  info(message: unknown): void;
  warning(message: unknown): void;
  error(message: unknown): void;
  /** Says how far the work is, if the client wants to know. `done` must grow. */
  progress(done: number, total?: number, message?: string): void;
  readonly isCancelled: boolean;
  closeStream(): void;
  /**
   * Runs a piece of the work that the operator's traces show; needs the capability `trace`.
   */
  span<R>(name: string, run: (span: Span) => R): R;
  /** As the header of that name has it; needs the capability `trace`. */
  readonly traceparent: string | undefined;
  /** Waits, without using fuel. */
  sleep(milliseconds: number): void;
  /** A connection by TCP to a name or an address; throws if it isn't granted. */
  connect(host: string, port: number): Connection;
  toolsChanged(): void;
  promptsChanged(): void;
  resourcesChanged(): void;
  resourceUpdated(uri: string): void;
  /** What the operator wrote for this plugin; needs the capability `config`. */
  config(key: string): string | undefined;
  config(key: string, fallback: string): string;
  /** A secret; throws if there is none. */
  secret(key: string): { expose(): string };
  /** The answer to a question. Until there is one, the handler ends here. */
  ask<A>(key: string, question: Question<A>): Promise<A>;
  askAll<Q extends { [key: string]: Question<unknown> }>(
    questions: Q,
  ): Promise<{ [K in keyof Q]: Q[K] extends Question<infer A> ? A : never }>;
  /** Asks the user to fill in a form; throws if they don't. */
  elicit<S extends Schema>(key: string, message: string, form: S): Promise<Given<S>>;
  elicitUrl(key: string, message: string, url: string): Promise<void>;
  sample(key: string, prompt: string, maxTokens: number): Promise<string>;
  listRoots(key?: string): Promise<Root[]>;
}

export interface ToolDefinition<Input extends Schema> {
  name: string;
  title?: string;
  description?: string;
  /** of an object; none: no arguments */
  input?: Input;
  /** of what the handler returns, an object */
  output?: Schema;
  readOnly?: boolean;
  destructive?: boolean;
  idempotent?: boolean;
  openWorld?: boolean;
  icons?: object[];
  task?: "forbidden" | "optional" | "required";
  cache?: Cache;
  meta?: object;
  /** Gives text, content, or any value of JSON, which becomes structured content. */
  handler(given: Given<Input>, context: Context): unknown;
}

export interface ResourceDefinition {
  /** an address, or a template: `{name}` is a part of a path, `{+name}` any text */
  uri: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
  size?: number;
  annotations?: Annotations;
  icons?: object[];
  cache?: Cache;
  meta?: object;
  /** of a template: proposals for a variable */
  complete?: { [variable: string]: Complete };
  handler(
    variables: { [name: string]: string },
    context: Context,
  ): Maybe<string | Uint8Array | Blob | Blob[] | undefined | null>;
}

/** Proposals for a value, of which a part is typed; `known` was chosen before. */
export type Complete = (
  value: string,
  known: { [name: string]: string },
) => Maybe<string[] | { values: string[]; total?: number; hasMore?: boolean }>;

export interface PromptDefinition {
  name: string;
  title?: string;
  description?: string;
  arguments?: {
    name: string;
    title?: string;
    description?: string;
    required?: boolean;
    complete?: Complete;
  }[];
  icons?: object[];
  meta?: object;
  handler(
    given: { [name: string]: string },
    context: Context,
  ): Maybe<
    | string
    | Content
    | Message
    | (string | Content | Message)[]
    | { messages: Message[]; description?: string; meta?: object }
  >;
}

export function tool<const Input extends Schema, D extends ToolDefinition<Input>>(
  definition: D & ToolDefinition<Input>,
): D;
export function resource<D extends ResourceDefinition>(definition: D): D;
export function prompt<D extends PromptDefinition>(definition: D): D;

/** What the file exports as its default. */
export function plugin(offered: {
  tools?: ToolDefinition<any>[];
  resources?: ResourceDefinition[];
  prompts?: PromptDefinition[];
}): object;
