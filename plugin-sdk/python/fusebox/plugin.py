"""Which functions a plugin offers, and what is listed of each.

A decorator gives the function back as it was. What was decorated is in `PLUGIN`, in
its order; nothing is called here but by `component`.
"""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import dataclass, field
from typing import Annotated, Any, Callable, TypeVar, get_args, get_origin
from urllib.parse import unquote

from . import results, schema
from .context import Context
from .errors import InvalidParams

Function = TypeVar("Function", bound=Callable[..., Any])

#: what may be decorated with the same words
_Decorator = Callable[[Function], Function]


@dataclass
class Cache:
    """For how long an answer stays good (milliseconds), and whether for every caller."""

    ttl_ms: int
    shared: bool = False


@dataclass
class Parameter:
    """A parameter that a caller gives."""

    name: str
    hint: Any
    required: bool
    schema: dict[str, Any]


class Handler:
    """A decorated function."""

    def __init__(self, function: Callable[..., Any], name: str | None) -> None:
        self.function = function
        self.name = name or function.__name__
        self.hints = typing.get_type_hints(function, include_extras=True)
        self.context: str | None = None
        self.parameters: dict[str, Parameter] = {}
        for one in inspect.signature(function).parameters.values():
            if one.kind in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL, one.VAR_KEYWORD):
                raise TypeError(f"{self.name}: `{one.name}` must be a parameter with a name")
            if self.hints.get(one.name) is Context:
                self.context = one.name
            else:
                self.parameters[one.name] = self._parameter(one)

    def _parameter(self, one: inspect.Parameter) -> Parameter:
        if one.name not in self.hints:
            raise TypeError(f"{self.name}: the parameter `{one.name}` needs a type, such as `str`")
        hint = self.hints[one.name]
        try:
            found = schema.of(hint)
        except TypeError as error:
            raise TypeError(f"{self.name}: the parameter `{one.name}`: {error}") from None
        required = one.default is one.empty
        if not required and one.default is not None:
            found["default"] = schema.plain(one.default)
        return Parameter(one.name, hint, required, found)

    @property
    def description(self) -> str | None:
        """The docstring."""
        return inspect.getdoc(self.function)

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """What the function is called with. Raises `InvalidParams`."""
        for name in given:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise InvalidParams(name, f"no such argument; there are {known}")
        found = {}
        for name, one in self.parameters.items():
            if name in given:
                found[name] = schema.read(one.hint, given[name], name)
            elif one.required:
                raise InvalidParams(name, "it is missing")
        return found

    def call(self, given: dict[str, Any], context: Context) -> Any:
        """Calls it with arguments as they come from a client."""
        found = self.arguments(given)
        if self.context is not None:
            found[self.context] = context
        return self.function(**found)


@dataclass
class Tool:
    """A tool."""

    handler: Handler
    title: str | None
    annotations: dict[str, Any] | None
    icons: list[Any] | None
    task: str
    cache: Cache | None
    meta: dict[str, Any] | None

    def input_schema(self) -> str:
        """Of its arguments."""
        parameters = self.handler.parameters.values()
        whole: dict[str, Any] = {
            "type": "object",
            "properties": {one.name: one.schema for one in parameters},
        }
        if required := [one.name for one in parameters if one.required]:
            whole["required"] = required
        return schema.document({**whole, "additionalProperties": False})

    def output_schema(self) -> str | None:
        """Of its structured content; None where the return type promises none."""
        hint = self.handler.hints.get("return", str)
        while get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        content = (str, type(None), None, results.ToolResult, *results.CONTENT)
        parts = get_args(hint) if get_origin(hint) is list else (hint,)
        choices = [choice for part in parts for choice in (get_args(part) or (part,))]
        if hint in content or any(one in content[3:] for one in choices) or hint is Any:
            return None
        found = schema.of(hint)
        wrapped = {"type": "object", "properties": {"result": found}, "required": ["result"]}
        if found.get("type") == "object":
            return schema.document(found)
        if "anyOf" in found and any(one.get("type") == "object" for one in found["anyOf"]):
            return schema.document({"type": "object", "anyOf": [found, wrapped]})
        return schema.document(wrapped)


@dataclass
class Resource:
    """A resource, or a family of them."""

    handler: Handler
    uri: str
    title: str | None
    mime_type: str | None
    size: int | None
    annotations: dict[str, Any] | None
    icons: list[Any] | None
    cache: Cache | None
    meta: dict[str, Any] | None
    pattern: re.Pattern[str] | None = None

    def match(self, uri: str) -> dict[str, str] | None:
        """The variables of an address of it."""
        if self.pattern is None:
            return {} if uri == self.uri else None
        found = self.pattern.fullmatch(uri)
        return found and {name: unquote(value) for name, value in found.groupdict().items()}


