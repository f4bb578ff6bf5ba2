"""From type hints to JSON Schema (2020-12), from JSON to values of these types, and
back.

It knows nothing of tools: a type in, a schema or a value out.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from .errors import InvalidParams

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_KINDS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_DATES: dict[Any, str] = {datetime.datetime: "date-time", datetime.date: "date"}
#: from Python's way of writing to JSON Schema's
_KEYWORDS = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}


class Field:
    """What a type can't say, for `Annotated`: `Field("how many", minimum=1)`.

    Keywords are those of JSON Schema; `min_length` may be written for `minLength`.
    """

    def __init__(self, description: str | None = None, **keywords: Any) -> None:
        self.schema = {_KEYWORDS.get(key, key): value for key, value in keywords.items()}
        if description is not None:
            self.schema["description"] = description


def of(hint: Any, _seen: tuple[Any, ...] = ()) -> dict[str, Any]:
    """The schema of a type.

    Raises `TypeError` for a type that JSON has nothing for, naming it.
    """
    if hint is Any or hint is object:
        return {}
    if hint is None or hint is type(None):
        return {"type": "null"}
    if hint in _KINDS:
        return {"type": _KINDS[hint]}
    if hint in _DATES:
        return {"type": "string", "format": _DATES[hint]}
    if hint in (list, tuple, set):
        return {"type": "array"}
    if hint is dict:
        return {"type": "object"}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choices([member.value for member in hint])
    if _fields(hint) is not None:
        return _object(hint, _seen)
    return _generic(hint, _seen)


def _generic(hint: Any, seen: tuple[Any, ...]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        schema = of(arguments[0], seen)
        for note in arguments[1:]:
            if isinstance(note, str):
                schema["description"] = note
            elif isinstance(note, Field):
                schema.update(note.schema)
        return schema
    if getattr(origin, "_name", None) in ("Required", "NotRequired"):
        return of(arguments[0], seen)
    if origin is Literal:
        return _choices(list(arguments))
    if origin in (Union, types.UnionType):
        return _union([of(one, seen) for one in arguments])
    if origin in (list, set, frozenset):
        schema = {"type": "array", "items": of(arguments[0], seen)}
        return schema if origin is list else {**schema, "uniqueItems": True}
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return {"type": "array", "items": of(arguments[0], seen)}
        items = [of(one, seen) for one in arguments]
        count = len(items)
        return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}
    if origin is dict:
        if arguments[0] is not str:
            raise TypeError(f"the keys of {hint} must be str: JSON has no others")
        return {"type": "object", "additionalProperties": of(arguments[1], seen)}
    raise TypeError(f"there is no JSON Schema of {hint!r}; use a dataclass, for example")


def _choices(values: list[Any]) -> dict[str, Any]:
    kinds = {_KINDS.get(type(value)) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    return {"type": kind, "enum": values} if kind else {"enum": values}


def _union(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Kinds without further words come together in one list."""
    if all(list(choice) == ["type"] for choice in choices):
        return {"type": [choice["type"] for choice in choices]}
    null = {"type": "null"}
    others = [choice for choice in choices if choice != null]
    if len(others) == 1 and len(choices) == 2 and isinstance(others[0].get("type"), str):
        schema = {**others[0], "type": [others[0]["type"], "null"]}
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        return schema
    return {"anyOf": choices}


def _object(hint: Any, seen: tuple[Any, ...]) -> dict[str, Any]:
    if hint in seen:
        raise TypeError(f"{hint.__name__} contains itself: no schema is made of such a type")
    properties, required = {}, []
    for name, (kind, is_required, default) in (_fields(hint) or {}).items():
        properties[name] = of(kind, (*seen, hint))
        if is_required:
            required.append(name)
        elif default is not dataclasses.MISSING:
            properties[name]["default"] = plain(default)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema


