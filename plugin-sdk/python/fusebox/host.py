"""The host that a plugin runs in: what a context says, as calls of its imports.

Only a component imports this. A capability that the project doesn't ask for has no
bindings; using it says where to ask for it.
"""

from __future__ import annotations

import importlib
from typing import Any

from componentize_py_types import Err, Ok

from .errors import HttpError, ToolError
from .http import Response


def _bindings(*names: str, having: str) -> Any:
    """The first module of these names that has a member: bindings have longer names where
    two interfaces would have the same."""
    for name in names:
        try:
            found = importlib.import_module(f"wit_world.imports.{name}")
        except ImportError:
            continue
        if hasattr(found, having):
            return found
    return None


types = _bindings("fusebox_plugin_types", "types", having="ToolOutcome_Complete")
_request = _bindings("request", having="report_panic")
_notifications = _bindings("notifications", having="tools_changed")
_clock = _bindings("monotonic_clock", having="subscribe_duration")
_config = _bindings("wasi_config_store", "store", having="get_all")
_store = _bindings("wasi_keyvalue_store", "store", having="Bucket")
_atomics = _bindings("atomics", having="increment")
_http = _bindings("wasi_http_types", "types", having="OutgoingRequest")
_handler = _bindings("outgoing_handler", having="handle")
_trace = _bindings("trace", having="is_recorded")
_streams = _bindings("streams", having="StreamError_Closed")

#: what one write takes at most, by the contract of `wasi:io`
WRITE_MAX = 4096
READ_MAX = 64 << 10


def report(text: str) -> None:
    """Tells the host's log, and nobody else."""
    _request.report_panic(text)


def _demand(bindings: Any, capability: str) -> Any:
    if bindings is None:
        raise ToolError(
            f"this plugin doesn't ask for `{capability}`: add it to `capabilities` "
            "below `[tool.fusebox]` in pyproject.toml, and build it again"
        )
    return bindings


def _told(error: Err[Any]) -> ToolError:
    value = error.value
    text = getattr(value, "value", None)
    return ToolError(text if isinstance(text, str) else f"the store: {type(value).__name__}")


