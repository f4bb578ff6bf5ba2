"""Owns the conversation of the Python client in its default mode, `auto`: list, call `hello`
and `add`, call a tool that is not there, and print what came back as one line of JSON. It
never judges the answers: the Rust test that started it compares them.
"""

import asyncio
import json
import sys

from mcp import MCPError
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

USAGE = "usage: python client.py URL | python client.py --stdio COMMAND [ARGUMENT...]"


def target(arguments):
    """What the command line asks for: an address or a server to start."""
    if not arguments or (arguments[0] == "--stdio" and len(arguments) < 2):
        sys.exit(USAGE)
    if arguments[0] == "--stdio":
        return StdioServerParameters(command=arguments[1], args=arguments[2:])
    return arguments[0]


def answer(result):
    """The parts of a tool's answer that tests compare, as they were on the wire."""
    wire = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "content": wire["content"],
        "structured": wire.get("structuredContent"),
        "isError": wire.get("isError", False),
    }


async def refusal(client):
    """The error that a call of an unknown tool ends with."""
    try:
        return {"answered": answer(await client.call_tool("no_such_tool", {}))}
    except MCPError as error:
        return {"code": error.code, "message": error.message}


async def main():
    """The whole conversation."""
    async with Client(target(sys.argv[1:]), mode="auto") as client:
        tools = (await client.list_tools()).tools
        hello = await client.call_tool("hello", {"name": "Ada"})
        add = await client.call_tool("add", {"a": 2, "b": 3})
        seen = {
            "version": client.protocol_version,
            "server": client.server_info.name if client.server_info else None,
            "tools": [tool.name for tool in tools],
            "hello": answer(hello),
            "add": answer(add),
            "unknown": await refusal(client),
        }
    print(json.dumps(seen))


asyncio.run(main())
