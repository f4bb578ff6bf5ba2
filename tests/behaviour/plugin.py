"""The plugin of the behaviour suite in Python: see `plugin.rs`."""

import json
from dataclasses import dataclass
from typing import Annotated, Literal, Optional

from fusebox import (
    Audio,
    Context,
    Embedded,
    Image,
    InvalidParams,
    Message,
    Text,
    ToolError,
    completion,
    prompt,
    resource,
    tool,
)

calls = 0


@tool(read_only=True)
def greet(name: Annotated[str, "whom to greet"]) -> str:
    """Greets someone."""
    return f"Hello, {name}!"


@tool
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@dataclass
class Shape:
    kind: Literal["circle", "square"]
    size: float


@dataclass
class Measured:
    area: float
    unit: str


@tool
def measure(shapes: list[Shape], unit: Optional[str] = None) -> Measured:
    """Measures shapes."""
    factors = {"circle": 3.0, "square": 1.0}
    area = sum(factors[shape.kind] * shape.size**2 for shape in shapes)
    return Measured(area, unit or "m2")


@tool
def fail(message: str) -> str:
    """Fails."""
    raise ToolError(message)


@tool
def refuse(value: str) -> str:
    """Finds the argument wrong."""
    raise InvalidParams("value", f"{value} is not good")


@tool
def count(to: int, ctx: Context) -> str:
    """Says how far it is."""
    for done in range(1, to + 1):
        ctx.info({"done": done})
        ctx.progress(done, to, f"step {done}")
    return f"counted to {to}"


@tool
def content() -> list[Text | Image | Audio | Embedded]:
    """Gives each kind of content."""
    return [
        Text("words"),
        Image(bytes([1, 2, 3])),
        Audio(bytes([4, 5])),
        Embedded("data://a", "inside", "text/plain"),
    ]


@dataclass
class Name:
    name: Annotated[str, "as on your passport"]


@tool
def ask(ctx: Context) -> str:
    """Asks for a name, then for a poem."""
    name = ctx.elicit("who", "What is your name?", Name).name
    ctx.state = name.upper()
    poem = ctx.sample("poem", f"A poem for {name}.", 100)
    return f"{ctx.state}: {poem}"


@tool
def keep(key: str, value: str, ctx: Context) -> None:
    """Keeps a value."""
    ctx.store.set(key, value)


@tool
def kept(key: str, ctx: Context) -> str:
    """A value that was kept."""
    value = ctx.store.get(key)
    return "nothing" if value is None else value.decode()


@tool
def increment(key: str, ctx: Context) -> int:
    """Counts up."""
    return ctx.store.increment(key, 2)


@tool
def setting(key: str, ctx: Context) -> str:
    """What the operator wrote."""
    return ctx.config(key, "nothing")


@tool
def secret(key: str, ctx: Context) -> int:
    """Uses a secret."""
    return len(ctx.secret(key).expose())


@tool
def fetch(url: str, ctx: Context) -> str:
    """Gets a page."""
    return ctx.http.get(url).success().text()


@tool
def remembered() -> int:
    """Counts what this instance has answered."""
    global calls
    calls += 1
    return calls


@tool
def long(length: int) -> str:
    """Says much."""
    return "é" * length


@tool
def spin() -> str:
    """Never ends."""
    while True:
        pass


@tool
def traced(ctx: Context) -> bool:
    """Works in two spans."""
    with ctx.span("outer") as outer:
        outer.set("step", 1)
        try:
            with ctx.span("inner") as inner:
                inner.set("what", "words")
                ctx.info("within")
                here = ctx.traceparent
                raise LookupError("not for the collector")
        except LookupError:
            return here is not None


@resource("data://about", mime_type="text/plain")
def about() -> str:
    """What this is."""
    return "A plugin like two others."


@resource("data://bytes", name="bytes", mime_type="image/png")
def some_bytes() -> bytes:
    """Some bytes."""
    return bytes([1, 2, 3])


@resource("data://items/{id}", mime_type="application/json")
def item(id: str) -> Optional[str]:
    """One of many."""
    return None if id == "none" else json.dumps({"id": id}, separators=(",", ":"))


@prompt
def review(code: Annotated[str, "what to review"], style: Optional[str] = None) -> list[Message]:
    """Reviews code."""
    return [
        Message(f"Review ({style or 'short'}): {code}"),
        Message("It is good.", role="assistant"),
    ]


@completion("style", prompt="review")
def styles(value: str) -> list[str]:
    return [style for style in ("short", "shouting", "long") if style.startswith(value)]


@completion("id", resource="data://items/{id}")
def ids(value: str) -> list[str]:
    return [f"{value}1", f"{value}2"]
