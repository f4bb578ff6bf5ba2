// How a handler ends without a result. Every other error of a tool becomes a `ToolError`
// with its text.

/** It was tried, and it failed: a tool's caller reads the text as a result with `isError`. */
export class ToolError extends Error {
  name = "ToolError";
}

/** Nothing of that name or address. */
export class NotFound extends ToolError {
  name = "NotFound";
}

/** An argument doesn't fit: which one, and what was expected. */
export class InvalidParams extends Error {
  name = "InvalidParams";

  constructor(argument, reason) {
    super(`\`${argument}\`: ${reason}`);
  }
}

/**
 * The way out of a handler with questions; it is run again with the answers. A handler
 * that catches errors must let this one pass.
 */
export class InputRequired extends Error {
  name = "InputRequired";

  /** `requests`: by key, `[kind, params]`; `state`: a value of JSON, or undefined */
  constructor(requests, state) {
    super("the user has to be asked first");
    this.requests = requests;
    this.state = state;
  }
}
