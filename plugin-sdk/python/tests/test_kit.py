"""The kit without a host: schemas of types, values of JSON, questions, and what is listed."""

import dataclasses
import datetime
import enum
import json
import unittest
from typing import Annotated, Any, Literal, Optional, TypedDict

import fusebox
from fusebox import Context, Field, InputRequired, InvalidParams, ToolError
from fusebox import plugin, results, schema


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: Annotated[float, "upwards"] = 2.0
    tags: list[str] = dataclasses.field(default_factory=list)


class Movie(TypedDict, total=False):
    year: int


class Schemas(unittest.TestCase):
    def check(self, hint: Any, expected: Any) -> None:
        self.assertEqual(schema.of(hint), expected)

    def test_types_that_json_has(self) -> None:
        self.check(str, {"type": "string"})
        self.check(int, {"type": "integer"})
        self.check(float, {"type": "number"})
        self.check(bool, {"type": "boolean"})
        self.check(list[int], {"type": "array", "items": {"type": "integer"}})
        self.check(dict[str, bool], {"type": "object", "additionalProperties": {"type": "boolean"}})
        self.check(Any, {})
        self.check(datetime.date, {"type": "string", "format": "date"})
        pair = [{"type": "integer"}, {"type": "string"}]
        expected = {"type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2}
        self.check(tuple[int, str], expected)

    def test_choices(self) -> None:
        self.check(Optional[str], {"type": ["string", "null"]})
        self.check(int | None, {"type": ["integer", "null"]})
        self.check(int | str, {"type": ["integer", "string"]})
        self.check(Literal["a", "b"], {"type": "string", "enum": ["a", "b"]})
        self.check(Color, {"type": "string", "enum": ["red", "blue"]})
        self.check(Optional[Color], {"type": ["string", "null"], "enum": ["red", "blue", None]})

    def test_objects_and_words(self) -> None:
        tags = {"type": "array", "items": {"type": "string"}, "default": []}
        y = {"type": "number", "description": "upwards", "default": 2.0}
        properties = {"x": {"type": "integer"}, "y": y, "tags": tags}
        self.check(Point, {"type": "object", "properties": properties, "required": ["x"]})
        self.check(Movie, {"type": "object", "properties": {"year": {"type": "integer"}}})
        hint = Annotated[int, Field("how many", minimum=1, exclusive_maximum=9)]
        expected = {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "description": "how many"}
        self.check(hint, expected)

    def test_what_json_has_not_is_named(self) -> None:
        for hint, words in ((bytes, "bytes"), (dict[int, str], "must be str"), (complex, "complex")):
            with self.assertRaisesRegex(TypeError, words):
                schema.of(hint)


class Values(unittest.TestCase):
    def test_what_is_read_is_of_its_type(self) -> None:
        point = schema.read(Point, {"x": 1, "y": 3}, "p")
        self.assertEqual(point, Point(1, 3.0, []))
        self.assertIs(type(point.y), float)
        self.assertIs(schema.read(Color, "red", "c"), Color.RED)
        self.assertEqual(schema.read(Optional[list[int]], [1, 2.0], "l"), [1, 2])
        self.assertEqual(schema.read(int, 2**80, "n"), 2**80)
        self.assertEqual(schema.read(datetime.date, "2026-07-28", "d"), datetime.date(2026, 7, 28))
        self.assertEqual(schema.read(Movie, {"year": 1982, "more": 1}, "m"), {"year": 1982, "more": 1})

    def test_what_does_not_fit_is_named_with_its_place(self) -> None:
        for hint, value, words in (
            (int, "1", "`v`: expected an integer, got \"1\""),
            (int, True, "`v`: expected an integer"),
            (list[int], [1, "2"], "`v`: expected an integer"),
            (Point, {"x": "1"}, "`v/x`: expected an integer"),
            (Point, {}, "`v`: `x` is missing"),
            (Color, "green", "'green' is not a valid Color"),
            (Literal["a"], "b", "expected one of \"a\""),
        ):
            with self.assertRaises(InvalidParams) as caught:
                schema.read(hint, value, "v")
            self.assertIn(words, str(caught.exception))

    def test_values_are_written_as_their_schema_says(self) -> None:
        value = {"p": Point(1), "c": Color.BLUE, "d": datetime.date(2026, 7, 28), "s": {2, 1}}
        expected = '{"p":{"x":1,"y":2.0,"tags":[]},"c":"blue","d":"2026-07-28","s":[1,2]}'
        self.assertEqual(schema.dumps(value), expected)
        for bad in (float("nan"), object()):
            with self.assertRaises((TypeError, ValueError)):
                schema.dumps(bad)


class Tools(unittest.TestCase):
    def setUp(self) -> None:
        plugin.PLUGIN.__init__()

    def test_a_function_is_listed_with_its_types_and_stays_a_function(self) -> None:
        @fusebox.tool(read_only=True)
        def add(a: float, b: Annotated[float, "the other"] = 1.0, *, ctx: Context) -> float:
            """Adds."""
            return a + b

        self.assertEqual(add(1, 2, ctx=Context()), 3)
        made = plugin.PLUGIN.tools["add"]
        self.assertEqual(made.handler.description, "Adds.")
        self.assertEqual(made.annotations, {"readOnlyHint": True})
        b = {"type": "number", "description": "the other", "default": 1.0}
        self.assertEqual(
            json.loads(made.input_schema()),
            {
                "$schema": schema.DIALECT,
                "type": "object",
                "properties": {"a": {"type": "number"}, "b": b},
                "required": ["a"],
                "additionalProperties": False,
            },
        )
        output = json.loads(made.output_schema() or "")
        self.assertEqual(output["properties"], {"result": {"type": "number"}})
        self.assertEqual(made.handler.call({"a": 1}, Context()), 2.0)
        with self.assertRaisesRegex(InvalidParams, "`a`: it is missing"):
            made.handler.call({}, Context())
        with self.assertRaisesRegex(InvalidParams, "`c`: no such argument; there are a, b"):
            made.handler.call({"a": 1, "c": 1}, Context())

    def test_text_and_content_promise_nothing(self) -> None:
        for hint in (str, None, fusebox.Image, list[fusebox.Text], list[fusebox.Text | fusebox.Image]):

            def made() -> Any: ...

            made.__annotations__["return"] = hint
            fusebox.tool(made, name=f"t{len(plugin.PLUGIN.tools)}")
        self.assertEqual([one.output_schema() for one in plugin.PLUGIN.tools.values()], [None] * 5)

    def test_mistakes_are_told_where_they_are_made(self) -> None:
        with self.assertRaisesRegex(TypeError, "f: the parameter `a` needs a type"):
            fusebox.tool(lambda a: a, name="f")
        fusebox.tool(lambda: "", name="f")
        with self.assertRaisesRegex(ValueError, "two tools `f`"):
            fusebox.tool(lambda: "", name="f")
        with self.assertRaisesRegex(TypeError, "must be the variables of `a://{b}`"):
            fusebox.resource("a://{b}")(lambda: "")

    def test_addresses_of_a_family_are_found(self) -> None:
        @fusebox.resource("a://{name}/{+path}")
        def read(name: str, path: str) -> str:
            return name + path

        made = plugin.PLUGIN.resources["a://{name}/{+path}"]
        self.assertEqual(made.match("a://b%20c/d/e"), {"name": "b c", "path": "d/e"})
        self.assertIsNone(made.match("a://b"))
        self.assertEqual(plugin.PLUGIN.exports(), ["resources"])


class Results(unittest.TestCase):
    def test_values_become_structured_content_and_text(self) -> None:
        made = results.tool_result(3.5)
        self.assertEqual((made.content, made.structured), (['{"result":3.5}'], {"result": 3.5}))
        made = results.tool_result(Point(1))
        self.assertEqual(made.structured, {"x": 1, "y": 2.0, "tags": []})
        self.assertEqual(results.tool_result(None).content, [])
        self.assertEqual(results.tool_result("a").content, ["a"])
        two = [fusebox.Text("a"), fusebox.Image(b"1")]
        self.assertEqual(results.tool_result(two).content, two)


class Asking(unittest.TestCase):
    def test_a_question_ends_the_handler_until_there_is_an_answer(self) -> None:
        @dataclasses.dataclass
        class Name:
            name: Annotated[str, "as on your passport"]
            age: Optional[int] = None

        def greet(ctx: Context) -> str:
            return "Hello, " + ctx.elicit("who", "Who?", Name).name

        with self.assertRaises(InputRequired) as caught:
            greet(Context())
        kind, params = caught.exception.requests["who"]
        self.assertEqual(kind, "elicit")
        fields = params["requestedSchema"]["properties"]
        self.assertEqual(fields["name"], {"type": "string", "description": "as on your passport"})
        self.assertEqual(fields["age"], {"type": "integer"})
        answers = {"who": {"action": "accept", "content": {"name": "Ada"}}}
        self.assertEqual(greet(Context(answers=answers)), "Hello, Ada")
        with self.assertRaisesRegex(ToolError, "declined"):
            greet(Context(answers={"who": {"action": "decline"}}))

    def test_what_was_answered_and_set_is_there_in_the_next_round(self) -> None:
        from fusebox.asking import Rounds

        first = Context(answers={"roots": {"roots": [{"uri": "file:///a"}]}})
        first.list_roots()
        first.state = {"step": 1}
        with self.assertRaises(InputRequired) as caught:
            first.sample("poem", "Write a poem.", 100)
        second = Context(rounds=Rounds('{"poem": {"content": {"type": "text", "text": "O!"}}}',
                                       caught.exception.state))
        self.assertEqual(second.list_roots(), [{"uri": "file:///a"}])
        self.assertEqual(second.state, {"step": 1})
        self.assertEqual(second.sample("poem", "Write a poem.", 100), "O!")


class InTests(unittest.TestCase):
    def test_a_context_keeps_what_it_is_told(self) -> None:
        def answer(method: str, url: str, headers: Any, body: bytes, timeout: Any) -> fusebox.Response:
            return fusebox.Response(200, json.dumps([method, url, body.decode()]).encode())

        ctx = Context(config={"key": "value", "token": "t"}, http=answer)
        ctx.info({"a": 1})
        ctx.progress(1, 2, "half")
        ctx.store.set_json("k", [1])
        self.assertEqual(ctx.store.increment("n", 2), 2)
        self.assertEqual(ctx.host.logged, [("info", {"a": 1}, None)])
        with self.assertRaises(LookupError), ctx.span("outer") as outer:
            outer.set("step", 1)
            with self.assertRaises(InputRequired), ctx.span("inner"):
                raise InputRequired({}, None)
            raise LookupError("words of a caller")
        shown = [(one.name, one.attributes, one.failed, one.ended) for one in ctx.host.spans]
        self.assertEqual(
            shown, [("outer", {"step": 1}, "LookupError", True), ("inner", {}, None, True)]
        )
        self.assertIsNone(ctx.traceparent)
        self.assertEqual(ctx.host.reported, [(1.0, 2.0, "half")])
        self.assertEqual((ctx.store.get_json("k"), ctx.store.keys()), ([1], ["k", "n"]))
        self.assertEqual((ctx.config("key"), ctx.config("no", "else")), ("value", "else"))
        self.assertEqual((str(ctx.secret("token")), ctx.secret("token").expose()), ("***", "t"))
        with self.assertRaisesRegex(ToolError, "has no secret `no`"):
            ctx.secret("no")
        sent = ctx.http.post("http://a/", json={"b": 1}).success().json()
        self.assertEqual(sent, ["POST", "http://a/", '{"b":1}'])
        with self.assertRaisesRegex(fusebox.HttpError, "no host here"):
            Context().http.get("http://a/")


if __name__ == "__main__":
    unittest.main()
