"""What handlers may return beside text and values: content, whole results, messages.

Values alone: what the host is given of them is `component`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

from . import schema


@dataclass
class Text:
    """A piece of text, with hints for the client (`audience`, `priority`,
    `lastModified`)."""

    text: str
    annotations: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Image:
    """A picture: raw bytes, and such as `image/png`."""

    data: bytes
    mime_type: str = "image/png"
    annotations: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Audio:
    """A sound: raw bytes, and such as `audio/wav`."""

    data: bytes
    mime_type: str = "audio/wav"
    annotations: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Link:
    """A pointer to a resource."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None
    annotations: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Blob:
    """What a resource holds, with an address or a type of its own."""

    body: str | bytes
    mime_type: str | None = None
    uri: str | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Embedded:
    """A resource put into a result."""

    uri: str
    body: str | bytes
    mime_type: str | None = None
    annotations: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None


Content = Union[Text, Image, Audio, Link, Embedded]
CONTENT = (Text, Image, Audio, Link, Embedded)


@dataclass
class ToolResult:
    """All that a tool can answer. Text may stand for a `Text`."""

    content: list[Content | str] = field(default_factory=list)
    structured: Any = None
    is_error: bool = False
    meta: dict[str, Any] | None = None


@dataclass
class Message:
    """One message of a prompt; `role` is `user` or `assistant`."""

    content: Content | str
    role: str = "user"


@dataclass
class PromptResult:
    """The conversation to begin with."""

    messages: list[Message]
    description: str | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Completion:
    """Proposals for a value, best first; the host passes on 100 at most."""

    values: list[str]
    total: int | None = None
    has_more: bool = False


def tool_result(value: Any) -> ToolResult:
    """Text and content as they are; every other value as structured content, with the
    same JSON as text beside it."""
    if isinstance(value, ToolResult):
        return value
    if value is None:
        return ToolResult()
    if isinstance(value, str) and not hasattr(value, "value"):
        return ToolResult([value])
    if isinstance(value, CONTENT):
        return ToolResult([value])
    if isinstance(value, list) and value and all(isinstance(one, CONTENT) for one in value):
        return ToolResult(list(value))
    structured = schema.plain(value)
    if not isinstance(structured, dict):
        structured = {"result": structured}
    return ToolResult([schema.dumps(structured)], structured)


def prompt_result(value: Any) -> PromptResult:
    """Of text, content, a message, or a list of these."""
    if isinstance(value, PromptResult):
        return value
    items = value if isinstance(value, list) else [value]
    return PromptResult([one if isinstance(one, Message) else Message(one) for one in items])


def completed(value: Any) -> Completion:
    """Of a list of texts."""
    if isinstance(value, Completion):
        return value
    values = [str(one) for one in value]
    return Completion(values[:100], len(values), len(values) > 100)
