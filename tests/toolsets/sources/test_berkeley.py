import json
from pathlib import Path
from typing import Any

import pytest

from toolsets import CallError, ToolResult, ToolsetError
from toolsets.sources import berkeley

FILE = Path(__file__).with_name("berkeley.jsonl")
TOOLSET = berkeley.toolset(FILE)


def test_every_form_of_document_is_loaded() -> None:
    assert TOOLSET.help.splitlines() == [
        "math.factorial(number: integer) - Work out the factorial of a whole number.",
        "triangle_area(base: number, height: number, unit: string = 'cm') - "
        "Find the area of a triangle from base and height.",
        "ride.order(place: string, type: 'plus' or 'comfort' or 'black', wait: integer (optional)) "
        "- Order a ride.",
        "mean(numbers: list of number) - Find the mean of numbers.",
        "plot.line(points: list of list of number, closed: boolean = False) - "
        "Draw a line through points.",
        "database.query(table: string, conditions: list of {'field': string, "
        "'operation': '<' or '>' or '=', 'value': any}) - Find rows by conditions.",
        "SourceView.writeHeader(monitor: any, source: string, params: object (optional), "
        "limit: integer (optional), ratio: number (optional), names: list of any (optional)) - "
        "Write the header of a view.",
        "list_pages() - List all pages.",
        "send_message(to: string or None, text: string) - Send a message.",
        "get_weather(location: string, unit: 'C' or 'F' = 'C') - Tell the weather.",
        "set_alarm(time: {'hour': integer, 'minute': integer = 0}, from_: string (optional)) - "
        "Set an alarm.",
        "compute(principal: integer, rates: dict of number (optional), "
        "years: integer or None (optional)) - Compute a sum of money.",
    ]


