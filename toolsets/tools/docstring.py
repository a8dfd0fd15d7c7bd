"""Description and example from a docstring in Google's, NumPy's or Sphinx's style."""

from __future__ import annotations

import re

from docstring_parser import Docstring


def description(doc: Docstring) -> str:
    """The docstring's first paragraph, on one line."""
    short, long = doc.short_description or "", doc.long_description or ""
    return short if doc.blank_after_short_description else paragraph(f"{short}\n{long}")


def paragraph(text: str) -> str:
    """The first paragraph of `text`, on one line."""
    return " ".join(re.split(r"\n\s*\n|\n\s*Examples?::", text)[0].split())


def example(doc: Docstring, text: str) -> str:
    """The first code line of the example section; empty without one."""
    given = [one.snippet or one.description for one in doc.examples]
    given += [meta.description for meta in doc.meta if meta.args[:1] == ["example"]]
    given += re.findall(r"^ *(?:>>> |Examples?::\s+)(.+)", text, re.MULTILINE)
    lines = [line.strip() for block in given if block for line in block.splitlines()]
    return next((line.removeprefix(">>> ") for line in lines if line), "")
