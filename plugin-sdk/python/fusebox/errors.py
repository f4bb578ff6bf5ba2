"""How a handler ends without a result. Every other exception of a tool becomes a
`ToolError` with its text."""

from __future__ import annotations

from typing import Any


class ToolError(Exception):
    """It was tried, and it failed: a tool's caller reads the text as a result with
    `isError`."""


class NotFound(ToolError):
    """Nothing of that name or address."""


class InvalidParams(Exception):
    """An argument doesn't fit: which one, and what was expected."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"`{name}`: {reason}")


class HttpError(ToolError):
    """There is no response; `kind` is `denied`, `timeout`, `too large`, `invalid` or
    `failed`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class InputRequired(BaseException):
    """The way out of a handler with questions; it is run again with the answers.

    No `Exception`, so that a handler which catches those lets it pass.
    """

    def __init__(self, requests: dict[str, tuple[str, Any]], state: bytes | None) -> None:
        super().__init__("the user has to be asked first")
        #: by key: `elicit`, `sample` or `list-roots`, and its params
        self.requests = requests
        self.state = state
