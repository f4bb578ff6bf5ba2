"""Owns one conversation that every Python client up to 1.x can have, as far as its version
goes: each step's outcome, as one line of JSON. It never judges them: the Rust test that
started it compares. `python matrix.py URL | --stdio COMMAND [ARGUMENT...]`.
"""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from importlib.metadata import version

import mcp.types as types
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client

WATCHED = "test://watched-resource"


@asynccontextmanager
async def streams():
    """What the command line asks for: an address or a server to start."""
    if sys.argv[1] == "--stdio":
        server = StdioServerParameters(command=sys.argv[2], args=sys.argv[3:])
        async with stdio_client(server) as (reader, writer):
            yield reader, writer
        return
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(sys.argv[1]) as (reader, writer, _):
        yield reader, writer


def text(result):
    """The text of a tool's answer."""
    return "".join(part.text for part in result.content)


class Conversation:
    """One session, and what was heard beside its answers."""

    def __init__(self):
        self.logged = []
        self.updated = asyncio.Event()

    async def log(self, params):
        self.logged.append(params.data)

    async def message(self, message):
        root = getattr(message, "root", None)
        if isinstance(root, types.ResourceUpdatedNotification):
            self.updated.set()

    async def elicit(self, context, params):
        return types.ElicitResult(
            action="accept", content={"username": "ada", "email": "ada@example.org"}
        )

    async def sample(self, context, params):
        content = types.TextContent(type="text", text="Hello")
        return types.CreateMessageResult(role="assistant", content=content, model="none")

    def handlers(self):
        """The callbacks that this version knows."""
        known = {
            "logging_callback": self.log,
            "message_handler": self.message,
            "sampling_callback": self.sample,
        }
        if hasattr(types, "ElicitResult"):
            known["elicitation_callback"] = self.elicit
        return known

    async def run(self, session):
        """Every step, in the order of the table."""
        agreed = await session.initialize()
        seen = {"package": version("mcp"), "version": agreed.protocolVersion}
        listed = (await session.list_tools()).tools
        seen["list"] = [tool.name for tool in listed][:3]
        seen["call"] = text(await session.call_tool("test_simple_text", {}))
        failed = await session.call_tool("test_error_handling", {})
        seen["error"] = {"isError": failed.isError, "text": text(failed)}
        try:
            seen["refusal"] = text(await session.call_tool("no_such_tool", {}))
        except McpError as error:
            seen["refusal"] = error.error.code
        seen["progress"] = await self.progress(session)
        await session.call_tool("test_tool_with_logging", {})
        seen["log"] = self.logged
        tool = ("test_sampling", {"prompt": "Hi"})
        if hasattr(types, "ElicitResult"):
            tool = ("test_elicitation", {"message": "Who?"})
        seen["ask"] = text(await session.call_tool(*tool))
        seen["read"] = (await session.read_resource("test://static-text")).contents[0].text
        blob = (await session.read_resource("test://static-binary")).contents[0]
        seen["blob"] = blob.mimeType
        prompt = await session.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
        seen["get"] = prompt.messages[0].content.text
        ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
        completed = await session.complete(ref, {"name": "arg1", "value": "par"})
        seen["complete"] = completed.completion.values
        seen["subscribe"] = await self.subscribe(session)
        seen["cancel"] = await self.cancel(session)
        await session.send_ping()
        seen["ping"] = "pong"
        return seen

    async def progress(self, session):
        """Progress by its token, for clients whose calls have no callback for it."""
        told = []

        async def on_progress(progress, total, message=None):
            told.append([progress, total])

        call = types.CallToolRequest(
            method="tools/call",
            params=types.CallToolRequestParams(name="test_tool_with_progress", arguments={}),
        )
        try:
            await session.send_request(
                types.ClientRequest(call), types.CallToolResult, progress_callback=on_progress
            )
        except TypeError:
            return "no callback"
        return told

    async def subscribe(self, session):
        """Streams open when they will: the change is made until it is heard of."""
        await session.subscribe_resource(WATCHED)
        for _ in range(400):
            await session.call_tool("test_trigger_resource_update", {})
            try:
                await asyncio.wait_for(self.updated.wait(), 0.025)
                return WATCHED
            except asyncio.TimeoutError:
                pass
        return None

    async def cancel(self, session):
        """These clients give up a call by themselves and tell nobody, so it is said here."""
        call = asyncio.create_task(session.call_tool("slow_compute", {"seconds": 500}))
        await asyncio.sleep(0.2)
        params = types.CancelledNotificationParams(
            requestId=session._request_id - 1, reason="enough"
        )
        note = types.CancelledNotification(method="notifications/cancelled", params=params)
        await session.send_notification(types.ClientNotification(note))
        call.cancel()
        try:
            return text(await call)
        except asyncio.CancelledError:
            return "stopped"


async def main():
    """The whole conversation."""
    conversation = Conversation()
    async with streams() as (reader, writer):
        async with ClientSession(reader, writer, **conversation.handlers()) as session:
            print(json.dumps(await conversation.run(session)), flush=True)


asyncio.run(main())
