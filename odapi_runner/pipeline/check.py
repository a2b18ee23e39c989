"""Everything about a config that can be known before TensorFlow starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules import checkpoint, classes, records, schedule
from odapi_runner.pipeline.rules.subject import build_subject
from odapi_runner.proto.text import read_pipeline
from odapi_runner.workspace import Workspace, find_workspace

T = TypeVar("T")

_RULES = (
    classes.model_is_set,
    classes.label_maps_are_readable,
    classes.ids_have_no_gaps,
    classes.num_classes_is_that_of_the_label_map,
    schedule.training_has_a_size,
    schedule.learning_rate_is_set,
    schedule.base_rate_is_positive,
    schedule.schedule_is_as_long_as_training,
    schedule.warmup_fits_into_the_schedule,
    schedule.warmup_leads_up_to_the_base_rate,
    records.records_are_there,
)
_FINE_TUNING_RULES = (
    checkpoint.checkpoint_is_there,
    checkpoint.checkpoint_has_type_and_version,
)


def _untracked(items: Sequence[T], title: str) -> Iterable[T]:  # noqa: ARG001 - a `Track`
    return items


def check(
    config: str | Path | Any,
    workspace: Workspace | None = None,
    *,
    every_record: bool = False,
    from_scratch: bool = False,
    track: records.Track[Any] = _untracked,
) -> list[Finding]:
    """What is wrong, or looks wrong, with a config and with the files that it names.

    Args:
        config: a file, or a TrainEvalPipelineConfig.
        workspace: where its relative paths start; the current one by default.
        every_record: look at all records, not only at a sample from each file.
        from_scratch: leave `fine_tune_checkpoint` out of account.
        track: shows progress over the records of a reader.

    Returns:
        The findings in the order of the rules; none where all is well.

    Raises:
        ConfigError: the file cannot be read, or is no pipeline.config.
    """
    message = read_pipeline(Path(config)) if isinstance(config, str | Path) else config
    subject = build_subject(message, workspace or find_workspace())
    rules = _RULES if from_scratch else _RULES + _FINE_TUNING_RULES
    found = [finding for rule in rules for finding in rule(subject)]
    found += records.records_are_usable(subject, every_record=every_record, track=track)
    return found
