"""The plugin `{{name}}`: each function with `@tool` is a tool of an MCP server. Its schema,
its checks and its descriptions follow from types and docstrings."""

from typing import Annotated

from fusebox import ToolError, tool


@tool(read_only=True)
def hello(name: Annotated[str, "whom to greet"]) -> str:
    """Greets someone."""
    if not name.strip():
        raise ToolError("whom shall I greet? The name is empty")
    return f"Hello, {name}!"
