from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.engine.model_dialects import check_template
from pipeline.errors import CannotStart
from pipeline.pocket.models import folder
from pipeline.recipe.load import load

SHOW = "{{ '<|' + m.role + '|>' + m.content }}"
REFUSE_TOOL = "{% if m.role == 'tool' %}{{ raise_exception('roles') }}{% endif %}"
LEAVES_OUT = "{% for m in messages if m.role != 'tool' %}" + SHOW
REFUSES = "{% for m in messages %}" + REFUSE_TOOL + SHOW
END = "{% if m.role == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
END += "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"


@pytest.mark.parametrize("template", [LEAVES_OUT, REFUSES], ids=["leaves it out", "refuses it"])
def test_a_role_that_the_template_does_not_support_is_refused_before_an_engine_starts(
    template: str, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(folder("student"), model)
    (model / "chat_template.jinja").write_text(template + END)
    check_template(load("pocket"), "student", str(model))
    recipe = load("pocket", ["agent.tool_role=tool"])
    with pytest.raises(CannotStart, match=r"student\.model .*; set agent\.tool_role"):
        check_template(recipe, "student", str(model))