def _fields(hint: Any) -> dict[str, tuple[Any, bool, Any]] | None:
    """Of a dataclass or a TypedDict: types, whether required, and defaults."""
    if not isinstance(hint, type):
        return None
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        found = {}
        for one in dataclasses.fields(hint):
            made = one.default_factory is not dataclasses.MISSING
            default = one.default_factory() if made else one.default  # type: ignore[misc]
            is_required = default is dataclasses.MISSING
            found[one.name] = (hints[one.name], is_required, default)
        return found
    if hasattr(hint, "__required_keys__"):
        hints = typing.get_type_hints(hint, include_extras=True)
        required = hint.__required_keys__
        return {name: (kind, name in required, dataclasses.MISSING) for name, kind in hints.items()}
    return None


def document(schema: dict[str, Any]) -> str:
    """As text, with the dialect that it is in."""
    return dumps({"$schema": DIALECT, **schema})


def read(hint: Any, value: Any, place: str) -> Any:
    """A value of `hint` from JSON. Raises `InvalidParams` that names the place."""
    try:
        return _read(hint, value, place)
    except (TypeError, ValueError) as error:
        raise InvalidParams(place, str(error)) from error


def _read(hint: Any, value: Any, place: str) -> Any:
    if hint is Any or hint is object:
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated or getattr(origin, "_name", None) in ("Required", "NotRequired"):
        return _read(arguments[0], value, place)
    if origin in (Union, types.UnionType):
        return _read_union(arguments, value, place)
    if origin is Literal:
        if any(value == one and type(value) is type(one) for one in arguments):
            return value
        raise ValueError(f"expected one of {', '.join(map(dumps, arguments))}")
    if hint in _KINDS:
        return _scalar(hint, value)
    if hint in _DATES and isinstance(value, str):
        return hint.fromisoformat(value.replace("Z", "+00:00"))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if hint is None or hint is type(None):
        return _demand(value is None, value, "null")
    if (fields := _fields(hint)) is not None:
        return _read_object(hint, fields, value, place)
    kind = origin or hint
    if kind in (list, tuple, set, frozenset):
        return _read_array(kind, arguments, value, place)
    if kind is dict:
        _demand(isinstance(value, dict), value, "an object")
        inner = arguments[1] if arguments else Any
        return {key: _read(inner, one, f"{place}/{key}") for key, one in value.items()}
    raise TypeError(f"nothing is read as {hint!r}")


def _demand(holds: bool, value: Any, expected: str) -> Any:
    if not holds:
        raise TypeError(f"expected {expected}, got {dumps(value)[:100]}")
    return value


def _scalar(kind: Any, value: Any) -> Any:
    if kind is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(_demand(is_number, value, "a number"))
    if kind is int:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        return _demand(is_integer, value, "an integer")
    return _demand(isinstance(value, kind), value, f"a {_KINDS[kind]}")


def _read_union(choices: tuple[Any, ...], value: Any, place: str) -> Any:
    reasons = []
    for choice in choices:
        try:
            return _read(choice, value, place)
        except (TypeError, ValueError, InvalidParams) as error:
            reasons.append(str(error))
    raise TypeError("; or ".join(dict.fromkeys(reasons)))


def _read_array(kind: Any, arguments: tuple[Any, ...], value: Any, place: str) -> Any:
    _demand(isinstance(value, list), value, "an array")
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        _demand(len(value) == len(arguments), value, f"{len(arguments)} values")
        inner = arguments
    else:
        inner = (arguments[0] if arguments else Any,) * len(value)
    pairs = enumerate(zip(inner, value))
    return kind(_read(one, item, f"{place}/{index}") for index, (one, item) in pairs)


def _read_object(hint: Any, fields: dict[str, Any], value: Any, place: str) -> Any:
    _demand(isinstance(value, dict), value, "an object")
    members = {}
    for name, (kind, is_required, _) in fields.items():
        if name in value:
            members[name] = read(kind, value[name], f"{place}/{name}")
        elif is_required:
            raise ValueError(f"`{name}` is missing")
    # A TypedDict is a dict: what it has beyond its type stays.
    return hint(**members) if dataclasses.is_dataclass(hint) else {**value, **members}


def plain(value: Any) -> Any:
    """What `json` can write of a value of these types."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {one.name: plain(getattr(value, one.name)) for one in fields}
    if isinstance(value, dict):
        return {str(plain(key)): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one) for one in value), key=dumps)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number of JSON")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} can't be written as JSON; return a dataclass or a dict")


def dumps(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
