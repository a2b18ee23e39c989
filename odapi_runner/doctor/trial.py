"""`odapi doctor --try`: three steps with an engine, on images that are drawn for it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

from odapi_runner.backends import AUTO
from odapi_runner.doctor.facts import Fact
from odapi_runner.errors import OdapiError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline, without_fine_tuning
from odapi_runner.proto.text import render_pipeline
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.runs.child import has_trained
from odapi_runner.runs.control import stop_run, wait_for
from odapi_runner.runs.launch import train
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.status import processes
from odapi_runner.workspace import Workspace

PRESET = "kitti-d0"
STEPS = 3
IMAGES = 5
_SETTINGS = ("image_size=256", "batch_size=2", f"num_steps={STEPS}")


def try_engine(engine: str, device: str, options: RunOptions) -> Fact:
    """Train and evaluate with an engine, and throw the run away.

    Args:
        engine: its name.
        device: as for `odapi train --gpu`.
        options: the places of the engine.
    """
    name = f"{engine}, tried"
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="odapi-doctor-") as folder:
        place = Workspace(Path(folder))
        try:
            step, score = _train(place, engine, device, options)
        except OdapiError as error:
            # Without another engine odapi trains all the same.
            return Fact(name, "error" if engine == AUTO else "warning", error.what, error.fix)
    seconds = time.monotonic() - begun
    what = f"{step} steps and an evaluation (mAP {score:.3f}) in {seconds:.0f} s"
    return Fact(name, "ok", what)


def _train(place: Workspace, engine: str, device: str, options: RunOptions) -> tuple[int, float]:
    """The last step and its mAP.

    Raises:
        OdapiError: it could not be started, or failed.
    """
    place.mark()
    draw_streets(place.root / "KITTI", images=IMAGES, seed=0)
    convert_kitti(place.root / "KITTI", place.data / "kitti")
    message = without_fine_tuning(build_pipeline(PRESET, Changes(_SETTINGS), place).message)
    config = place.root / "try.config"
    config.write_text(render_pipeline(message), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        run = train(
            config=config,
            from_scratch=True,
            engine=engine,
            run="try",
            device=device,
            options=options,
            workspace=str(place.root),
        )
        stack.callback(lambda: processes(run) and stop_run(run))  # after Ctrl-C, too
        status = wait_for(run)
        if status.state != "done" or status.last_score is None:
            doing, role = (
                ("evaluation", "eval") if has_trained(run, STEPS) else ("training", "train")
            )
            raise OdapiError(f"the {doing} failed: {status.what}", fix=_last_words(run.log(role)))
        return status.step or 0, status.last_score


def _last_words(log: Path) -> str:
    """The end of a log, which is thrown away with its run."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    said = [line.strip() for line in lines if line.strip()]
    return f"Its last line: {said[-1]}" if said else "It has said nothing."
