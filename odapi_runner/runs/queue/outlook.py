"""What is to become of a run in the queue, derived from its events and its processes.

waiting    it has not been started, or its processes have died (a reboot, a kill) and it goes on
running    it is at work, whoever started it
over       it has ended: done, failed, or stopped by a policy; or it was removed
away       its workspace is not there: a disk that is not mounted, as it may be after a reboot
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from odapi_runner import files
from odapi_runner.errors import OdapiError
from odapi_runner.formats.runlog import read_events
from odapi_runner.runs.claims import AUTO, CPU, device_names
from odapi_runner.runs.gpu_load import GpuLoad
from odapi_runner.runs.queue.entries import Entry, Queue
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.state import QUEUED, was_interrupted
from odapi_runner.runs.status import read_status

State = Literal["waiting", "running", "over", "away"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """One entry of the queue at one moment."""

    entry: Entry
    state: State
    device: str = ""  # as asked
    goes_on: bool = False  # it was started before
    died: str = ""  # in words, where its supervisor did: nobody has told of that

    @property
    def wants_gpu(self) -> bool:
        """Whether it would use one, where there is one."""
        return self.device != "none"

    def misses(self, free: set[str], loads: Sequence[GpuLoad]) -> tuple[str, ...]:
        """The devices that it waits for; `auto` where any GPU will do and none is free."""
        if self.device == AUTO and loads:
            return () if free - {CPU} else (AUTO,)
        device = "none" if self.device == AUTO else self.device
        return tuple(name for name in device_names(device, loads) if name not in free)


def look_at(entry: Entry) -> Outlook:
    """Read what has become of a run."""
    run = entry.run
    try:
        status, spec = read_status(run), RunSpec.load(run)
    except OdapiError:  # its folder was removed, or is no run any more
        return Outlook(entry, "over" if files.is_folder(entry.root.parent) else "away")
    if status.state == QUEUED:
        return Outlook(entry, "waiting", spec.device)
    if status.is_live:
        return Outlook(entry, "running", spec.device)
    goes_on = status.state in {"lost", "stopped"} and was_interrupted(
        spec, read_events(run, "supervise")
    )
    died = status.what if status.state == "lost" else ""
    return Outlook(entry, "waiting" if goes_on else "over", spec.device, goes_on, died)


def waits_for(entry: Entry, looks: Sequence[Outlook]) -> list[str]:
    """The names of the runs that have to end before, and have not yet."""
    in_queue = {look.entry.root: look.state for look in looks}
    names = []
    for root in entry.after:
        state = in_queue.get(root) or look_at(Entry(root)).state
        if state in {"running", "away"} or (state == "waiting" and root in in_queue):
            names.append(root.name)
    return names


def find_circle(root: Path, after: Sequence[Path], queue: Queue) -> list[Path]:
    """The way from a run over those that it is to come after back to it; empty: there is none.

    Only what waits, or may, can be on it: `a` that comes after `b` that comes after `a` is [b, a].
    """
    entries = {entry.root: entry for entry in queue.entries}
    ways, seen = [[other] for other in after], set[Path]()
    for way in ways:  # which grow meanwhile
        at = way[-1]
        if at == root:
            return way
        if at in entries and at not in seen and look_at(entries[at]).state in {"waiting", "away"}:
            ways += [[*way, other] for other in entries[at].after]
        seen.add(at)
    return []
