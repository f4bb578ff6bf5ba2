"""Owns one conversation over HTTP/3 with an implementation that shares no code with the
host's: each step's outcome, as one line of JSON. It never judges them: the Rust test that
started it compares. `http3.py PORT CERTIFICATE STEP...`; each step is a function below."""

import asyncio
import json
import sys

from aioquic.asyncio import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
BOTH = "application/json, text/event-stream"


class Response:
    """A request's stream, as it comes."""

    def __init__(self, client, stream):
        self.client, self.stream = client, stream
        self.pieces = asyncio.Queue()
        self.head, self.text, self.ended = {}, "", False

    async def piece(self):
        event = await self.pieces.get()
        if isinstance(event, HeadersReceived):
            self.head = {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, DataReceived):
            self.text += event.data.decode()
        else:
            self.ended = True
            return
        self.ended = event.stream_ended

    async def headers(self):
        while not self.head and not self.ended:
            await self.piece()
        return self.head

    async def whole(self):
        while not self.ended:
            await self.piece()
        return self.text

    async def json(self):
        return json.loads(await self.whole())

    async def message(self):
        """The next message of a stream of events; none at its end."""
        while True:
            while "\n\n" not in self.text:
                if self.ended:
                    return None
                await self.piece()
            event, self.text = self.text.split("\n\n", 1)
            data = [line[5:].strip() for line in event.split("\n") if line.startswith("data:")]
            if "".join(data):
                return json.loads("\n".join(data))

    async def messages(self):
        found = []
        while (message := await self.message()) is not None:
            found.append(message)
        return found

    def hang_up(self):
        code = ErrorCode.H3_REQUEST_CANCELLED
        self.client._quic.stop_stream(self.stream, code)
        self.client.transmit()


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.responses = {}
        self.terminated = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.terminated.set_result(event.error_code)
        if isinstance(event, (StreamReset, ConnectionTerminated)):
            gone = [event.stream_id] if isinstance(event, StreamReset) else self.responses
            for stream in list(gone):
                if stream in self.responses:
                    self.responses[stream].pieces.put_nowait(None)
        for http in self.http.handle_event(event):
            if isinstance(http, (HeadersReceived, DataReceived)) and http.stream_id in self.responses:
                self.responses[http.stream_id].pieces.put_nowait(http)

    def send(self, method, path, headers=(), body=None, authority=None):
        stream = self._quic.get_next_available_stream_id()
        response = self.responses[stream] = Response(self, stream)
        pseudo = [
            (":method", method),
            (":scheme", "https"),
            (":authority", authority or f"localhost:{PORT}"),
            (":path", path),
        ]
        fields = [(name.encode(), value.encode()) for name, value in [*pseudo, *headers]]
        self.http.send_headers(stream, fields, end_stream=body is None)
        if body is not None:
            self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        return response

    def post(self, message, headers=(), **more):
        fields = [("content-type", "application/json"), ("accept", BOTH), *headers]
        return self.send("POST", "/mcp", fields, json.dumps(message).encode(), **more)

    def modern(self, method, params=None, id=1, **more):
        meta = {**META, **(params or {}).get("_meta", {})}
        params = {**(params or {}), "_meta": meta}
        headers = [("mcp-protocol-version", MODERN), ("mcp-method", method)]
        if "name" in params:
            headers.append(("mcp-name", params["name"]))
        message = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        return self.post(message, headers, **more)

    def call(self, tool, arguments=None, **more):
        return self.modern("tools/call", {"name": tool, "arguments": arguments or {}, **more})


async def basics(client):
    response = client.call("hello", {"name": "Ada"})
    head = await response.headers()
    return {
        "head": {name: head.get(name) for name in (":status", "content-type")},
        "length": head["content-length"] == str(len(await response.whole())),
        "dated": "date" in head,
        "text": (await response.json())["result"]["content"][0]["text"],
        "list": sorted(
            tool["name"]
            for tool in (await client.modern("tools/list").json())["result"]["tools"]
            if tool["name"] in ("hello", "add", "sleep")
        ),
        "unknown": (await client.call("no_such_tool").json())["error"],
    }


