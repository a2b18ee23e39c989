"""A person's notebook of experiments: the numbers, what was set and removed, and the remarks.

Its layout is that of `pipeline.patching.notebook`. Below "=" stand the results, as they were
copied there: a log's lines of any format, COCO's table, or a name and a value a line:

    DetectionBoxes_Precision/mAP = 0.7153152
    global_step = 135813
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from odapi_runner.metrics import TAG_OF_COLUMN
from odapi_runner.pipeline.patching.notebook import Experiment, Section, parse_notebook
from odapi_runner.report.grammars import coco_table
from odapi_runner.report.grammars.grammar import NAME, VALUE, Grammar, as_step
from odapi_runner.report.rows import EvalRow, Remarks
from odapi_runner.report.scan import Findings, Problem, Scanner

FORMAT = "notebook"
_NAMED = re.compile(rf"\s*(?:[-*] )?({NAME})\s*[=:]\s*({VALUE})\s*[,;]?\s*")
_STEPS = ("global_step", "step")


def read_experiments(
    text: str, grammars: Sequence[Grammar], findings: Findings
) -> Iterator[tuple[int, EvalRow, Remarks]]:
    """Number, metrics and remarks of each experiment, by their numbers.

    Below "=" may stand lines of logs, which the grammars read.
    An experiment without results has no metrics. What stands among the results and is none is a
    problem; in the notes nothing is looked for.
    """
    experiments = [each for each in parse_notebook(text).experiments if each.number is not None]
    for each in sorted(experiments, key=lambda each: (each.number or 0, each.line)):
        findings.formats[FORMAT] += 1
        yield each.number or 0, _read_results(each, grammars, findings), _remarks(each)


def render_patch(experiment: Remarks) -> str:
    """What an experiment changes, as `odapi render --patch` takes it."""
    parts = {"set": experiment.set, "remove": experiment.remove}
    return "".join(f"{kind}\n{textwrap.indent(text, '  ')}" for kind, text in parts.items() if text)


def _read_results(
    experiment: Experiment, grammars: Sequence[Grammar], findings: Findings
) -> EvalRow:
    scanner = Scanner(grammars)
    named: dict[str, float] = {}
    unread = []
    for line in experiment.results.splitlines():
        if found := None if coco_table.parse_line(line) else _NAMED.fullmatch(line):
            named[TAG_OF_COLUMN.get(found[1], found[1])] = float(found[2])
        elif line.strip():
            unread.append(line)
    rows = [*scanner.feed("".join(f"{line}\n" for line in unread).encode()), *scanner.close()]
    told = [row for row in rows if isinstance(row, EvalRow)]
    if unread and not told:
        why = f"experiment {experiment.number} has results that are no metrics"
        findings.add(Problem(experiment.line, why, unread[0]))
    for problem in scanner.findings.problems:
        findings.add(Problem(experiment.line, problem.why, problem.text))
    step, metrics = None, dict[str, float]()
    for row in told:
        step, metrics = row.step if row.step is not None else step, metrics | row.metrics
    steps = [as_step(named.pop(name)) for name in _STEPS if name in named]
    return EvalRow(steps[0] if steps else step, metrics | named)


def _remarks(experiment: Experiment) -> Remarks:
    return Remarks(
        set=_joined(experiment.sections, "set"),
        remove=_joined(experiment.sections, "remove"),
        note="".join(map(_dedented, (experiment.note, experiment.prose))),
    )


def _joined(sections: tuple[Section, ...], kind: str) -> str:
    parts = [section.text.partition("\n") for section in sections if section.kind == kind]
    return "".join(_dedented(first.strip()) + _dedented(rest) for first, _, rest in parts)


def _dedented(text: str) -> str:
    """A text without what all of its lines are indented by, and without blank lines around it."""
    lines = textwrap.dedent(text.expandtabs()).splitlines()
    found = "\n".join(line.rstrip() for line in lines).strip("\n")
    return f"{found}\n" if found else ""
