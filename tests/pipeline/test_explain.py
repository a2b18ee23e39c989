"""The pages of the rules."""

from __future__ import annotations

import pytest

from odapi_runner.backends.check import all_rules
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.explain import find_rule, render_page, summary
from odapi_runner.pipeline.rules.rule import Rule


def test_a_page() -> None:
    """What, why, what the Object Detection API does, an example, severity, engine."""
    assert (
        render_page(find_rule("steps-unsaved", all_rules()))
        == """\
steps-unsaved: A checkpoint is written every thousand steps, and none at the end of the
training.

The last steps are lost where the training does not end with a checkpoint; of a training
below a thousand steps nothing is left but the checkpoint of step 0.

The Object Detection API:
  It saves where `checkpoint_every_n` (1000) steps have been made since the last time, and
  not at the end (model_lib_v2.py, `train_loop`).

Fails:
  train_config { num_steps: 30500 }

Passes:
  train_config { num_steps: 31000 }

Severity  warning: training starts, and may not do what is meant
Engine    tf-models; silent without --engine tf-models
Ignore    # odapi: ignore=steps-unsaved
          behind the field, above it, or before the first field of the file
"""
    )


@pytest.mark.parametrize("rule", all_rules(), ids=[rule.id for rule in all_rules()])
def test_every_page_is_complete(rule: Rule) -> None:
    """One sentence to begin with, lines that fit a terminal, and an example put right."""
    page = render_page(rule)

    assert summary(rule).endswith((".", "?"))
    assert max(map(len, page.splitlines())) <= 100
    assert rule.fails
    assert rule.passes
    assert rule.fails != rule.passes
    assert ".py" in rule.api or "odapi" in rule.api or rule.severity == "hint"


@pytest.mark.parametrize(
    ("id_", "fix"),
    [
        ("warmup-step", 'Did you mean "warmup-steps" or "warmup-rate" or "manual-steps"?'),
        ("x", "The rules: odapi check --explain list"),
    ],
)
def test_a_mistyped_id_is_told_the_nearest(id_: str, fix: str) -> None:
    """Or where all of them are listed."""
    with pytest.raises(ConfigError) as caught:
        find_rule(id_, all_rules())

    assert (caught.value.what, caught.value.fix) == (f'there is no rule "{id_}"', fix)
