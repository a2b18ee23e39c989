"""What can be done to the queue from outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from odapi_runner.errors import GpuError, RunError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.claims import AUTO, free_devices
from odapi_runner.runs.gpu_load import GpuLoad, read_loads
from odapi_runner.runs.machine import state_folder
from odapi_runner.runs.process import start_detached
from odapi_runner.runs.queue.entries import Entry, Queue, add, change_queue, read_queue, take_out
from odapi_runner.runs.queue.outlook import find_circle, look_at, waits_for
from odapi_runner.runs.queue.serve import is_served, take_serve_lock


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A line of `odapi queue list`."""

    place: int
    run: str
    workspace: str
    state: str  # waiting, running, away
    device: str
    why: str  # it waits; else empty


def put_in_queue(run: RunDir, lock: int, after: Sequence[RunDir] = ()) -> None:
    """Put a run at the end of the queue (`entries.add`), and see that the queue is served.

    Its lock, as `launch.create_run` gives it, is closed: who starts the run takes it again.
    """
    os.close(lock)
    add(run, after)
    start_queue()


def refuse_queued(run: RunDir, after: Sequence[RunDir] = ()) -> None:
    """See that a run does not wait in the queue already, and would not wait for itself there.

    Raises:
        RunError: it does, or one of those that it is to come `after` waits for it.
    """
    queue = read_queue()
    entry = queue.find(run)
    if entry is not None and look_at(entry).state == "waiting":
        raise RunError(
            f"{run.name}: in the queue already, at place {queue.place_of(run)}",
            fix=f"Move it: odapi queue move {run.typed} PLACE; "
            f"to change it, take it out before: odapi queue cancel {run.typed}",
        )
    roots = [other.root.resolve() for other in after]
    if circle := find_circle(run.root.resolve(), roots, queue):
        names = " after ".join(root.name for root in (run.root, *circle))
        raise RunError(
            f"{run.name}: none of these would ever start: {names}",
            fix=f"Leave out --after {RunDir(circle[0]).typed}",
        )


def start_queue() -> bool:
    """Have a process serve the queue; False where there is one already, or nothing to do.

    Raises:
        RunError: the folder of this machine cannot be written.
    """
    if not read_queue().entries:
        return False
    lock = take_serve_lock()
    if lock is None:
        return False
    folder = state_folder()
    argv = [sys.executable, "-P", "-m", "odapi_runner.runs.queue.serve", str(lock)]
    try:
        start_detached(argv, log=folder / "queue.log", cwd=folder, environment={}, inherit=[lock])
    finally:
        os.close(lock)
    return True


def list_queue() -> list[QueuedRun]:
    """The runs in the queue that have not ended, in order."""
    try:
        loads, fault = read_loads(), ""
    except GpuError as error:
        loads, fault = [], error.what
    return describe_queue(read_queue(), loads, fault=fault, served=is_served())


def describe_queue(
    queue: Queue, loads: Sequence[GpuLoad], *, fault: str = "", served: bool = True
) -> list[QueuedRun]:
    """The same of a queue, where the GPUs do this, and a process serves it or not.

    Args:
        queue: as it is.
        loads: of the GPUs.
        fault: why nothing is known of them; empty where it is.
        served: whether a process starts its runs.
    """
    looks = [look_at(entry) for entry in queue.entries]
    free = free_devices(loads) if looks else set()
    rows = []
    for place, look in enumerate(looks, start=1):
        why = ["its workspace is not there"] if look.state == "away" else []
        if look.state == "waiting":
            unknown = bool(fault) and look.wants_gpu
            misses = () if unknown else look.misses(free, loads)
            names = waits_for(look.entry, looks)
            why += [] if served else ["nobody serves the queue: odapi queue start"]
            why += ["the queue is paused"] if queue.paused else []
            why += [f"after {', '.join(names)}"] if names else []
            why += [fault] if unknown else []
            why += ["no GPU is free"] if AUTO in misses else []
            why += [_why_missing(name, loads) for name in misses if name != AUTO]
        if look.state != "over":
            root = look.entry.root
            rows.append(
                QueuedRun(
                    place, root.name, str(root.parent.parent), look.state, look.device,
                    "; ".join(why),
                )
            )  # fmt: skip
    return rows


def cancel_queued(run: RunDir) -> None:
    """Take a run that has not begun, or was interrupted, out of the queue.

    Raises:
        RunError: it is not in the queue, or at work.
    """
    entry = _entry_of(run)
    if look_at(entry).state == "running":
        raise RunError(f"{run.name}: running", fix=f"End it with: odapi stop {run.typed}")
    take_out(run)


def move_queued(run: RunDir, place: int) -> tuple[int, int]:
    """Move a run that waits to another place of the queue, counted from 1.

    Returns:
        Its place, which is behind those of runs that have begun, and how many there are.

    Raises:
        RunError: it is not in the queue, or has begun.
    """
    _entry_of(run)
    looks = [look_at(entry) for entry in read_queue().entries]
    begun = {look.entry.root for look in looks if look.state == "running"}
    if run.root.resolve() in begun:
        raise RunError(f"{run.name}: running", fix="Only what waits can be moved.")
    queue = change_queue(lambda queue: queue.moved(run, place, begun))
    return queue.place_of(run), len(queue.entries)


def pause_queue() -> None:
    """Start nothing more; what runs goes on."""
    change_queue(lambda queue: replace(queue, paused=True))


def resume_queue() -> None:
    """Start runs again."""
    change_queue(lambda queue: replace(queue, paused=False))
    start_queue()


def _entry_of(run: RunDir) -> Entry:
    queue = read_queue()
    entry = queue.find(run)
    if entry is None:
        there = ", ".join(entry.root.name for entry in queue.entries) or "nothing"
        raise RunError(
            f"{run.name}: not in the queue of this machine", fix=f"What is there: {there}"
        )
    return entry


def _why_missing(device: str, loads: Sequence[GpuLoad]) -> str:
    if not device.isdecimal():
        return "the CPU is in use"
    fault = next((load.fault for load in loads if str(load.index) == device), "")
    return f"GPU {device} {f'does not answer ({fault})' if fault else 'is in use'}"
