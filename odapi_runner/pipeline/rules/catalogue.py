"""All rules, in the order in which they speak.

Of a field with an error in it only the first rule speaks: causes stand before what follows from
them.
"""

from __future__ import annotations

from odapi_runner.pipeline.rules import annotations as annotation_rules
from odapi_runner.pipeline.rules import (
    checkpoint,
    classes,
    comments,
    config,
    feeding,
    labels,
    records,
    schedule,
)
from odapi_runner.pipeline.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *config.RULES,
    *classes.RULES,
    *schedule.RULES,
    *records.RULES,
    *labels.RULES,
    *feeding.RULES,
    *annotation_rules.RULES,
    *checkpoint.RULES,
    *comments.RULES,
)
