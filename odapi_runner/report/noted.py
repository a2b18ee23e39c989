"""What the experiments of a notebook were set to, as far as the notebook says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.draft import Draft
from odapi_runner.pipeline.patch import apply_patch_text
from odapi_runner.proto.messages import TrainEvalPipelineConfig
from odapi_runner.report.notebooks import render_patch
from odapi_runner.report.rows import ParsedLog


def build_noted(path: Path, logs: Sequence[ParsedLog], notes: list[str]) -> Iterator[Any | None]:
    """A TrainEvalPipelineConfig for each experiment, that holds what is written down and no more.

    An experiment goes on from the one before: what that has set and nobody has removed is there.

    Args:
        path: the notebook.
        logs: its experiments in the order of their numbers; of a log that is no notebook, None.
        notes: gets what cannot be understood; the experiment is then like the one before.
    """
    message = TrainEvalPipelineConfig()
    for log in logs:
        if log.remarks is None:
            yield None
            continue
        draft = Draft(message)
        try:
            if patch := render_patch(log.remarks):
                apply_patch_text(draft, patch, f"{path}:{log.name}")
            message = draft.message
        except ConfigError as error:
            notes.append(f"settings of experiment {log.name} are not compared: {error.what}")
        yield message
