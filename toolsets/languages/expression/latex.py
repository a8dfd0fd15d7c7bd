r"""Rewrite the LaTeX that models use for school mathematics in plain notation.

    \frac{1}{2}   \sqrt[3]{x}   2 \cdot x \times y   x^{2n}   x_{1}   \left( \right)   \le

Only these commands are known; any other is refused by name. The rewriting replaces text and nests
parentheses, so length and depth are limited afterwards as for any other text.
"""

from __future__ import annotations

import re

from toolsets.languages.expression.tokens import LONGEST_TEXT, ExpressionError, ExpressionTooLarge

_SIGNS = {
    **{"cdot": "*", "times": "*", "div": "/", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">="},
    **{"ne": " != ", "neq": " != ", "lt": "<", "gt": ">", "left": "", "right": "", "%": "%"},
    **{"infty": "oo", "land": " and ", "lor": " or ", "lnot": " not ", "neg": " not "},
    **{"in": " in ", "to": " -> ", "rightarrow": " -> ", "Rightarrow": " -> ", "circ": "°"},
    **{"lfloor": "floor(", "rfloor": ")", "lceil": "ceiling(", "rceil": ")", "bmod": " mod "},
    **{"{": "{", "}": "}", ",": " ", ";": " ", "!": "", " ": " ", "quad": " ", "$": "$"},
}
_NAMES = (
    *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh"),
    *("tanh", "ln", "log", "exp", "min", "max", "gcd", "pi", "alpha", "beta", "gamma", "delta"),
    *("epsilon", "theta", "lambda", "mu", "rho", "sigma", "tau", "phi", "omega"),
)
# A JSON or Python text turns \f of \frac into a control character; no expression has one.
_CONTROLS = {"\f": r"\f", "\b": r"\b", "\v": r"\v", "\a": r"\a"}
_TABBED = re.compile(r"\t(?=imes|heta|anh?\b|au\b)")
_RETURN = re.compile(r"\r(?=ight|ho\b|floor|ceil)")
_LINE = re.compile(r"\n(?=eq\b)")
_COMMAND = re.compile(r"\\([A-Za-z]+|.)")
_SCRIPT = re.compile(r"([\^_])\s*\{")
_TWO_ARGUMENTS = {"frac", "dfrac", "tfrac", "binom"}


def plain(text: str) -> str:
    """`text` without LaTeX; raises ExpressionError for a command that is not known."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionTooLarge(f"the text is longer than {LONGEST_TEXT:,} characters")
    text = _without_dollars(restored(text))
    if "\\" not in text and not _SCRIPT.search(text):
        return text
    while match := _last_command(text):
        text = _replaced(text, match)
    return _without_scripts(text)


def _without_dollars(text: str) -> str:
    inside = text.strip()
    is_formula = inside.startswith("$") and inside.endswith("$") and inside.strip("$")
    return inside.strip("$") if is_formula else text


def restored(text: str) -> str:
    """Undo the escapes that a JSON or Python text makes of LaTeX's backslashes."""
    if text.isprintable():
        return text
    for control, command in _CONTROLS.items():
        text = text.replace(control, command)
    for pattern, letter in ((_TABBED, "t"), (_RETURN, "r"), (_LINE, "n")):
        text = pattern.sub(rf"\\{letter}", text)
    return text


def _last_command(text: str) -> re.Match[str] | None:
    """The last command; so the arguments of a command contain no further one."""
    commands = list(_COMMAND.finditer(text))
    return commands[-1] if commands else None


def _replaced(text: str, match: re.Match[str]) -> str:
    name, before, after = match.group(1), text[: match.start()], text[match.end() :]
    if name in _TWO_ARGUMENTS:
        above, after = _argument(name, after)
        below, after = _argument(name, after)
        if name == "binom":
            return f"{before} binomial({above}, {below}) {after}"
        _check_whole_before(before)
        return f"{before} (({above})/({below})) {after}"
    if name == "sqrt":
        return f"{before} {_root(after)}"
    if name in _NAMES:
        return f"{before} {_call(name, after)}"
    if name in _SIGNS:
        return f"{before}{_SIGNS[name]}{after}"
    raise ExpressionError(f"there is no meaning for \\{name}; write it without LaTeX")


def _check_whole_before(before: str) -> None:
    if before.rstrip()[-1:].isdigit():
        reason = "a number before \\frac is a mixed number or a product; write + or * between them"
        raise ExpressionError(reason)


def _root(after: str) -> str:
    after = after.lstrip()
    if after.startswith("["):
        degree, _, after = after[1:].partition("]")
        argument, after = _argument("sqrt", after)
        return f"root({argument}, {degree}) {after}"
    argument, after = _argument("sqrt", after)
    return f"sqrt({argument}) {after}"


def _call(name: str, after: str) -> str:
    """The function with its argument, which may be in braces or one letter: \\sin x."""
    rest = after.lstrip()
    if name in ("pi", *_NAMES[_NAMES.index("alpha") :]):
        return f"{name} {after}"
    if rest.startswith("{"):
        argument, rest = _argument(name, rest)
        return f"{name}({argument}) {rest}"
    if name == "log" and rest.startswith("_"):
        base, rest = _argument(name, rest[1:])
        argument, rest = _argument(name, rest)
        return f"log({argument}, {base}) {rest}"
    return f"{name}{after}"


def _argument(name: str, text: str) -> tuple[str, str]:
    """The first argument of a command, in braces, parentheses or one sign; and the text after."""
    text = text.lstrip()
    if text[:1] in ("{", "("):
        closing, depth = {"{": "}", "(": ")"}[text[0]], 0
        for place, sign in enumerate(text):
            depth += (sign == text[0]) - (sign == closing)
            if depth == 0:
                return _without_scripts(text[1:place]), text[place + 1 :]
    elif text[:1].isalnum():
        return text[0], text[1:]
    raise ExpressionError(f"\\{name} needs its argument in braces")


def _without_scripts(text: str) -> str:
    """Exponents and indices without braces: x^{2n} is x^(2n), x_{1} is x_1."""
    while match := _SCRIPT.search(text):
        inside, after = _argument(match.group(1), text[match.end() - 1 :])
        if match.group(1) == "_":
            if not inside.isalnum():
                raise ExpressionError(f"the index {inside!r} is not part of a name")
            text = f"{text[: match.start()]}_{inside} {after}"
        else:
            text = f"{text[: match.start()]}^({inside}){after}"
    return text
