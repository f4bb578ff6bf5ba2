"""The call that a handler serves: a parameter annotated `Context` is given it.

It owns the words of it. Whether a host or a test stands behind them is `Host`'s.
"""

from __future__ import annotations

import json
from typing import Any, Callable

from . import schema
from .asking import Elicit, ListRoots, Rounds, Sample, Sampled, Visit
from .errors import HttpError, InputRequired, ToolError
from .http import Http, Response


class Secret:
    """A value that nobody sees by accident; `expose()` gives it."""

    def __init__(self, value: str) -> None:
        self._value = value

    def expose(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"


class Span:
    """A piece of the work, in the operator's traces, until its `with` block ends."""

    def __init__(self, recorded: Any) -> None:
        self._recorded = recorded

    def set(self, key: str, value: str | int | float | bool) -> None:
        """Adds an attribute, in the place of one with the same key. It goes to the
        operator's collector: no argument or secret of a caller belongs there."""
        if self._recorded is not None:
            self._recorded.set(key, value)

    def fail(self, why: str) -> None:
        """Says that this piece of the work fails, and why."""
        if self._recorded is not None:
            self._recorded.fail(why)

    def end(self) -> None:
        """Ends it."""
        recorded, self._recorded = self._recorded, None
        if recorded is not None:
            recorded.end()

    def __enter__(self) -> Span:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        # Its words may quote a caller. A question to the user is no failure.
        if kind is not None and not issubclass(kind, InputRequired):
            self.fail(kind.__name__)
        self.end()


class KeptSpan:
    """A span in a test: what was set, why it failed, and whether it has ended."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attributes: dict[str, str | int | float | bool] = {}
        self.failed: str | None = None
        self.ended = False

    def set(self, key: str, value: str | int | float | bool) -> None:
        self.attributes[key] = value

    def fail(self, why: str) -> None:
        self.failed = why

    def end(self) -> None:
        self.ended = True


class Host:
    """What is behind a context; this one is for tests, and keeps what it is told."""

    def __init__(
        self,
        config: dict[str, str] | None = None,
        http: Callable[..., Response] | None = None,
    ) -> None:
        self.config = config or {}
        self.values: dict[str, bytes] = {}
        #: what was logged: level, message, logger
        self.logged: list[tuple[str, Any, str | None]] = []
        #: what was reported: progress, total, message
        self.reported: list[tuple[float, float | None, str | None]] = []
        #: such as `tools` or `resource file:///a`
        self.changed: list[str] = []
        #: each `ctx.span`, in the order in which they began
        self.spans: list[KeptSpan] = []
        self.cancelled = False
        self._http = http

    def log(self, level: str, data: str, logger: str | None) -> None:
        self.logged.append((level, json.loads(data), logger))

    def progress(self, done: float, total: float | None, message: str | None) -> None:
        self.reported.append((done, total, message))

    def is_cancelled(self) -> bool:
        return self.cancelled

    def close_stream(self) -> None:
        pass

    def span(self, name: str) -> KeptSpan:
        self.spans.append(KeptSpan(name))
        return self.spans[-1]

    def traceparent(self) -> str | None:
        return None

    def sleep(self, seconds: float) -> None:
        pass

    def notify(self, what: str, uri: str | None = None) -> None:
        self.changed.append(what if uri is None else f"{what} {uri}")

    def setting(self, key: str) -> str | None:
        return self.config.get(key)

    def send(self, method: str, url: str, headers: Any, body: bytes, timeout: Any) -> Response:
        if self._http is None:
            raise HttpError("denied", "not granted: there is no host here; give `http` to the context")
        return self._http(method, url, headers, body, timeout)

    # The key-value store.

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def set(self, key: str, value: bytes) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)

    def exists(self, key: str) -> bool:
        return key in self.values

    def increment(self, key: str, delta: int) -> int:
        total = int(self.values.get(key, b"0")) + delta
        self.values[key] = str(total).encode()
        return total

    def keys(self) -> list[str]:
        return list(self.values)


class Store:
    """What a plugin keeps beyond a call. Each raises `ToolError` if it isn't granted, or
    there is no room."""

    def __init__(self, host: Any) -> None:
        self._host = host

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        return self._host.get(key)

    def get_json(self, key: str) -> Any:
        """The value, which must be JSON, or None."""
        value = self.get(key)
        return None if value is None else json.loads(value)

    def set(self, key: str, value: bytes | str) -> None:
        """Keeps a value; it is written down before this returns."""
        self._host.set(key, value.encode() if isinstance(value, str) else value)

    def set_json(self, key: str, value: Any) -> None:
        """Keeps a value as JSON."""
        self.set(key, schema.dumps(value))

    def delete(self, key: str) -> None:
        """Forgets a value, if there is one."""
        self._host.delete(key)

    def exists(self, key: str) -> bool:
        """Whether there is one."""
        return self._host.exists(key)

    def increment(self, key: str, delta: int = 1) -> int:
        """Adds to a number in one step, and gives the sum."""
        return self._host.increment(key, delta)

    def keys(self) -> list[str]:
        """All keys."""
        return self._host.keys()


class Context:
    """A call. `Context()` is one for a test; its `host` has what the handler said."""

    def __init__(
        self,
        *,
        caller: str | None = None,
        client: tuple[str, ...] = (),
        deadline_ms: int = 60_000,
        config: dict[str, str] | None = None,
        http: Callable[..., Response] | None = None,
        answers: dict[str, Any] | None = None,
        rounds: Rounds | None = None,
        host: Any = None,
    ) -> None:
        #: who is authenticated; None on a listener without authentication
        self.caller = caller
        #: what may be asked: any of `form`, `visit`, `sample`, `roots`
        self.client = frozenset(client)
        #: seconds until the host ends this call, from its beginning
        self.deadline = deadline_ms / 1000
        self.host = host if host is not None else Host(config, http)
        self.http = Http(self.host.send)
        self.store = Store(self.host)
        self._rounds = rounds if rounds is not None else Rounds(json.dumps(answers or {}), None)

    def log(self, level: str, message: Any, logger: str | None = None) -> None:
        """Tells the client and the host's log; `level` is one of RFC 5424, such as `info`.
        `message` is text or any JSON value."""
        self.host.log(level, schema.dumps(message), logger)

    def debug(self, message: Any) -> None:
        """Detail for developers."""
        self.log("debug", message)

    def info(self, message: Any) -> None:
        """A normal event."""
        self.log("info", message)

    def warning(self, message: Any) -> None:
        """Not an error yet."""
        self.log("warning", message)

    def error(self, message: Any) -> None:
        """An operation failed."""
        self.log("error", message)

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Says how far the work is, if the client wants to know. `done` must grow."""
        self.host.progress(float(done), None if total is None else float(total), message)

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits any more. The host ends such a call by itself."""
        return self.host.is_cancelled()

    def close_stream(self) -> None:
        """A hint that it takes a while: the client need not hold its connection."""
        self.host.close_stream()

    def span(self, name: str) -> Span:
        """A piece of the work that the operator's traces show: `with ctx.span("parse") as
        span:`. It stands below the innermost one that is open; what is logged and
        requested meanwhile belongs to it. Needs the capability `trace`, and no grant."""
        return Span(self.host.span(name))

    @property
    def traceparent(self) -> str | None:
        """The place in the trace at which the handler is, as the header of that name has
        it, or None. Needs the capability `trace`."""
        return self.host.traceparent()

    def sleep(self, seconds: float) -> None:
        """Waits, without using fuel."""
        self.host.sleep(seconds)

    def tools_changed(self) -> None:
        """The list of tools is another now."""
        self.host.notify("tools")

    def prompts_changed(self) -> None:
        """The list of prompts is another now."""
        self.host.notify("prompts")

    def resources_changed(self) -> None:
        """The list of resources is another now."""
        self.host.notify("resources")

    def resource_updated(self, uri: str) -> None:
        """A resource holds something else now."""
        self.host.notify("resource", uri)

    def config(self, key: str, default: str | None = None) -> str | None:
        """What the operator wrote for this plugin."""
        value = self.host.setting(key)
        return default if value is None else value

    def secret(self, key: str) -> Secret:
        """A secret; raises `ToolError` if there is none of this name."""
        value = self.host.setting(key)
        if value is None:
            raise ToolError(
                f"not granted: this plugin has no secret `{key}`; add it to its `grants.secrets`"
            )
        return Secret(value)

    def ask(self, key: str, question: Elicit | Visit | Sample | ListRoots) -> Any:
        """The answer to a question: an `Answer`, a `Sampled` or a list of roots.

        Until there is one, the handler ends here. It is run again from its beginning
        with the answer: what must happen once belongs after the last question. `key`
        tells the questions of one handler apart.
        """
        return self.ask_all({key: question})[key]

    def ask_all(self, questions: dict[str, Any]) -> dict[str, Any]:
        """The answers to several questions that are put together."""
        return self._rounds.ask(questions)

    def elicit(self, key: str, message: str, form: Any) -> Any:
        """Asks the user for a `form`, a dataclass or TypedDict; raises `ToolError` if the
        user declines or dismisses it."""
        return self.ask(key, Elicit(message, form)).accepted()

    def elicit_url(self, key: str, message: str, url: str) -> None:
        """Sends the user to an address; raises `ToolError` if they don't want to."""
        self.ask(key, Visit(message, url)).accepted()

    def sample(self, key: str, prompt: str, max_tokens: int) -> str:
        """What the client's model answers."""
        sampled: Sampled = self.ask(key, Sample(prompt, max_tokens))
        return sampled.text

    def list_roots(self, key: str = "roots") -> list[dict[str, Any]]:
        """The client's roots."""
        return self.ask(key, ListRoots())

    @property
    def state(self) -> Any:
        """What an earlier round of this call left; what is set is there in the rounds
        that follow the next question. Any JSON value."""
        return self._rounds.state

    @state.setter
    def state(self, value: Any) -> None:
        self._rounds.state = schema.plain(value)
