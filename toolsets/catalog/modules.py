"""Import a user's toolset from its module, and explain every way in which that can fail.

Not here: the names of toolsets (`toolsets.catalog.load`).
"""

from __future__ import annotations

import importlib
import traceback
from types import ModuleType

from toolsets.errors import ToolsetError
from toolsets.tools.tool import Tool


def find(path: str, kind: type) -> object:
    """The object of type `kind` at `module:attribute`; raises ToolsetError if there is none."""
    module_name, _, attribute = path.partition(":")
    module = _import(module_name)
    value = getattr(module, attribute, None)
    if not isinstance(value, kind):
        reason = f"{module_name}.{attribute} is not a {kind.__name__}"
        raise ToolsetError(f"{reason}; {_suggestion(module, attribute, kind)}")
    return value


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ToolsetError:  # from @tool in the module: its message is specific already
        raise
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        reason = f"module {name} fails to import: {_explanation(error, name)}"
        raise ToolsetError(reason) from error


def _explanation(error: BaseException, module: str) -> str:
    match error:
        case ModuleNotFoundError(name=str(missing)) if f"{module}.".startswith(f"{missing}."):
            return f"{error}; run from its folder, or add that folder to PYTHONPATH"
        case ImportError() | SyntaxError():
            return str(error)
        case SystemExit():
            place = _place(error, module)
            return f"it exits the program{place}; guard that with if __name__ == '__main__'"
    return f"{type(error).__name__}: {error}{_place(error, module)}"


def _place(error: BaseException, module: str) -> str:
    """The file and line of the module where the error arose, directly or in a call."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [(f.f_code.co_filename, n) for f, n in frames if f.f_globals["__name__"] == module]
    return f" ({lines[-1][0]}, line {lines[-1][1]})" if lines else ""


def _suggestion(module: ModuleType, attribute: str, kind: type) -> str:
    values = vars(module).items()
    if names := [f"{module.__name__}:{name}" for name, value in values if isinstance(value, kind)]:
        return f"it has {', '.join(names)}"
    tools = [name for name, value in values if isinstance(value, Tool)] or ["my_function"]
    written = f"({', '.join(tools)}{',' * (len(tools) == 1)})"
    path = f"{module.__name__}:{attribute}"
    return f'add to the module: {attribute} = {kind.__name__}("{path}", {written})'
