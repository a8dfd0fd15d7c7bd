"""The allowed imports between rooms (drawn in CONTRIBUTING.md), and rules for every file."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import ADAPTERS, CORE
from pipeline.recipe.load import load, shipped
from tests.conftest import ROOT

ROOMS = ("toolsets", "pipeline", "serving", "cluster")
ALLOWED = {
    "toolsets": {"toolsets"},
    "cluster": {"cluster"},
    "core": {"core", "toolsets"},
    "engine": {"pipeline", "engine", "core", "toolsets", "cluster"},
    "pipeline": {"pipeline", "engine", "core", "toolsets", "cluster"},
    "serving": {"serving", "engine", "core", "toolsets", "cluster"},
}
# The rooms of a package by floor, highest first: a room may import only from lower floors.
FLOORS = {
    "pipeline": (
        ("run",),
        ("evaluation", "training"),
        ("generation",),
        ("engine", "pairs"),
        ("pocket",),
        ("problems",),
        ("agent",),
        ("run_dir", "tables"),
        ("recipe", "records", "progress"),
        ("errors", "hashing"),
    ),
    "toolsets": (
        ("shipped", "sources"),
        ("execution",),
        ("catalog",),
        ("tools",),
        ("calls", "languages"),
        ("errors",),
    ),
}
RAY = {"generation", "training", "run"}  # the rooms of pipeline/ that may import Ray
HEAVY = ("ray", "torch", "vllm", "transformers", "deepspeed")
MODULE_NAMED = re.compile(
    r"(?<![\w./\-\"'])((?:pipeline|toolsets|tests)(?:\.[a-z_]\w*)+)(?![\w/]|\.py)"
)
FILE_NAMED = re.compile(r"(?<![\w./\-])((?:pipeline|toolsets|tests|docs)/[\w/]+\.(?:py|md|yaml))")
HELP_SECONDS = 0.5
LARGEST_BYTES = 1_000_000


def test_rooms_import_only_from_allowed_rooms() -> None:
    modules = {module_name(file): file for room in ROOMS for file in (ROOT / room).rglob("*.py")}
    violations = [
        f"{name} imports {target}"
        for name, file in modules.items()
        if name not in {f"{room}.__main__" for room in ROOMS}
        for target in forbidden(name, file.read_text())
    ]
    assert len(modules) > 20
    assert violations == []


@pytest.mark.parametrize(
    ("module", "source", "target"),
    [
        ("toolsets.calls.parse", "import pipeline.records", "pipeline.records"),
        ("toolsets.calls.parse", "import torch.nn", "torch.nn"),
        ("cluster.session", "def f():\n    from toolsets import load", "toolsets.load"),
        ("cluster.session", "import pipeline", "pipeline"),
        (
            "pipeline.agent.agent",
            "from pipeline.training.stage import train",
            "pipeline.training.stage.train",
        ),
        ("pipeline.agent.agent", "from pipeline import tables", "pipeline.tables"),
        ("pipeline.agent.agent", "import cluster.session", "cluster.session"),
        ("pipeline.agent.agent", "def f():\n    import ray.data", "ray.data"),
        ("pipeline.training.stage", "from serving.app import build", "serving.app.build"),
        ("pipeline.training.stage", "importlib.import_module('serving.app')", "serving.app"),
        ("serving.app", "from pipeline import training", "pipeline.training"),
        ("serving.app", "import tests.conftest", "tests.conftest"),
    ],
)
def test_a_forbidden_import_is_detected(module: str, source: str, target: str) -> None:
    assert list(forbidden(module, source)) == [target]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pipeline.agent.agent", "from pipeline.records import Chain\nfrom toolsets import load"),
        ("pipeline.agent.agent", "from pipeline import records, CORE"),
        ("pipeline.training.stage", "import ray\nfrom cluster.session import connect"),
        ("pipeline.training.stage", "from pipeline import tables"),
        ("serving.app", "from pipeline.agent.agent import Agent\nimport cluster, toolsets"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert list(forbidden(module, source)) == []


@pytest.mark.parametrize("package", FLOORS)
def test_rooms_import_only_from_lower_floors(package: str) -> None:
    floor = {room: level for level, rooms in enumerate(FLOORS[package]) for room in rooms}
    parts = {module_name(file).split(".")[1] for file in (ROOT / package).glob("*/__init__.py")}
    parts |= {file.stem for file in (ROOT / package).glob("[!_]*.py")}
    assert parts == set(floor)
    violations = [
        f"{module_name(file)} imports {target}"
        for file in (ROOT / package).rglob("*.py")
        for target in imports(file.read_text())
        if not goes_down(module_name(file), target, floor)
    ]
    assert violations == []


def goes_down(module: str, target: str, floor: dict[str, int]) -> bool:
    """Whether an import is from the same room, a lower floor or another package."""
    (package, *own), (other, *names) = module.split("."), target.split(".")
    if package != other or not own or own[0] == "__main__":
        return True
    if not names or names[0] not in floor:  # a name of the package itself
        return own[0] not in floor
    return names[0] == own[0] or floor[names[0]] > floor[own[0]]


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        ("pipeline.agent.driver", "pipeline.recipe.models.AgentSettings", True),
        ("pipeline.agent.driver", "pipeline.agent.agent.Agent", True),
        ("pipeline.agent.driver", "pipeline.problems.reader", False),
        ("pipeline.evaluation.stage", "pipeline.training.stage", False),
        ("pipeline.__main__", "pipeline.run.commands", True),
        ("toolsets.calls.parse", "toolsets.tools.tool", False),
        ("toolsets.execution.executor", "toolsets.Toolset", False),
    ],
)
def test_an_import_from_a_higher_floor_is_detected(module: str, target: str, allowed: bool) -> None:
    floor = {room: k for k, rooms in enumerate(FLOORS[module.split(".")[0]]) for room in rooms}
    assert goes_down(module, target, floor) == allowed


def test_ray_is_imported_only_in_its_rooms() -> None:
    importing = {
        module_name(file).split(".")[1]
        for file in (ROOT / "pipeline").rglob("*.py")
        if any(target.split(".")[0] == "ray" for target in imports(file.read_text()))
    }
    assert importing <= RAY


def test_every_core_module_exists() -> None:
    files = {module_name(file) for file in (ROOT / "pipeline").rglob("*.py")}
    assert CORE - files == set()
    assert ADAPTERS - files == set()


def test_toolsets_and_the_core_import_no_heavy_package() -> None:
    tools = {module_name(file) for file in (ROOT / "toolsets").rglob("*.py")}
    core = {name for name in map(module_name, (ROOT / "pipeline").rglob("*.py")) if is_core(name)}
    names = sorted((tools | core) - {"toolsets.__main__"})
    script = (
        "import importlib, json, sys\n"
        f"for name in {names}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    )
    assert json.loads(run_python("-c", script)) == []


def test_help_is_printed_in_under_half_a_second() -> None:
    run_python("-m", "pipeline", "--help")  # the first run may compile bytecode
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        assert "usage" in run_python("-m", "pipeline", "--help")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < HELP_SECONDS


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_is_valid(name: str) -> None:
    recipe = load(name)
    assert recipe.name == name
    assert recipe.description


def test_every_named_module_and_file_exists() -> None:
    """In code, comments and documents, except CHANGELOG.md, which also uses old names."""
    violations = []
    for file in repository_files():
        if file.suffix in (".py", ".md", ".yaml", ".toml") and file.name != "CHANGELOG.md":
            text = file.read_text()
            named = [*MODULE_NAMED.findall(text), *FILE_NAMED.findall(text)]
            violations += [
                f"{file.relative_to(ROOT)}: {name}" for name in named if not name_exists(name)
            ]
    assert violations == []


def name_exists(name: str) -> bool:
    """Whether a module, a name in a module, or a path exists."""
    if "/" in name:
        return (ROOT / name).is_file()
    module = name
    while not is_module(module):
        module, _, attribute = module.rpartition(".")
        name = attribute
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return module == name or name in file.read_text()


def test_no_file_except_the_pocket_models_is_large() -> None:
    large = [
        str(file.relative_to(ROOT))
        for file in repository_files()
        if file.stat().st_size > LARGEST_BYTES and ROOT / "pipeline" / "pocket" not in file.parents
    ]
    assert large == []


def test_no_file_contains_an_absolute_path_of_a_machine() -> None:
    place = re.compile(rb"(?<![\w.~-])/(?:work|root|home|Users)/\w*")
    paths = [
        f"{file.relative_to(ROOT)}: {match.group().decode()}"
        for file in repository_files()
        if b"\0" not in (content := file.read_bytes())
        for match in place.finditer(content)
    ]
    assert paths == []


def forbidden(module: str, source: str) -> Iterator[str]:
    """The forbidden imports in the source of `module`."""
    here = kind(module)
    for target in imports(source):
        top = target.split(".")[0]
        barred = HEAVY if here in ("toolsets", "core") else ()
        if top in ("tests", *barred) or (top in ROOMS and kind(target) not in ALLOWED[here]):
            yield target


def imports(source: str) -> Iterator[str]:
    """All imports anywhere in `source`; `from a import b` as a.b."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{name.name}" for name in names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def kind(target: str) -> str:
    """The room of a module or of a name in it; the core and the engine are rooms of their own."""
    room = target.split(".")[0]
    if room != "pipeline":
        return room
    name = target
    while not is_module(name):
        name = name.rpartition(".")[0]
    if name.startswith("pipeline.engine"):
        return "engine"
    return "core" if name == "pipeline" or is_core(name) else "pipeline"


def is_core(module: str) -> bool:
    """Whether a module or its folder is listed in CORE."""
    return module not in ADAPTERS and any(f"{module}.".startswith(f"{room}.") for room in CORE)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return "." not in name or path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def run_python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def repository_files() -> list[Path]:
    """Files that git tracks, and untracked files that it does not ignore."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert files
    return [file for file in files if file.is_file()]
