"""The rule on the file itself."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject


def config_can_be_read(subject: Subject) -> Iterator[Finding]:  # noqa: ARG001 - see below
    """The file is there, a text, and in the language of pipeline.config.

    Each name in it is a field, and each value one that the field can have. Nothing else is looked
    at before that.
    """
    # What has become a subject was read; `check.unreadable` makes the finding of what was not.
    yield from ()


RULES = (
    Rule(
        "config",
        config_can_be_read,
        api="google.protobuf's ParseError, without a nearest name (utils/config_util.py, "
        "`get_configs_from_pipeline_file`).",
        fails="train_config { batch_sise: 8 }",
        passes="train_config { batch_size: 8 }",
    ),
)
