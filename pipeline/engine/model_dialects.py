"""The dialect of a recipe's model, checked against its chat template before anything starts.

Not here: the dialects themselves (`pipeline.agent.prompt`, `pipeline.agent.native`).
"""

from __future__ import annotations

from pipeline.agent.agent import dialect_of
from pipeline.agent.prompt import Dialect
from pipeline.agent.transcript import ChatTemplate, TemplateError
from pipeline.engine import model_paths
from pipeline.engine.tool_parsers import ToolParserError, reader_maker
from pipeline.errors import CannotStart
from pipeline.recipe.load import Recipe


def dialect_in(recipe: Recipe, role: str, folder: str | None = None) -> Dialect:
    """The dialect of the `teacher` or the `student`; `folder` holds a model to use instead of the
    recipe's.

    Raises CannotStart if the recipe asks for a native dialect that the model does not support.
    """
    model = recipe.student if role == "student" else recipe.teacher
    parser = recipe.native_parser(model)
    if parser is None:
        return dialect_of(recipe.toolset, recipe.agent)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder or model_paths.resolve(model.model, role))
    native = reader_maker(parser, tokenizer)
    try:
        dialect = dialect_of(recipe.toolset, recipe.agent, native)
        template = ChatTemplate(tokenizer, dialect.tools)
        if recipe.agent.calls_per_reply == "several":
            template.check_shows_several()
    except (TemplateError, ToolParserError) as error:
        raise CannotStart(f"{role}.model {folder or model.model}: {error}") from error
    return dialect


def check_template(recipe: Recipe, role: str, folder: str) -> None:
    """Raise CannotStart if the chat template of the model in `folder` rejects or drops one of the
    agent's messages. Not checked for a teacher at an endpoint: its server applies the template."""
    if role == "teacher" and recipe.teacher.is_remote:
        return
    from transformers import AutoTokenizer

    dialect = dialect_in(recipe, role, folder)
    if dialect.tools is not None:
        return  # `dialect_in` has checked it
    try:
        template = ChatTemplate(AutoTokenizer.from_pretrained(folder))
        template.prompt_ids(dialect.prompt_messages("?"))
        template.between([{"role": recipe.agent.tool_role, "content": "1"}])
    except TemplateError as error:
        raise CannotStart(f"{role}.model {folder}: {error}") from error
