"""Requests of a handler: `ctx.http.get("https://api.example.org/...")`.

It owns their form. They are sent by the host, which asks the operator's grants.
"""

from __future__ import annotations

import json
from typing import Any, Callable

from .errors import ToolError


class Response:
    """A response, read to its end. `headers` has lower-case names."""

    def __init__(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}

    def success(self) -> Response:
        """The same response, if its status is from 200 to 299; raises `ToolError`."""
        if not 200 <= self.status <= 299:
            raise ToolError(f"the server answered {self.status}")
        return self

    def text(self) -> str:
        """The body, which must be UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)


#: method, address, headers, body, seconds until the response begins
Send = Callable[[str, str, "list[tuple[str, str]]", bytes, "float | None"], Response]


class Http:
    """Sends requests. Raises `HttpError` where there is no response."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | str = b"",
        json: Any = None,
        timeout: float | None = None,
    ) -> Response:
        """Sends one, and waits for the whole response. `timeout` is in seconds."""
        from . import schema

        fields = list((headers or {}).items())
        if json is not None:
            body = schema.dumps(json)
            fields.append(("content-type", "application/json"))
        data = body.encode() if isinstance(body, str) else body
        return self._send(method.upper(), url, fields, data, timeout)

    def get(self, url: str, **options: Any) -> Response:
        """As `request`."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        """As `request`."""
        return self.request("POST", url, **options)
