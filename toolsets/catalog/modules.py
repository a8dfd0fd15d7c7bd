"""A toolset of one's own found in its module, and every way in which it may not be there.

Not here: what a toolset's name may look like (`toolsets.catalog.toolset.load`).
"""

from __future__ import annotations

import importlib
import traceback
from types import ModuleType

from toolsets.errors import ToolsetError
from toolsets.tools.tool import Tool


def find(path: str, kind: type) -> object:
    """The object of type `kind` at `module:attribute`; raises ToolsetError saying what is wrong."""
    module_name, _, attribute = path.partition(":")
    module = _import(module_name)
    found = getattr(module, attribute, None)
    if not isinstance(found, kind):
        reason = f"{module_name}.{attribute} is not a {kind.__name__}"
        raise ToolsetError(f"{reason}; {_mend(module, attribute, kind)}")
    return found


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ToolsetError:  # of a function in it: it says more than we could
        raise
    except (Exception, SystemExit) as error:  # whatever a module of one's own does when imported
        reason = f"module {name} fails to import: {_say(error, name)}"
        raise ToolsetError(reason) from error


def _say(error: BaseException, module: str) -> str:
    match error:
        case ModuleNotFoundError(name=str(missing)) if f"{module}.".startswith(f"{missing}."):
            return f"{error}; start where its folder is, or put that on PYTHONPATH"
        case ImportError() | SyntaxError():
            return str(error)
        case SystemExit():
            return f"it ends the program{_place(error, module)}; guard it by __name__"
    return f"{type(error).__name__}: {error}{_place(error, module)}"


def _place(error: BaseException, module: str) -> str:
    """The line of the module that raised, or that called what raised."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [(f.f_code.co_filename, n) for f, n in frames if f.f_globals["__name__"] == module]
    return f" ({lines[-1][0]}, line {lines[-1][1]})" if lines else ""


def _mend(module: ModuleType, attribute: str, kind: type) -> str:
    values = vars(module).items()
    if names := [f"{module.__name__}:{name}" for name, value in values if isinstance(value, kind)]:
        return f"there is {', '.join(names)}"
    tools = [name for name, value in values if isinstance(value, Tool)] or ["my_function"]
    written = f"({', '.join(tools)}{',' * (len(tools) == 1)})"
    path = f"{module.__name__}:{attribute}"
    return f'write there: {attribute} = {kind.__name__}("{path}", {written})'
