r"""Texts and numbers that Python reads silently in one of two ways.

A number with separators inside a list (`[1,200, 3,400]`) and two texts side by side (`["a" "b"]`)
are refused. A LaTeX command such as `\frac` keeps its backslash, where Python would read the escape
of a form feed.
"""

from __future__ import annotations

import re

from toolsets.calls import repair
from toolsets.calls.literal import unparseable
from toolsets.errors import CallError, shorten

SHORTEST_IN_JSON = 4  # letters of a command; "\\to" may be a tab before "o"

# Commands that begin like an escape of Python or JSON (\a \b \f \n \r \t \u \v \x).
_COMMANDS = (
    "alpha|angle|approx|arccos|arcsin|arctan|ast|bar|because|begin|beta|bigl|bigr|big|binom|bmod|bot"
    "|boxed|bullet|exists|flat|floor|forall|frac|nabla|natural|neg|neq|ngeq|nleq|not|notin|nsubseteq"
    "|rangle|rbrace|rbrack|rceil|Re|rfloor|rho|rightarrow|right|rm|tan|tanh|tau|tbinom|tfrac|text"
    "|textbf|textit|textrm|theta|therefore|times|tilde|to|top|triangle|underbrace|underline|uparrow"
    "|upsilon|varepsilon|varnothing|varphi|vartheta|vdots|vec|vee|vert|xi"
)
_TEXT = re.compile(
    r"""(?P<raw>(?<!\w)[rR](?=["']))?(?P<text>"{3}(?:[^"\\]|\\.|"(?!""))*+"{3}"""
    r"""|'{3}(?:[^'\\]|\\.|'(?!''))*+'{3}|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|["'].*)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:(?P<command>(?:" + _COMMANDS + r")(?![A-Za-z]))|.)", re.DOTALL)
_LOST = re.compile(r"\\[abfv]")  # control characters that nobody writes by these escapes
_TWO_WAYS = re.compile(r"\\(nu|ne|nmid)(?![A-Za-z])")
_BESIDE = re.compile(r"""["'\u201c\u201d\u2019]\s*(?:[rRuU]?["'\u201c\u201d\u201e\u2018\u201a])""")
_COMPACT = re.compile(r"\d,\d")
_WHOLE_RUN = re.compile(r"(?<![\w.])(?<!\d,)\d+(?:,\d+)+(?![\w.])")
_BRACKET = re.compile(r"[\[(][^\[\](){}]*+[\])]")
_SPACED = re.compile(r",[ \t]")
_NUMBER = r"[1-9]\d{0,2}(?:,\d{3})+(?!\d)(?:\.\d+)?"
_RUN = re.compile(r"(?<![\w.])(?<!\d,)[\d.]+(?:,[\d.]+)+")
_NUMBERS = re.compile(rf"{_NUMBER}(?:,{_NUMBER})*")


def keep_latex(text: str, python: bool = True) -> str:
    r"""`text` with `\\` before LaTeX commands in its quoted texts.

    In Python, also before `\a`, `\b`, `\f` and `\v`, which `render_call` never writes. It raises
    CallError for `\nu`, `\ne` and `\nmid`, which may be line breaks. In JSON, where such escapes
    are common, only before long commands.
    """
    return _TEXT.sub(lambda match: _kept(match, python), text) if "\\" in text else text


def protect(written: str) -> str:
    r"""A text's `repr`, with line breaks and tabs as `\x0a` where they would read as LaTeX."""
    return _ESCAPE.sub(_as_hexadecimal, written) if "\\" in written else written


def refuse_two_readings(call: str) -> None:
    """Raise CallError if numbers or texts in `call` can be read in two ways."""
    if _BESIDE.search(call):
        _refuse_texts_side_by_side(call)
    if _COMPACT.search(call):
        _refuse_separated_numbers(repair.without_texts(call))


def _kept(match: re.Match[str], python: bool) -> str:
    if match["raw"]:
        return match.group()

    escape = _python_escape if python else _json_escape
    return _ESCAPE.sub(escape, match["text"])


def _python_escape(found: re.Match[str]) -> str:
    if two := _TWO_WAYS.match(found.string, found.start()):
        command = two.group(1)
        raise unparseable(
            f"\\{command} can be read as a line break before {command[1:]} or as LaTeX; write "
            f"\\\\{command} for LaTeX, \\x0a for a line break."
        )
    sign = found.group()
    return "\\" + sign if found["command"] or _LOST.fullmatch(sign) else sign


def _json_escape(found: re.Match[str]) -> str:
    command = found["command"] or ""
    short = command[:1] in ("n", "r", "t") and len(command) < SHORTEST_IN_JSON
    return "\\" + found.group() if command and not short else found.group()


def _as_hexadecimal(found: re.Match[str]) -> str:
    sign = found.group()
    ambiguous = found["command"] or _TWO_WAYS.match(found.string, found.start())
    codes = {"n": "\\x0a", "r": "\\x0d", "t": "\\x09"}
    return codes[sign[1]] + sign[2:] if ambiguous and sign[1] in codes else sign


def _refuse_texts_side_by_side(call: str) -> None:
    if two := repair.texts_side_by_side(call):
        first, second = (shorten(text, 40) for text in two)
        raise unparseable(
            f"The texts {first} and {second} stand side by side; put a comma between "
            "them, or write one text."
        )


def _refuse_separated_numbers(bare: str) -> None:
    """Refuse `[1,200, 3,400]`, `[1,5, 2,5]` and `[1,200]`; `f(1,[100,200])` has a list."""
    for bracket in _BRACKET.finditer(bare):
        spaced = _SPACED.search(bracket.group())
        if spaced and (run := _WHOLE_RUN.search(bracket.group())):
            raise _two_numbers(run.group())
    rest = _RUN.sub("", bare)
    spaced, compact = re.search(r",\s", rest), re.search(r",\S", rest)
    for run in _RUN.finditer(bare):
        in_list = not compact and bare[: run.start()].rstrip("+- ").endswith("[")
        if _NUMBERS.fullmatch(run.group().rstrip(".")) and (spaced or in_list):
            raise _two_numbers(run.group())


def _two_numbers(run: str) -> CallError:
    one = run.replace(",", "") if _NUMBERS.fullmatch(run) else run.replace(",", ".", 1)
    one, more = shorten(one, 40), shorten(run.replace(",", ", "), 40)
    return unparseable(
        f"{shorten(run, 40)} can be read as one number or as several; write {one}, or a space "
        f"after each comma: {more}."
    )
