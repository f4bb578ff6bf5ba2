"""The MCP SDK for Python as a server: stateless, plain JSON answers, no access log.

Run by `cargo xtask bench`, with the packages of tests/clients/requirements.txt.
"""

import socket

import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("bench", log_level="CRITICAL")


@server.tool(structured_output=False)
def hello(name: str) -> str:
    """Greets someone."""
    return f"Hello, {name}!"


def main() -> None:
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    listener = socket.socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    host, port = listener.getsockname()
    print(f"listening on {host}:{port}", flush=True)
    config = uvicorn.Config(app, log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


main()