async def statuses(client):
    async def status(*args, **kwargs):
        response = client.send(*args, **kwargs)
        head = await response.headers()
        return [int(head[":status"]), len(await response.whole())]

    def first(pair):
        return pair[0]

    big = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x" * 5000}).encode()
    fields = [("content-type", "application/json"), ("accept", BOTH)]
    large = [(f"x-{index}", "a" * 2000) for index in range(40)]
    return {
        "nothing here": first(await status("GET", "/nothing")),
        "wrong method": first(await status("PUT", "/mcp", body=b"")),
        "too large": first(await status("POST", "/mcp", fields, big)),
        "no json": first(await status("POST", "/mcp", fields, b"{")),
        "another name": first(await status("GET", "/live", authority="evil.example")),
        "another page": first(await status("GET", "/live", [("origin", "https://evil.example")])),
        "head": await status("HEAD", "/live"),
        "alive": first(await status("GET", "/live")),
        "head too large": first(await status("GET", "/live", large)),
    }


async def progress(client):
    response = client.call("test_tool_with_progress", _meta={"progressToken": 7})
    kind = (await response.headers())["content-type"]
    *updates, answer = await response.messages()
    return {
        "kind": kind,
        "updates": [[one["params"]["progressToken"], one["params"]["progress"]] for one in updates],
        "text": answer["result"]["content"][0]["text"],
    }


async def legacy(client):
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "fusebox-tests", "version": "1"},
    }
    opened = client.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    session = ("mcp-session-id", (await opened.headers())["mcp-session-id"])
    version = (await opened.json())["result"]["protocolVersion"]
    ready = client.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, [session])
    ready = [int((await ready.headers())[":status"]), await ready.whole()]
    params = {"name": "test_elicitation", "arguments": {"message": "Who?"}}
    call = client.post({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}, [session])
    question = await call.message()
    answer = {"action": "accept", "content": {"username": "ada", "email": "ada@example.org"}}
    told = client.post({"jsonrpc": "2.0", "id": question["id"], "result": answer}, [session])
    told = int((await told.headers())[":status"])
    done = await call.message()
    changes = client.send("GET", "/mcp", [("accept", "text/event-stream"), session])
    kind = (await changes.headers())["content-type"]
    ended = client.send("DELETE", "/mcp", [session])
    ended = int((await ended.headers())[":status"])
    rest = await changes.messages()
    gone = client.post({"jsonrpc": "2.0", "id": 3, "method": "ping"}, [session])
    return {
        "version": version,
        "ready": ready,
        "question": [question["method"], question["params"]["message"]],
        "told": told,
        "text": done["result"]["content"][0]["text"],
        "changes": [kind, rest],
        "ended": ended,
        "gone": int((await gone.headers())[":status"]),
    }


async def subscription(client):
    wanted = {"notifications": {"toolsListChanged": True}}
    stream = client.modern("subscriptions/listen", wanted, id="s")
    begun = await stream.message()
    await client.call("test_trigger_tool_change").whole()
    changed = await stream.message()
    # The stream of changes, and the request for this figure.
    await figures(client, 2)
    stream.hang_up()
    await figures(client, 1)
    return {
        "begun": begun["method"],
        "changed": [changed["method"], changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]],
    }


async def figures(client, streams):
    """Waits until the host counts this connection, and so many streams."""
    seen = None
    while seen != [1, streams]:
        health = await client.send("GET", "/health").json()
        seen = [health["quic_connections"], health["quic_streams"]]


async def cancel(client):
    """A call that would last a minute ends with its caller's patience."""
    call = client.call("sleep", {"ms": 60000})
    while (await client.send("GET", "/health").json())["calls_in_flight"] == 0:
        pass
    call.hang_up()
    while (await client.send("GET", "/health").json())["calls_in_flight"] > 0:
        pass
    return "ended"


async def many(client):
    """A hundred at once, each with its own answer."""
    calls = [client.call("hello", {"name": f"n{index}"}) for index in range(100)]
    answers = [(await call.json())["result"]["content"][0]["text"] for call in calls]
    return answers == [f"Hello, n{index}!" for index in range(100)]


async def last_call(client):
    """What is asked before the host stops is answered; then the connection ends."""
    call = client.call("sleep", {"ms": 1500})
    text = (await call.json())["result"]["content"][0]["text"]
    code = await client.terminated
    return {"text": text, "no error": code == ErrorCode.H3_NO_ERROR}


async def main(certificate, steps):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name="localhost")
    configuration.load_verify_locations(certificate)
    seen = {}
    async with connect(
        "127.0.0.1", PORT, configuration=configuration, create_protocol=Client
    ) as client:
        for step in steps:
            seen[step] = await globals()[step](client)
    print(json.dumps(seen))


PORT = int(sys.argv[1])
asyncio.run(main(sys.argv[2], sys.argv[3:]))
