"""The exports of a component: from the contract's calls to handlers, and from what these
return to the contract's values.

Only a build and a host import this: it needs the bindings that the build makes.
"""

from __future__ import annotations

import inspect
import json
import traceback
from typing import Any

from componentize_py_types import Err

from . import host, results, schema
from .asking import Rounds
from .context import Context
from .errors import InputRequired, InvalidParams, NotFound, ToolError
from .host import types
from .plugin import PLUGIN, Cache

_CLIENT = {
    "form": types.ClientCapabilities.ELICIT_FORM,
    "visit": types.ClientCapabilities.ELICIT_URL,
    "sample": types.ClientCapabilities.SAMPLE,
    "roots": types.ClientCapabilities.LIST_ROOTS,
}


def _json(value: Any) -> str | None:
    return None if value is None else schema.dumps(value)


def _cache(cache: Cache | None) -> Any:
    return cache and types.CacheHint(cache.ttl_ms, cache.shared)


def _annotations(given: dict[str, Any] | None) -> Any:
    if given is None:
        return None
    audience = [types.Role[role.upper()] for role in given.get("audience", [])]
    return types.Annotations(audience, given.get("priority"), given.get("lastModified"))


def _context(call: Any) -> Context:
    return Context(
        caller=call.caller,
        client=tuple(name for name, flag in _CLIENT.items() if flag in call.client),
        deadline_ms=call.deadline_ms,
        rounds=Rounds(call.input_responses, call.request_state),
        host=host.HOST,
    )


def _content(value: Any) -> Any:
    if isinstance(value, str):
        return types.Content_Text(types.TextContent(value, None, None))
    hints, meta = _annotations(value.annotations), _json(value.meta)
    if isinstance(value, results.Text):
        return types.Content_Text(types.TextContent(value.text, hints, meta))
    if isinstance(value, results.Image):
        return types.Content_Image(types.MediaContent(value.data, value.mime_type, hints, meta))
    if isinstance(value, results.Audio):
        return types.Content_Audio(types.MediaContent(value.data, value.mime_type, hints, meta))
    if isinstance(value, results.Link):
        link = types.Resource(
            uri=value.uri,
            name=value.name,
            title=value.title,
            description=value.description,
            mime_type=value.mime_type,
            size=value.size,
            annotations=hints,
            icons=None,
            meta=meta,
        )
        return types.Content_ResourceLink(link)
    contents = types.ResourceContents(value.uri, value.mime_type, _body(value.body), None)
    return types.Content_EmbeddedResource(types.EmbeddedResource(contents, hints, meta))


def _body(body: str | bytes) -> Any:
    if isinstance(body, str):
        return types.ResourceBody_Text(body)
    return types.ResourceBody_Blob(bytes(body))


def _required(asked: InputRequired) -> Any:
    kinds = {"elicit": types.InputRequest_Elicit, "sample": types.InputRequest_Sample}
    requests = [
        (key, kinds[kind](schema.dumps(params)) if kind in kinds else types.InputRequest_ListRoots())
        for key, (kind, params) in asked.requests.items()
    ]
    return types.InputRequired(requests, asked.state)


def _refused(error: Exception) -> Err:
    """What no result is made of: for everything but tools."""
    if isinstance(error, InvalidParams):
        return Err(types.Failure_InvalidParams(str(error)))
    if isinstance(error, NotFound):
        return Err(types.Failure_NotFound(str(error)))
    return Err(types.Failure_Failed(_told(error)))


def _told(error: Exception) -> str:
    """An error's text. Where it isn't one of the kit's, the host's log has the rest."""
    if isinstance(error, (ToolError, InvalidParams)):
        return str(error)
    host.report("".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error}"


class Tools:
    def list_tools(self) -> list[Any]:
        return [
            types.Tool(
                name=name,
                title=tool.title,
                description=tool.handler.description,
                input_schema=tool.input_schema(),
                output_schema=tool.output_schema(),
                annotations=_json(tool.annotations),
                icons=_json(tool.icons),
                task_support=types.TaskSupport[tool.task.upper()],
                cache=_cache(tool.cache),
                meta=_json(tool.meta),
            )
            for name, tool in PLUGIN.tools.items()
        ]

    def call_tool(self, name: str, arguments: str, context: Any) -> Any:
        tool = PLUGIN.tools.get(name)
        if tool is None:
            raise Err(types.Failure_NotFound(f"no tool is called `{name}`"))
        try:
            value = tool.handler.call(json.loads(arguments), _context(context))
            result = results.tool_result(value)
        except InputRequired as asked:
            return types.ToolOutcome_InputRequired(_required(asked))
        except InvalidParams as error:
            raise Err(types.Failure_InvalidParams(str(error))) from None
        except Exception as error:
            result = results.ToolResult([_told(error)], is_error=True)
        content = [_content(one) for one in result.content]
        made = types.CallResult(content, _json(result.structured), result.is_error, _json(result.meta))
        return types.ToolOutcome_Complete(made)


