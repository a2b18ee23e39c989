"""odapi: render, check, train, evaluate and compare TF2 Object Detection API pipelines.

Everything that a command does is one call too, for notebooks and scripts:

    import odapi_runner as odapi

    odapi.convert_kitti(Path("KITTI"), Path("data/kitti"))
    for finding in odapi.check("pipelines/kitti-d0/pipeline.config"):
        print(finding.place, finding.what, finding.fix)
    run = odapi.train("kitti-d0")
    odapi.wait_for(run)
    odapi.compare([run.root]).table
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Each call and the module that has it; imported when it is first asked for.
_CALLS = {
    "Changes": "odapi_runner.pipeline.overrides",
    "Images": "odapi_runner.report.picking",
    "RunOptions": "odapi_runner.runs.options",
    "Watch": "odapi_runner.runs.watch",
    "adopt": "odapi_runner.runs.adopt",
    "apply_changes": "odapi_runner.pipeline.overrides",
    "check": "odapi_runner.backends.check",
    "compare": "odapi_runner.report.compare",
    "build_report": "odapi_runner.runs.report",
    "cancel_queued": "odapi_runner.runs.queue.control",
    "convert_kitti": "odapi_runner.records.kitti",
    "convert_voc": "odapi_runner.records.voc",
    "diff": "odapi_runner.runs.diff",
    "edit": "odapi_runner.pipeline.edit",
    "examine": "odapi_runner.doctor.examine",
    "estimate": "odapi_runner.runs.estimate",
    "evaluate": "odapi_runner.runs.evaluate",
    "export": "odapi_runner.report.exports.export",
    "find_batch_size": "odapi_runner.runs.batch_size",
    "find_run": "odapi_runner.runs.names",
    "find_workspace": "odapi_runner.workspace",
    "inspect_records": "odapi_runner.records.inspect",
    "list_queue": "odapi_runner.runs.queue.control",
    "move_queued": "odapi_runner.runs.queue.control",
    "parse": "odapi_runner.report.parse",
    "pause_queue": "odapi_runner.runs.queue.control",
    "preset_names": "odapi_runner.pipeline.presets",
    "read_preset": "odapi_runner.pipeline.presets",
    "read_status": "odapi_runner.runs.status",
    "render": "odapi_runner.pipeline.render",
    "resume": "odapi_runner.runs.resume",
    "resume_queue": "odapi_runner.runs.queue.control",
    "start_queue": "odapi_runner.runs.queue.control",
    "stop_run": "odapi_runner.runs.control",
    "stream_log": "odapi_runner.report.logs",
    "sweep": "odapi_runner.runs.sweep",
    "tensorboard": "odapi_runner.runs.tensorboard",
    "train": "odapi_runner.runs.launch",
    "wait_for": "odapi_runner.runs.control",
    "write_charts": "odapi_runner.report.run.write",
    "write_page": "odapi_runner.report.run.write",
    "write_patches": "odapi_runner.report.parse",
    "write_comparison": "odapi_runner.report.write",
    "write_rendered": "odapi_runner.pipeline.rendered",
}

__all__ = ["__version__", *sorted(_CALLS)]  # noqa: PLE0604 - names, as the table has them


def __getattr__(name: str) -> Any:
    """Import a call's module on first use: `import odapi_runner` stays quick."""
    if name not in _CALLS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_CALLS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_CALLS})
