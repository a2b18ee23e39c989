"""What was asked of a run: `run.json`; a change on the way is a file of its own (`RunDir`).

Nothing of the environment is written but the variables that odapi sets itself.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from odapi_runner import __version__, files
from odapi_runner.errors import RunError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions

FORMAT = 1

# What a result may depend on.
_PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tf-models-official",
    "numpy",
    "protobuf",
    "faster-coco-eval",
)
_DIGESTED_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 of what the run reads, by the path written in its config."""

    config: str
    label_maps: Mapping[str, str]
    records: Mapping[str, str]  # of samples: see `digest_records`


@dataclass(frozen=True, slots=True)
class Sweep:
    """Of which sweep a run is one."""

    name: str
    values: Mapping[str, str]  # of what varies, as typed, by path, or `patch`


@dataclass(frozen=True, slots=True)
class RunSpec:
    """The content of run.json."""

    name: str
    created: str  # ISO 8601 with the offset of the local time
    command: tuple[str, ...]  # as typed; empty when started by a call
    engine: str
    device: str  # as asked: "visible", "auto", "all", "none", or numbers of GPUs
    environment: Mapping[str, str]  # set for the trainer
    num_steps: int
    overrides: tuple[str, ...]  # of the config that it began with, in the order given
    options: RunOptions
    versions: Mapping[str, str]
    digests: Digests
    parent: str | None = None  # the run whose checkpoint this one starts from
    parent_step: int | None = None  # of that checkpoint
    sweep: Sweep | None = None
    deletes: tuple[str, ...] = ()  # fields that a resume has left out
    adopted: str | None = None  # the folder of a training that odapi did not start
    format: int = field(default=FORMAT)

    def dump(self, run: RunDir, revision: int = 1) -> None:
        """Write it: as it was at the start, or a later revision."""
        files.write_json(run.run_json_of(revision), asdict(self))

    @classmethod
    def load(cls, run: RunDir) -> RunSpec:
        """Read the run.json that counts.

        Raises:
            RunError: it is not there, or not one of this odapi's.
        """
        try:
            return _build(files.read_json(run.run_json))
        except FileNotFoundError as error:
            raise RunError(
                f"{run.root}: there is no run here (no run.json)",
                fix="The runs of this workspace: odapi status",
            ) from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            revision = run.revision()
            fix = f"Restore the file, or start the run anew: odapi train --config {run.config}"
            if revision > 1:
                fix = f"Restore the file, or remove it: the run is as revision {revision - 1} then."
            raise RunError(
                f"{run.run_json}: not the run.json of a run ({error})", fix=fix
            ) from error


def _build(value: dict[str, Any]) -> RunSpec:
    if value["format"] != FORMAT:
        raise TypeError(f'"format" is {value["format"]}, this odapi reads {FORMAT}')
    return RunSpec(
        **value
        | {
            "command": tuple(value["command"]),
            "overrides": tuple(value["overrides"]),
            "deletes": tuple(value.get("deletes", ())),
            "options": RunOptions(**value["options"]),
            "digests": Digests(**value["digests"]),
            "sweep": Sweep(**value["sweep"]) if value.get("sweep") else None,
        }
    )


def read_versions() -> dict[str, str]:
    """The versions of odapi, of Python and of the packages that a result depends on."""
    found = {"odapi": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def digest_records(paths: Iterable[Path]) -> str:
    """A digest of record files from the name, size, head and tail of each.

    Reading all of a large dataset would take minutes; a record file that was converted anew
    differs in these.
    """
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_DIGESTED_BYTES)
            stream.seek(max(0, size - _DIGESTED_BYTES))
            tail = stream.read(_DIGESTED_BYTES)
        digest.update(f"{path.name} {size} ".encode() + head + tail)
    return digest.hexdigest()
