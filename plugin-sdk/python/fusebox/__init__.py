"""The kit for Fusebox plugins in Python: a function with types and a docstring is a
tool of an MCP server.

    from typing import Annotated
    from fusebox import tool

    @tool(read_only=True)
    def hello(name: Annotated[str, "whom to greet"]) -> str:
        "Greets someone."
        return f"Hello, {name}!"

A handler stays the function that it was, so a test calls it like any other. It needs
Python 3.10 or later, and nothing beside the standard library.
"""

from .asking import Answer, Elicit, ListRoots, Sample, Sampled, Visit
from .context import Context, Secret
from .errors import HttpError, InputRequired, InvalidParams, NotFound, ToolError
from .http import Response
from .plugin import Cache, Plugin, completion, prompt, resource, tool
from .results import (
    Audio,
    Blob,
    Completion,
    Embedded,
    Image,
    Link,
    Message,
    PromptResult,
    Text,
    ToolResult,
)
from .schema import Field

__all__ = [
    "Answer",
    "Audio",
    "Blob",
    "Cache",
    "Completion",
    "Context",
    "Elicit",
    "Embedded",
    "Field",
    "HttpError",
    "Image",
    "InputRequired",
    "InvalidParams",
    "Link",
    "ListRoots",
    "Message",
    "NotFound",
    "Plugin",
    "PromptResult",
    "Response",
    "Sample",
    "Sampled",
    "Secret",
    "Text",
    "ToolError",
    "ToolResult",
    "Visit",
    "completion",
    "prompt",
    "resource",
    "tool",
]