@dataclass
class Prompt:
    """A prompt."""

    handler: Handler
    title: str | None
    icons: list[Any] | None
    meta: dict[str, Any] | None


@dataclass
class Plugin:
    """All that a plugin offers."""

    tools: dict[str, Tool] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    #: by kind (`prompt` or `resource`) and name or template, and by argument
    completions: dict[tuple[str, str, str], Callable[..., Any]] = field(default_factory=dict)

    def exports(self) -> list[str]:
        """Which interfaces of the contract it needs."""
        names = ("tools", "resources", "prompts", "completions")
        return [name for name in names if getattr(self, name)]


PLUGIN = Plugin()


def _put(table: dict[Any, Any], key: Any, value: Any, what: str) -> None:
    if key in table:
        raise ValueError(f"there are two {what} `{key}`")
    table[key] = value


def tool(
    function: Any = None,
    *,
    name: str | None = None,
    title: str | None = None,
    read_only: bool | None = None,
    destructive: bool | None = None,
    idempotent: bool | None = None,
    open_world: bool | None = None,
    icons: list[Any] | None = None,
    task: str = "forbidden",
    cache: Cache | None = None,
    meta: dict[str, Any] | None = None,
) -> Any:
    """Makes a tool of a function. Its name, its docstring and its types are what the
    model reads; `task` is `forbidden`, `optional` or `required`."""
    hints = {
        "readOnlyHint": read_only,
        "destructiveHint": destructive,
        "idempotentHint": idempotent,
        "openWorldHint": open_world,
    }
    annotations = {key: value for key, value in hints.items() if value is not None} or None

    def decorate(function: Function) -> Function:
        handler = Handler(function, name)
        made = Tool(handler, title, annotations, icons, task, cache, meta)
        made.output_schema()
        _put(PLUGIN.tools, handler.name, made, "tools")
        return function

    return decorate if function is None else decorate(function)


def resource(
    uri: str,
    *,
    name: str | None = None,
    title: str | None = None,
    mime_type: str | None = None,
    size: int | None = None,
    annotations: dict[str, Any] | None = None,
    icons: list[Any] | None = None,
    cache: Cache | None = None,
    meta: dict[str, Any] | None = None,
) -> _Decorator[Any]:
    """Makes a resource of a function that gives text, bytes, a `Blob` or a list of
    `Blob`; None if nothing is there. `uri` may be a template: `{name}` stands for a part
    of a path and `{+name}` for any text, each a parameter of type `str`."""
    variables = re.findall(r"\{\+?(\w+)\}", uri)

    def decorate(function: Function) -> Function:
        handler = Handler(function, name)
        if set(variables) != set(handler.parameters):
            raise TypeError(f"{handler.name}: its parameters must be the variables of `{uri}`")
        pattern = re.compile(_pattern(uri)) if variables else None
        made = Resource(
            handler, uri, title, mime_type, size, annotations, icons, cache, meta, pattern
        )
        _put(PLUGIN.resources, uri, made, "resources")
        return function

    return decorate


def _pattern(template: str) -> str:
    parts = re.split(r"(\{\+?\w+\})", template)
    made = []
    for part in parts:
        if part.startswith("{+"):
            made.append(f"(?P<{part[2:-1]}>.+)")
        elif part.startswith("{"):
            made.append(f"(?P<{part[1:-1]}>[^/?#]+)")
        else:
            made.append(re.escape(part))
    return "".join(made)


def prompt(
    function: Any = None,
    *,
    name: str | None = None,
    title: str | None = None,
    icons: list[Any] | None = None,
    meta: dict[str, Any] | None = None,
) -> Any:
    """Makes a prompt of a function that gives text, a `Message`, or a list of these. Its
    parameters are texts; one with a default need not be given."""

    def decorate(function: Function) -> Function:
        handler = Handler(function, name)
        for one in handler.parameters.values():
            if one.schema.get("type") not in ("string", ["string", "null"]):
                raise TypeError(f"{handler.name}: `{one.name}` must be str: so are arguments of prompts")
        _put(PLUGIN.prompts, handler.name, Prompt(handler, title, icons, meta), "prompts")
        return function

    return decorate if function is None else decorate(function)


def completion(argument: str, *, prompt: str | None = None, resource: str | None = None) -> _Decorator[Any]:
    """Makes a function propose values for an argument of a prompt, or for a variable of a
    resource's template: `def fun(value: str)`, or `def fun(value: str, known: dict)`,
    where `known` has the arguments that were chosen before."""
    if (prompt is None) == (resource is None):
        raise TypeError("a completion is for a `prompt` or a `resource`: give one of them")
    kind, of = ("prompt", prompt) if resource is None else ("resource", resource)

    def decorate(function: Function) -> Function:
        _put(PLUGIN.completions, (kind, of, argument), function, "completions of")
        return function

    return decorate
