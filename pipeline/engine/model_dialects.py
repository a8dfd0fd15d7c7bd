"""The dialect of a model of a recipe, checked against its chat template before anything starts.

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
    """How the `teacher` or the `student` is spoken to; `folder` holds a model that is not the
    recipe's own.

    Raises CannotStart where the model has no native dialect.
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
        ChatTemplate(tokenizer, dialect.tools)
    except (TemplateError, ToolParserError) as error:
        raise CannotStart(f"{role}.model {folder or model.model}: {error}") from error
    return dialect


def check_template(recipe: Recipe, role: str, folder: str) -> None:
    """Raise CannotStart where the chat template of the model in `folder` would refuse or leave out
    a message of the agent's, before an engine is started for it. A teacher's at an endpoint is the
    server's affair."""
    if role == "teacher" and recipe.teacher.is_remote:
        return
    from transformers import AutoTokenizer

    dialect = dialect_in(recipe, role, folder)
    if dialect.tools is not None:
        return  # `dialect_in` has seen to it
    try:
        template = ChatTemplate(AutoTokenizer.from_pretrained(folder))
        template.prompt_ids(dialect.prompt_messages("?"))
        template.between({"role": recipe.agent.tool_role, "content": "1"})
    except TemplateError as error:
        raise CannotStart(f"{role}.model {folder}: {error}") from error
