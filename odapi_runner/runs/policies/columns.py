"""Which columns the evaluations of a run will have: what `--best` and the policies can look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.errors import ConfigError, OdapiError, did_you_mean
from odapi_runner.formats.dataset import common_format
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.metrics import (
    CATEGORY_TAG,
    COCO_METRICS,
    METRICS,
    SUPER_CATEGORY_TAG,
    VOC_2007_TAG,
    VOC_2012_TAG,
    VOC_CATEGORY_TAG,
    VOC_METRICS_SET,
    category_tag,
    column_of,
    kitti_tag,
    super_category_tag,
)
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.early_stop import parse_early_stop
from odapi_runner.runs.policies.plateau import parse_plateau
from odapi_runner.workspace import Workspace

_BUILTIN = "builtin"
_NEAR = 3  # names that are suggested


def asked_metrics(options: RunOptions) -> dict[str, str]:
    """The metrics that a run looks at, by the option that says so."""
    asked = {"--best": options.best}
    if options.early_stop is not None:
        asked["--early-stop"] = parse_early_stop(options.early_stop).metric
    if options.reduce_on_plateau is not None:
        asked["--reduce-on-plateau"] = parse_plateau(options.reduce_on_plateau).metric
    return asked


def refuse_unmeasured(options: RunOptions, config: Any, place: Workspace, *, engine: str) -> None:
    """Refuse a metric that no evaluation will have, as far as is known before the first.

    Another engine than the builtin one may have more of its own, with a slash in their names.

    Args:
        options: of the run.
        config: a TrainEvalPipelineConfig.
        place: where relative paths start.
        engine: its name.

    Raises:
        ConfigError: a metric is none of them.
    """
    asked = {option: name for option, name in asked_metrics(options).items() if name not in METRICS}
    if not asked or not config.eval_input_reader:
        return
    try:
        found = list(map(column_of, _tags(config, place)))
    except OdapiError:  # label map or records: the check says what is wrong with them
        return
    for option, name in asked.items():
        if name not in found and (engine == _BUILTIN or "/" not in name):
            raise ConfigError(
                f'{option}: no evaluation of this config has a "{name}"',
                fix=_remedy(name, [*METRICS, *found], config),
            )


def _tags(config: Any, place: Workspace) -> Iterator[str]:
    """Those beside the ones of every evaluation (`engine.evaluator`)."""
    told, reader = config.eval_config, config.eval_input_reader[0]
    classes = read_label_map(place.resolve(reader.label_map_path)).display_names()
    for name in classes:
        if told.include_metrics_per_category or told.all_metrics_per_category:
            yield f"{CATEGORY_TAG}{name}"
        if told.all_metrics_per_category:
            yield from (category_tag(metric, name) for metric in COCO_METRICS)
    for name in told.super_categories:
        yield f"{SUPER_CATEGORY_TAG}{name}"
        if told.all_metrics_per_category:
            yield from (super_category_tag(metric, name) for metric in COCO_METRICS)
    records = expand_patterns(reader.tf_record_input_reader.input_path, place.root)
    origin = common_format({path.parent for path in records})
    if VOC_METRICS_SET in told.metrics_set or origin == "voc":
        yield from (VOC_2012_TAG, VOC_2007_TAG)
        yield from (f"{VOC_CATEGORY_TAG}{name}" for name in classes)
    if origin == "kitti":
        from odapi_runner.scoring.kitti import DIFFICULTIES, OVERLAPS  # numpy comes with it

        own = (name for name in classes if name.lower() in OVERLAPS)
        yield from (kitti_tag(name, level.name) for name in own for level in DIFFICULTIES)


def _remedy(name: str, known: list[str], config: Any) -> str:
    if name.startswith(CATEGORY_TAG) and not config.eval_config.include_metrics_per_category:
        return "Have it measured: -s eval_config.include_metrics_per_category=true"
    word = name.rpartition("/")[2].casefold()
    alike = [one for one in known if word in one.casefold()][:_NEAR]
    return did_you_mean(name, known) or (
        f"There are {', '.join(alike or known[len(METRICS) :] or known)}"
    )
