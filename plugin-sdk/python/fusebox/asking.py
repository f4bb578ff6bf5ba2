"""Asking the user, from the side of a handler: it says what it wants to know and
leaves; the host asks, and runs it again with the answers. Nothing waits.

An answer that was used goes with the state to the rounds that follow, since a client
sends each answer once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from . import schema
from .errors import InputRequired, ToolError


@dataclass
class Answer:
    """What came of a form or an address: `accept`, `decline` or `cancel`."""

    action: str
    value: Any = None

    def accepted(self) -> Any:
        """The value; raises `ToolError` if the user gave none."""
        if self.action == "accept":
            return self.value
        words = {"decline": "the user declined to answer", "cancel": "the user dismissed the question"}
        raise ToolError(words[self.action])


@dataclass
class Sampled:
    """What the client's model wrote."""

    content: list[dict[str, Any]]
    model: str | None = None
    stop_reason: str | None = None

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(str(piece["text"]) for piece in self.content if "text" in piece)


@dataclass
class Elicit:
    """A form. `form` is a dataclass or TypedDict of text, numbers, booleans and
    choices; its `Annotated` descriptions are what the user reads."""

    message: str
    form: Any
    needs = "form"

    def request(self) -> tuple[str, Any]:
        requested = schema.of(self.form)
        for name, one in requested.get("properties", {}).items():
            kind = one.get("type")
            if isinstance(kind, list) and len(kind) == 2 and kind[1] == "null":
                one["type"] = kind[0]
                one.pop("default", None) if one.get("default", 0) is None else None
                if "enum" in one:
                    one["enum"].remove(None)
            if one.get("type") not in ("string", "number", "integer", "boolean"):
                raise TypeError(f"`{name}` of a form must be text, a number, a boolean or a choice")
        return "elicit", {"message": self.message, "requestedSchema": requested}

    def read(self, key: str, answer: Any) -> Answer | None:
        action = _action(answer)
        if action != "accept":
            return action and Answer(action)
        return Answer(action, schema.read(self.form, answer.get("content", {}), key))


@dataclass
class Visit:
    """An address that the user is sent to."""

    message: str
    url: str
    needs = "visit"

    def request(self) -> tuple[str, Any]:
        return "elicit", {"mode": "url", "message": self.message, "url": self.url}

    def read(self, key: str, answer: Any) -> Answer | None:
        action = _action(answer)
        return action and Answer(action)


@dataclass
class Sample:
    """A question to the client's model; `params` are further ones of
    `sampling/createMessage`."""

    prompt: str
    max_tokens: int
    params: dict[str, Any] = field(default_factory=dict)
    needs = "sample"

    def request(self) -> tuple[str, Any]:
        message = {"role": "user", "content": {"type": "text", "text": self.prompt}}
        return "sample", {"messages": [message], "maxTokens": self.max_tokens, **self.params}

    def read(self, key: str, answer: Any) -> Sampled | None:
        content = answer.get("content") if isinstance(answer, dict) else None
        if isinstance(content, dict):
            content = [content]
        if not isinstance(content, list):
            return None
        return Sampled(content, answer.get("model"), answer.get("stopReason"))


@dataclass
class ListRoots:
    """The client's roots: objects with `uri` and perhaps `name`."""

    needs = "roots"

    def request(self) -> tuple[str, Any]:
        return "list-roots", None

    def read(self, key: str, answer: Any) -> list[dict[str, Any]] | None:
        roots = answer.get("roots") if isinstance(answer, dict) else None
        return roots if isinstance(roots, list) else None


def _action(answer: Any) -> Any:
    action = answer.get("action") if isinstance(answer, dict) else None
    return action if action in ("accept", "decline", "cancel") else None


class Rounds:
    """What earlier rounds of this call left, and what this one leaves."""

    def __init__(self, responses: str | None, state: bytes | None) -> None:
        remembered = json.loads(state) if state else {}
        fresh = json.loads(responses) if responses else {}
        self.fresh = fresh if isinstance(fresh, dict) else {}
        self.answers: dict[str, Any] = remembered.get("answers", {})
        self.state = remembered.get("state")

    def ask(self, questions: dict[str, Any]) -> dict[str, Any]:
        """Their answers; raises `InputRequired` until all have one."""
        found, open_ = {}, {}
        for key, question in questions.items():
            # What was answered before comes first: a later round can't change it.
            for given in (self.answers, self.fresh):
                answer = question.read(key, given[key]) if key in given else None
                if answer is not None:
                    self.answers[key] = given[key]
                    found[key] = answer
                    break
            else:
                open_[key] = question.request()
        if open_:
            raise InputRequired(open_, self.kept())
        return found

    def kept(self) -> bytes | None:
        """What the next round must know, if there is anything."""
        if not self.answers and self.state is None:
            return None
        return schema.dumps({"answers": self.answers, "state": self.state}).encode()
