"""Kill a run at random moments, resume it, and look whether anything was lost."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from odapi_runner import files
from odapi_runner.formats.runlog import read_events, read_progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import ProcessId, wait_until
from odapi_runner.runs.status import processes, read_status
from torture.truths import find_faults, holders, newest_whole

VICTIMS = ("supervisor", "trainer", "evaluator", "all")
_SECONDS = 120.0  # how long anything may take before it is a fault of its own


@dataclass(frozen=True, slots=True)
class Blow:
    """A kill as it was drawn: whom, and when."""

    number: int
    victim: str
    early: bool  # counted from the start of the processes, else from the first step
    after: float  # seconds


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a kill: a line of the log."""

    number: int
    victim: str  # as drawn
    early: bool
    after: float
    killed: tuple[str, ...]  # who was there
    phase: str  # of the trainer, by its last heartbeat
    state: str  # what `odapi status` said of the run afterwards
    checkpoint: int  # the newest whole one
    step: int  # of it: where training had to go on
    seconds: float | None  # from the kill to the next step; None: there was none
    faults: tuple[str, ...]
    load: float  # of the machine, over the last minute


@dataclass(frozen=True, slots=True)
class Torture:
    """How a run is resumed and stopped, and how long its parts take."""

    run: RunDir
    resume: Callable[[], None]
    stop: Callable[[], None]
    seed: int
    start_seconds: float  # about how long a start takes
    step_seconds: float  # within how long after the first step a kill comes

    def draw(self, number: int) -> Blow:
        """The kill of a number: the same for the same seed, wherever a torture goes on."""
        draws = random.Random(f"{self.seed}/{number}")
        victim = draws.choice(VICTIMS)
        early = draws.random() < 0.25
        after = draws.uniform(0, self.start_seconds if early else self.step_seconds)
        return Blow(number, victim, early, round(after, 3))

    def go_on(self, kills: int, log: Path) -> list[Result]:
        """Make the kills that a log does not have yet, up to so many; the run is stopped then.

        A line of the log is written once it is known what followed on its kill.
        """
        results = read_log(log)
        if len(results) < kills:
            step, since = newest_whole(self.run)[1], time.time()
            self.resume()
            self._await_step(step, since)
            while len(results) < kills:
                result = self._suffer(self.draw(len(results) + 1))
                files.append_line(log, json.dumps(asdict(result), ensure_ascii=False))
                results.append(result)
            self.stop()
        return results

    def _suffer(self, blow: Blow) -> Result:
        """Kill, resume, wait for a step; a kill during the start is followed by no wait for one."""
        if blow.early:
            self.stop()
            self.resume()
        time.sleep(blow.after)
        there = processes(self.run)
        beat = read_progress(self.run, "train") or {}
        killed = self._kill(blow, there)
        at, since = time.monotonic(), time.time()
        faults, state = self._await_end(killed)
        number, step = newest_whole(self.run)
        if killed == ("evaluator",):
            step = int(beat.get("step", 0))  # the training has not been touched
        else:
            faults += find_faults(self.run)
            since = time.time()  # the killed one's children may have made a step before they ended
            self.resume()
        seconds = time.monotonic() - at if self._await_step(step, since) else None
        if seconds is None:
            faults.append(f"no step within {_SECONDS:g} s")
        if killed != ("evaluator",) and (begun := self._begun_at()) != step:
            faults.append(f"training went on from step {begun}")
        phase = str(beat.get("phase"))
        load = round(os.getloadavg()[0], 2)
        return Result(
            **asdict(blow), killed=killed, phase=phase, state=state, checkpoint=number, step=step,
            seconds=None if seconds is None else round(seconds, 2), faults=tuple(faults), load=load,
        )  # fmt: skip

    def _kill(self, blow: Blow, there: dict[str, ProcessId]) -> tuple[str, ...]:
        """Kill whom it was drawn for, or whoever is there where that one is not."""
        names = (blow.victim,) if blow.victim in there else tuple(sorted(there))
        for name in names:
            os.kill(there[name].pid, signal.SIGKILL)
        return names

    def _await_end(self, killed: tuple[str, ...]) -> tuple[list[str], str]:
        """Wait for what follows by itself; faults, and what the status says then."""
        if killed == ("evaluator",):
            state = read_status(self.run).state
            return ([] if state == "running" else [f"the run is {state}"]), state
        if "supervisor" in killed:
            expected = {"lost"}
        else:  # it has seen the end of the trainer, and evaluates what waits
            wait_until(lambda: read_status(self.run).state != "running", _SECONDS)
            if read_status(self.run).is_live:
                self.stop()
            expected = {"failed", "stopped"}
        wait_until(lambda: not holders(self.run), _SECONDS)
        state = read_status(self.run).state
        return ([] if state in expected else [f"the run is {state}"]), state

    def _begun_at(self) -> int | None:
        """From which step the latest trainer went on."""
        started = [event for event in read_events(self.run, "train") if event["kind"] == "started"]
        event = started[-1] if started else {}
        step = event.get("step", event.get("resumed_from_step"))
        return None if step is None else int(step)

    def _await_step(self, step: int, since: float) -> bool:
        """Wait for a step beyond one, made after a moment; False where none comes."""

        def has_stepped() -> bool:
            beat = read_progress(self.run, "train") or {}
            if beat.get("time", 0.0) > since and (beat.get("step") or 0) > step:
                return True
            events = read_events(self.run, "train")
            return any(one["kind"] == "first_step" and one["time"] > since for one in events)

        return wait_until(has_stepped, _SECONDS)


def read_log(log: Path) -> list[Result]:
    """The kills of a log, in their order; nothing where there is none yet."""
    if not log.exists():
        return []
    lines = (json.loads(line) for line in log.read_text("utf-8").splitlines())
    return [
        Result(**line | {"killed": tuple(line["killed"]), "faults": tuple(line["faults"])})
        for line in lines
    ]