def test_a_schema_has_only_the_types_of_json_schema() -> None:
    def types(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return {name for item in schema for name in types(item)}
        if not isinstance(schema, dict):
            return set()
        own = {schema["type"]} if isinstance(schema.get("type"), str) else set()
        return own | {name for part in schema.values() for name in types(part)}

    known = {"string", "integer", "number", "boolean", "array", "object", "null"}
    assert types([tool.parameters for tool in TOOLSET.tools]) <= known


@pytest.mark.parametrize(
    ("text", "checked"),
    [
        ("math.factorial(5)", "math.factorial(number=5)"),
        ("triangle_area(base=3, height=4.5)", "triangle_area(base=3, height=4.5)"),
        ("ride.order('Main St 1', type='black')", "ride.order(place='Main St 1', type='black')"),
        ("mean([1, 2.5])", "mean(numbers=[1, 2.5])"),
        ("plot.line(points=[(1, 2), [3, 4]])", "plot.line(points=[[1, 2], [3, 4]])"),
        (
            "database.query('user', [{'field': 'age', 'operation': '>', 'value': None}])",
            "database.query(table='user', "
            "conditions=[{'field': 'age', 'operation': '>', 'value': None}])",
        ),
        (
            "SourceView.writeHeader({'a': [1]}, source='x', limit=3, ratio=0.5, params={'b': 1})",
            "SourceView.writeHeader(monitor={'a': [1]}, source='x', params={'b': 1}, limit=3, "
            "ratio=0.5)",
        ),
        ("list_pages()", "list_pages()"),
        ("send_message(to=None, text='hi')", "send_message(to=None, text='hi')"),
        ("get_weather('Rome', unit='F')", "get_weather(location='Rome', unit='F')"),
        ("set_alarm({'hour': 7}, from_='Monday')", "set_alarm(time={'hour': 7}, from='Monday')"),
        (
            "compute(1, rates={'a': 0.5}, years=2)",
            "compute(principal=1, rates={'a': 0.5}, years=2)",
        ),
    ],
)
def test_a_valid_call_is_checked_and_not_run(text: str, checked: str) -> None:
    assert TOOLSET.execute(TOOLSET.parse(text)) == ToolResult(True, f"Checked: {checked}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("math.factorial()", "math.factorial: argument number is missing. Use: math.factorial("),
        ("math.factorial(5.5)", "math.factorial: argument number: expected integer, got 5.5. Use"),
        ("math.factorial(True)", "math.factorial: argument number: expected integer, got True. U"),
        ("math.factorial(1, 2)", "math.factorial takes 1 arguments, got 2. Use: math.factorial("),
        ("maths.factorial(5)", "There is no function maths.factorial. Did you mean math.factori"),
        ("factorial(5)", "There is no function factorial. Did you mean math.factorial? The func"),
        ("triangle_area(3, '4')", "triangle_area: argument height: expected number, got '4'. Use"),
        ("ride.order('a', 'red')", "ride.order: argument type: expected 'plus' or 'comfort' or 'b"),
        ("mean(['a'])", "mean: argument numbers: expected number at 0, got ['a']. Use: mean("),
        (
            "plot.line([[1, 'b']])",
            "plot.line: argument points: expected number at 0.1, got [[1, 'b",
        ),
        (
            "database.query('user', [{'field': 'age'}])",
            "database.query: argument conditions: 'operation' is a required property at 0, got",
        ),
        (
            "SourceView.writeHeader(1, source=2)",
            "SourceView.writeHeader: argument source: expected string, got 2. Use: SourceView.wr",
        ),
        ("list_pages(all=True)", "list_pages: there is no argument all. Use: list_pages()"),
        ("send_message(None, text='x' )(1)", "The "),
        (
            "send_message(to=None, text='much too long')",
            "send_message: argument text: 'much too long' is too long, got 'much too long'. Use",
        ),
        ("get_weather(location='Rome', unit='K')", "get_weather: argument unit: expected 'C' or"),
        ("set_alarm(time={'minute': 1})", "set_alarm: argument time: 'hour' is a required prope"),
        ("compute(1, rates={'a': 'b'})", "compute: argument rates: expected number at a, got {'"),
    ],
)
def test_an_invalid_call_is_refused(text: str, message: str) -> None:
    with pytest.raises(CallError) as caught:
        TOOLSET.parse(text)
    assert str(caught.value).startswith(message)


def test_a_file_may_be_json_instead_of_json_lines(tmp_path: Path) -> None:
    lines = [line for line in FILE.read_text().splitlines() if line]
    whole = tmp_path / "functions.json"
    whole.write_text("[\n" + ",\n".join(lines) + "\n]")
    assert berkeley.toolset(whole).tool_names == TOOLSET.tool_names
    whole.write_text(json.dumps(json.loads(lines[0]), indent=2))
    assert berkeley.toolset(str(whole)).tool_names == ("math.factorial",)


ADD = '{"name": "add", "description": "Add.", "parameters": {"type": "dict", "properties": {}}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{ADD}\n{{]\n", ", line 2: neither JSON nor JSON Lines: Expecting property name"),
        ("[1]", ", record 1: a function needs name, description and parameters"),
        ('{"description": "Add."}', ", record 1: a function needs name, description and param"),
        (
            '{"name": "add", "parameters": []}',
            ", record 1: function add: parameters must be an",
        ),
        ('{"name": "-"}', ", record 1: a function needs name, description and parameters"),
        (
            f"{ADD}\n{ADD.replace('Add.', 'Add up.')}",
            ", line 2: function add has two different descriptions; rename one",
        ),
        (
            ADD.replace("{}", '{"a": {"type": "Path"}}'),
            ", record 1: function add: the type 'Path' is unknown; known types: string, "
            "str, char, integer, int, long,",
        ),
        (
            ADD.replace("{}", '{"a": "integer"}'),
            ", record 1: function add: 'integer' is not a JSON ",
        ),
        (
            ADD.replace("{}", '{"a": {"enum": 3}}'),
            ", record 1: function add has an invalid JSON Schema, at properties/a/enum",
        ),
        (ADD.replace('"dict"', '"array"'), ", record 1: function add has a JSON Sch"),
    ],
)
def test_an_error_in_a_file_has_its_location(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "functions.jsonl"
    file.write_text(text)
    with pytest.raises(ToolsetError) as caught:
        berkeley.toolset(file)
    assert str(caught.value).startswith(f"{file}{reason}")


@pytest.mark.parametrize(
    ("name", "text", "renamed"),
    [
        ("calculate-area", "calculate_area(2)", "calculate_area"),
        ("add up", "add_up(2)", "add_up"),
        ("geo.to-miles", "geo.to_miles(2)", "geo.to_miles"),
        ("3d.plot", "_3d.plot(2)", "_3d.plot"),
        ("import", "import_(2)", "import_"),
        ("math.class", "math.class_(2)", "math.class_"),
        ("get/user:id", "get_user_id(2)", "get_user_id"),
        ("größe", "größe(2)", "größe"),
    ],
)
def test_a_name_that_is_no_identifier_is_replaced(
    tmp_path: Path, name: str, text: str, renamed: str
) -> None:
    file = tmp_path / "functions.jsonl"
    document = json.loads(ADD) | {"name": name}
    document["parameters"]["properties"] = {"a": {"type": "integer"}}
    file.write_text(json.dumps(document))
    toolset = berkeley.toolset(file)
    assert toolset.tool_names == (renamed,)
    assert toolset.execute(toolset.parse(text)).content.startswith(f"Checked: {name}(")


def test_names_that_become_the_same_are_numbered(tmp_path: Path) -> None:
    file = tmp_path / "functions.jsonl"
    file.write_text("\n".join(ADD.replace('"add"', f'"{name}"') for name in ("a-b", "a b", "a.b")))
    assert berkeley.toolset(file).tool_names == ("a_b", "a_b_2", "a.b")


def test_a_missing_file_raises_toolset_error(tmp_path: Path) -> None:
    with pytest.raises(ToolsetError, match=r"nothing\.json: cannot be read: \[Errno 2\] No"):
        berkeley.toolset(tmp_path / "nothing.json")