class Resources:
    def list_resources(self) -> list[Any]:
        return [
            types.Resource(uri=one.uri, size=one.size, **_listed(one))
            for one in PLUGIN.resources.values()
            if one.pattern is None
        ]

    def list_resource_templates(self) -> list[Any]:
        return [
            types.ResourceTemplate(uri_template=one.uri, **_listed(one))
            for one in PLUGIN.resources.values()
            if one.pattern is not None
        ]

    def read_resource(self, uri: str, context: Any) -> Any:
        for one in sorted(PLUGIN.resources.values(), key=lambda one: one.pattern is not None):
            variables = one.match(uri)
            if variables is not None:
                break
        else:
            raise Err(types.Failure_NotFound(f"no resource is at `{uri}`"))
        try:
            value = one.handler.call(variables, _context(context))
            if value is None:
                raise NotFound(f"nothing is at `{uri}`")
            bodies = value if isinstance(value, list) else [value]
            contents = [_contents(body, uri, one.mime_type) for body in bodies]
        except InputRequired as asked:
            return types.ResourceOutcome_InputRequired(_required(asked))
        except Exception as error:
            raise _refused(error) from None
        return types.ResourceOutcome_Complete((contents, _cache(one.cache)))


def _listed(one: Any) -> dict[str, Any]:
    return {
        "name": one.handler.name,
        "title": one.title,
        "description": one.handler.description,
        "mime_type": one.mime_type,
        "annotations": _annotations(one.annotations),
        "icons": _json(one.icons),
        "meta": _json(one.meta),
    }


def _contents(value: Any, uri: str, mime_type: str | None) -> Any:
    if not isinstance(value, results.Blob):
        value = results.Blob(value)
    kind = value.mime_type or mime_type
    return types.ResourceContents(value.uri or uri, kind, _body(value.body), _json(value.meta))


class Prompts:
    def list_prompts(self) -> list[Any]:
        def arguments(handler: Any) -> list[Any]:
            return [
                types.PromptArgument(one.name, None, one.schema.get("description"), one.required)
                for one in handler.parameters.values()
            ]

        return [
            types.Prompt(
                name=name,
                title=one.title,
                description=one.handler.description,
                arguments=arguments(one.handler),
                icons=_json(one.icons),
                meta=_json(one.meta),
            )
            for name, one in PLUGIN.prompts.items()
        ]

    def get_prompt(self, name: str, arguments: list[tuple[str, str]], context: Any) -> Any:
        one = PLUGIN.prompts.get(name)
        if one is None:
            raise Err(types.Failure_NotFound(f"no prompt is called `{name}`"))
        try:
            value = one.handler.call(dict(arguments), _context(context))
            result = results.prompt_result(value)
            messages = [
                types.PromptMessage(types.Role[message.role.upper()], _content(message.content))
                for message in result.messages
            ]
        except InputRequired as asked:
            return types.PromptOutcome_InputRequired(_required(asked))
        except Exception as error:
            raise _refused(error) from None
        made = types.PromptResult(result.description, messages, _json(result.meta))
        return types.PromptOutcome_Complete(made)


class Completions:
    def complete(self, reference: Any, name: str, value: str, known: list[tuple[str, str]]) -> Any:
        is_prompt = isinstance(reference, types.CompletionReference_Prompt)
        key = ("prompt" if is_prompt else "resource", reference.value, name)
        function = PLUGIN.completions.get(key)
        if function is None:
            return types.Completion([], 0, False)
        try:
            takes_known = len(inspect.signature(function).parameters) > 1
            found = function(value, dict(known)) if takes_known else function(value)
            made = results.completed(found)
        except Exception as error:
            raise _refused(error) from None
        return types.Completion(made.values, made.total, made.has_more)


#: by the names of the contract's interfaces
EXPORTS = {
    "tools": ("Tools", Tools),
    "resources": ("Resources", Resources),
    "prompts": ("Prompts", Prompts),
    "completions": ("Completions", Completions),
}


def exports() -> dict[str, type]:
    """The classes that a component of this plugin has, by the names of the bindings."""
    return dict(EXPORTS[name] for name in PLUGIN.exports())