class InHostSpan:
    """A span that is recorded."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def set(self, key: str, value: str | int | float | bool) -> None:
        kinds = {bool: "Flag", int: "Integer", float: "Number"}
        kind = kinds.get(type(value), "Text")
        if kind == "Text":
            value = str(value)
        elif kind == "Integer":
            value = max(-(1 << 63), min(value, (1 << 63) - 1))
        self._span.set(key, getattr(_trace, f"Value_{kind}")(value))

    def fail(self, why: str) -> None:
        self._span.fail(why)

    def end(self) -> None:
        self._span.__exit__(None, None, None)


class InHost:
    """As `context.Host`, which stands for it in tests."""

    def log(self, level: str, data: str, logger: str | None) -> None:
        _request.log(types.LogLevel[level.upper()], data, logger)

    def progress(self, done: float, total: float | None, message: str | None) -> None:
        _request.progress(done, total, message)

    def is_cancelled(self) -> bool:
        return _request.is_cancelled()

    def close_stream(self) -> None:
        _request.close_stream()

    def span(self, name: str) -> Any:
        if not _demand(_trace, "trace").is_recorded():
            return None
        return InHostSpan(_trace.Span(name, []))

    def traceparent(self) -> str | None:
        return _demand(_trace, "trace").traceparent()

    def sleep(self, seconds: float) -> None:
        with _clock.subscribe_duration(int(seconds * 1e9)) as pollable:
            pollable.block()

    def notify(self, what: str, uri: str | None = None) -> None:
        if uri is not None:
            _notifications.resource_updated(uri)
        else:
            getattr(_notifications, f"{what}_changed")()

    def setting(self, key: str) -> str | None:
        try:
            return _demand(_config, "config").get(key)
        except Err as error:
            raise _told(error) from None

    def _bucket(self) -> Any:
        return _demand(_store, "keyvalue").open("default")

    def get(self, key: str) -> bytes | None:
        return self._stored(lambda bucket: bucket.get(key))

    def set(self, key: str, value: bytes) -> None:
        self._stored(lambda bucket: bucket.set(key, value))

    def delete(self, key: str) -> None:
        self._stored(lambda bucket: bucket.delete(key))

    def exists(self, key: str) -> bool:
        return self._stored(lambda bucket: bucket.exists(key))

    def increment(self, key: str, delta: int) -> int:
        return self._stored(lambda bucket: _atomics.increment(bucket, key, delta))

    def keys(self) -> list[str]:
        return self._stored(_all_keys)

    def _stored(self, use: Any) -> Any:
        try:
            with self._bucket() as bucket:
                return use(bucket)
        except Err as error:
            raise _told(error) from None

    def send(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: bytes,
        timeout: float | None,
    ) -> Response:
        _demand(_handler, "http")
        request = _outgoing(method, url, headers, body)
        outgoing = request.body() if body else None
        options = None
        if timeout is not None:
            options = _http.RequestOptions()
            options.set_first_byte_timeout(int(timeout * 1e9))
            options.set_between_bytes_timeout(int(timeout * 1e9))
        try:
            pending = _handler.handle(request, options)
        except Err as error:
            raise _failed(error.value) from None
        with pending:
            if outgoing is not None:
                # Why it can't be sent, if so, is what the response says.
                try:
                    _write(outgoing, body)
                except Err:
                    pass
            with pending.subscribe() as pollable:
                pollable.block()
            answer = pending.get()
            while isinstance(answer, Ok):
                answer = answer.value
            if isinstance(answer, Err):
                raise _failed(answer.value)
            if answer is None:
                raise HttpError("failed", "no response")
            return _read(answer)


def _all_keys(bucket: Any) -> list[str]:
    keys: list[str] = []
    cursor = None
    while True:
        page = bucket.list_keys(cursor)
        keys.extend(page.keys)
        cursor = page.cursor
        if cursor is None:
            return keys


def _outgoing(method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> Any:
    scheme, found, rest = url.split("#")[0].partition("://")
    if not found:
        raise HttpError("invalid", "an address without a scheme can't be sent")
    cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, path = rest[:cut], rest[cut:]
    if body:
        headers = [*headers, ("content-length", str(len(body)))]
    schemes = {"http": _http.Scheme_Http, "https": _http.Scheme_Https}
    known = getattr(_http, f"Method_{method.capitalize()}", None)
    try:
        fields = _http.Fields.from_list([(name, value.encode()) for name, value in headers])
        request = _http.OutgoingRequest(fields)
        request.set_method(known() if known else _http.Method_Other(method))
        request.set_scheme(schemes[scheme]() if scheme in schemes else _http.Scheme_Other(scheme))
        request.set_authority(authority)
        request.set_path_with_query(path if path.startswith("/") else f"/{path}")
    except Err:
        raise HttpError("invalid", f"{method} {url} with these headers can't be sent") from None
    return request


def _write(outgoing: Any, body: bytes) -> None:
    with outgoing.write() as stream:
        for start in range(0, len(body), WRITE_MAX):
            stream.blocking_write_and_flush(body[start : start + WRITE_MAX])
    _http.OutgoingBody.finish(outgoing, None)


def _read(response: Any) -> Response:
    with response, response.consume() as incoming, incoming.stream() as stream:
        headers = {name: value.decode("latin-1") for name, value in response.headers().entries()}
        pieces = []
        while True:
            try:
                pieces.append(stream.blocking_read(READ_MAX))
            except Err as error:
                if isinstance(error.value, _streams.StreamError_Closed):
                    break
                code = _http.http_error_code(error.value.value)
                raise _failed(code) if code else HttpError("failed", "the response broke off") from None
        return Response(response.status(), b"".join(pieces), headers)


def _failed(code: Any) -> HttpError:
    name, value = type(code).__name__.removeprefix("ErrorCode_"), getattr(code, "value", None)
    if name == "InternalError" and value:
        return HttpError("denied" if value.startswith("not granted") else "failed", value)
    if name in ("HttpRequestDenied", "DestinationIpProhibited"):
        return HttpError("denied", "not granted: the host refuses it")
    if name in ("ConnectionTimeout", "ConnectionReadTimeout", "HttpResponseTimeout"):
        return HttpError("timeout", "no answer in time")
    if name in ("HttpRequestBodySize", "HttpResponseBodySize") and value:
        which = "request" if "Request" in name else "response"
        return HttpError("too large", f"the {which} has more than {value} bytes")
    return HttpError("failed", name)


HOST = InHost()
