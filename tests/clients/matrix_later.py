"""Owns one conversation of the Python client from 2.0 on, in the mode that is asked for: each
step's outcome, as one line of JSON. It never judges them: the Rust test that started it
compares. `python matrix_later.py auto|legacy URL | --stdio COMMAND [ARGUMENT...]`.
"""

import asyncio
import json
import sys
import warnings
from importlib.metadata import version

import mcp_types as types
from mcp import MCPError
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

WATCHED = "test://watched-resource"
MODERN = "2026-07-28"


def target(arguments):
    """What the command line asks for: an address or a server to start."""
    if arguments[0] == "--stdio":
        return StdioServerParameters(command=arguments[1], args=arguments[2:])
    return arguments[0]


def wire(result):
    """A result as it was on the wire."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


def text(result):
    """The text of a tool's answer."""
    return "".join(part["text"] for part in wire(result)["content"])


class Conversation:
    """One client, and what was heard beside its answers."""

    def __init__(self, mode):
        self.mode = mode
        self.logged = []
        self.updated = asyncio.Event()

    async def log(self, params):
        self.logged.append(params.data)

    async def message(self, message):
        if isinstance(message, types.ResourceUpdatedNotification):
            self.updated.set()

    async def elicit(self, context, params):
        return types.ElicitResult(
            action="accept", content={"username": "ada", "email": "ada@example.org"}
        )

    def client(self, server):
        """A client that takes everything and asks for log messages."""
        return Client(
            server,
            mode=self.mode,
            elicitation_callback=self.elicit,
            logging_callback=self.log,
            log_level="info",
            message_handler=self.message,
        )

    async def run(self, client):
        """Every step, in the order of the table."""
        modern = client.protocol_version == MODERN
        seen = {"package": version("mcp"), "version": client.protocol_version}
        seen["list"] = [tool.name for tool in (await client.list_tools()).tools][:3]
        seen["call"] = text(await client.call_tool("test_simple_text", {}))
        failed = await client.call_tool("test_error_handling", {})
        seen["error"] = {"isError": wire(failed)["isError"], "text": text(failed)}
        try:
            seen["refusal"] = text(await client.call_tool("no_such_tool", {}))
        except MCPError as error:
            seen["refusal"] = error.code
        seen["progress"] = await self.progress(client)
        await client.call_tool("test_tool_with_logging", {})
        seen["log"] = self.logged[:]
        seen["ask"] = text(await client.call_tool("test_elicitation", {"message": "Who?"}))
        read = wire(await client.read_resource("test://static-text"))
        seen["read"] = read["contents"][0]["text"]
        blob = wire(await client.read_resource("test://static-binary"))
        seen["blob"] = blob["contents"][0]["mimeType"]
        prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
        seen["get"] = wire(prompt)["messages"][0]["content"]["text"]
        ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
        completed = await client.complete(ref, {"name": "arg1", "value": "par"})
        seen["complete"] = completed.completion.values
        seen["subscribe"] = await (self.listen(client) if modern else self.subscribe(client))
        seen["cancel"] = await self.cancel(client)
        seen["ping"] = "not in this version"
        if not modern:
            await client.send_ping()
            seen["ping"] = "pong"
        return seen

    async def progress(self, client):
        """Progress, as it was told."""
        told = []

        async def on_progress(progress, total, message=None):
            told.append([progress, total])

        await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
        return told

    async def subscribe(self, client):
        """Streams open when they will: the change is made until it is heard of."""
        await client.subscribe_resource(WATCHED)
        for _ in range(400):
            await client.call_tool("test_trigger_resource_update", {})
            try:
                await asyncio.wait_for(self.updated.wait(), 0.025)
                return WATCHED
            except asyncio.TimeoutError:
                pass
        return None

    async def listen(self, client):
        """The stream is open once it is entered: one change is enough."""
        async with client.listen(resource_subscriptions=[WATCHED]) as events:
            await client.call_tool("test_trigger_resource_update", {})
            async for event in events:
                return str(event.uri)

    async def cancel(self, client):
        """The client tells the host by itself that nobody waits any more."""
        call = asyncio.create_task(client.call_tool("slow_compute", {"seconds": 500}))
        await asyncio.sleep(0.2)
        call.cancel()
        try:
            return text(await call)
        except asyncio.CancelledError:
            return "stopped"


async def main():
    """The whole conversation."""
    warnings.simplefilter("ignore")
    conversation = Conversation(sys.argv[1])
    async with conversation.client(target(sys.argv[2:])) as client:
        print(json.dumps(await conversation.run(client)), flush=True)


asyncio.run(main())
