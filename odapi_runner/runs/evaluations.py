"""The evaluator of a run under its supervisor: started when something waits, and after crashes.

A checkpoint that is damaged, or on which it crashes again and again, is left out, and it is the
next one's turn. Where it cannot even begin, or says itself what is wrong, all goes on waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from odapi_runner.backends import Backend
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.child import QUIET, Child
from odapi_runner.runs.gpus import HIDDEN
from odapi_runner.runs.hang import EVALUATION, LEAST_SECONDS, HangWatch
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.queue import skip_oldest
from odapi_runner.runs.policies.reject import find_damage
from odapi_runner.runs.process import describe_exit

NICE = 10
_GRACE_SECONDS = 20


class Evaluations:
    """What the evaluator does, and what has become of its crashes.

    Attributes:
        left_out: a sentence for each checkpoint that is not evaluated for them.
    """

    def __init__(
        self,
        run: RunDir,
        lock: int,
        backend: Backend,
        options: RunOptions,
        events: EventLog,
        *,
        hung_after: float = LEAST_SECONDS,
    ) -> None:
        """Begin without a process; `hung_after` is what is no hang of it, in seconds."""
        self._run, self._lock, self._options, self._events = run, lock, options, events
        self._crashes: Counter[int | None] = Counter()  # by checkpoint; None: none was begun
        self._given_up = ""
        self.left_out: list[str] = []
        self._hangs = HangWatch(run, events, hung_after, EVALUATION)
        self._child = Child(
            "evaluator",
            "eval",
            lambda: backend.evaluator_argv(run, options=options),
            lambda: QUIET | HIDDEN,
            nice=NICE,
        )

    def look(self) -> None:
        """See what has become of it, and start it where something waits."""
        if not self._options.evaluate:
            return
        for number in skip_oldest(self._run, self._options.eval_backlog):
            self._events.write("skipped", number=number)
        code = self._child.collect(self._events)
        if self._child.process:
            self._hangs.look(self._child.process.pid)
        if code is not None and self._run.pending_checkpoints():
            self._take_crash(code)
        if not self._child.is_running and self.is_busy():
            self._child.start(self._run, self._lock, self._events)

    def is_busy(self) -> bool:
        """Whether it runs, or has something to do and may be started for it."""
        if self._child.is_running:
            return True
        wanted = self._options.evaluate and not self._given_up
        return wanted and bool(self._run.pending_checkpoints())

    def end(self, is_urgent: Callable[[], bool]) -> None:
        """End it: what waits goes on waiting."""
        self._child.end(_GRACE_SECONDS, is_urgent)
        self._child.collect(self._events)

    def why_given_up(self) -> str:
        """Why something waits that nobody evaluates."""
        return self._given_up or f"checkpoints wait: odapi resume {self._run.typed}"

    def _take_crash(self, code: int) -> None:
        first = self._run.pending_checkpoints()[0]
        if (damage := find_damage(self._run.pending / f"ckpt-{first}")) is not None:
            self._leave_out(first, damage)
            return
        told = [
            event
            for event in read_events(self._run)
            if event.get("role") == "eval" and event["time"] >= self._child.started_at
        ]
        if told and told[-1]["kind"] == "failed":  # it would say so again
            self._give_up(f"{told[-1]['what']}. {told[-1]['fix']}")
            return
        begun = _last_begun(told)
        self._crashes[begun] += 1
        count = self._crashes[begun]
        if count <= self._options.eval_retries:
            return
        logs = f"odapi logs {self._run.typed} --eval"
        if begun is None:
            self._give_up(f"the evaluator {describe_exit(code)} {count} times: {logs}")
        else:
            self._leave_out(begun, f"the evaluator crashed on it {count} times: {logs}")

    def _leave_out(self, number: int, why: str) -> None:
        what = f"ckpt-{number} is not evaluated: {why}"
        self._run.drop_pending(number)
        self._events.write("unevaluated", number=number, what=what)
        self.left_out.append(what)

    def _give_up(self, why: str) -> None:
        self._given_up = why
        self._events.write("evaluator_given_up", starts=self._child.starts, what=why)


def _last_begun(told: Sequence[dict[str, Any]]) -> int | None:
    """The checkpoint whose evaluation was begun and not ended, by the events of an evaluator."""
    begun: int | None = None
    for event in told:
        if event["kind"] == "evaluating":
            begun = event["number"]
        elif event["kind"] == "evaluated":
            begun = None
    return begun
