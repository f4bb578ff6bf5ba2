// Asking the user, from the side of a handler: it says what it wants to know and leaves;
// the host asks, and runs it again with the answers. Nothing waits.
//
// An answer that was used goes with the state to the rounds that follow, since a client
// sends each answer once.

import { InputRequired, ToolError } from "./errors.js";
import { checked, ofObject } from "./schema.js";

/** A form: a flat object of text, numbers, booleans and choices. */
export const elicit = (message, form) => ({
  request: () => {
    const { $schema: _, additionalProperties: __, ...requestedSchema } = ofObject(form, "input", "a form");
    return ["elicit", { message, requestedSchema }];
  },
  read: async (key, answer) => {
    if (answer?.action !== "accept") return action(answer);
    return { action: "accept", value: await checked(form, answer.content ?? {}, [key]) };
  },
});

/** An address that the user is sent to. */
export const visit = (message, url) => ({
  request: () => ["elicit", { mode: "url", message, url }],
  read: (_, answer) => action(answer),
});

/** A question to the client's model; `params` are further ones of `sampling/createMessage`. */
export const sample = (prompt, maxTokens, params = {}) => ({
  request: () => {
    const messages = [{ role: "user", content: { type: "text", text: prompt } }];
    return ["sample", { messages, maxTokens, ...params }];
  },
  read: (_, answer) => {
    if (typeof answer?.content !== "object" || answer.content === null) return undefined;
    const content = [answer.content].flat();
    const words = content.map((piece) => piece.text ?? "").join("");
    return { content, text: words, model: answer.model, stopReason: answer.stopReason };
  },
});

/** The client's roots: objects with `uri` and perhaps `name`. */
export const listRoots = () => ({
  request: () => ["list-roots", undefined],
  read: (_, answer) => (Array.isArray(answer?.roots) ? answer.roots : undefined),
});

const action = (answer) =>
  ["accept", "decline", "cancel"].includes(answer?.action) ? { action: answer.action } : undefined;

/** The value of an answer; throws `ToolError` if the user gave none. */
export function accepted(answer) {
  if (answer.action === "accept") return answer.value;
  const words = { decline: "the user declined to answer", cancel: "the user dismissed the question" };
  throw new ToolError(words[answer.action]);
}

/** What earlier rounds of this call left, and what this one leaves. */
export class Rounds {
  constructor(responses = {}, remembered = {}) {
    this.fresh = responses;
    this.answers = { ...remembered.answers };
    this.state = remembered.state;
  }

  /** Their answers; throws `InputRequired` until all have one. */
  async ask(questions) {
    const found = {};
    const open = {};
    for (const [key, question] of Object.entries(questions)) {
      found[key] = await this.#answer(key, question);
      if (found[key] === undefined) open[key] = question.request();
    }
    if (Object.keys(open).length > 0) throw new InputRequired(open, this.#kept());
    return found;
  }

  /** What was answered before comes first: a later round can't change it. */
  async #answer(key, question) {
    for (const given of [this.answers, this.fresh]) {
      const answer = Object.hasOwn(given, key) ? await question.read(key, given[key]) : undefined;
      if (answer !== undefined) {
        this.answers[key] = given[key];
        return answer;
      }
    }
    return undefined;
  }

  /** What the next round must know, if there is anything. */
  #kept() {
    const { answers, state } = this;
    const isEmpty = Object.keys(answers).length === 0 && state === undefined;
    return isEmpty ? undefined : { answers, state };
  }
}
