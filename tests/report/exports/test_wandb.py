"""Runs in Weights & Biases: what its own process writes while it is offline."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.report.exports.export import export
from odapi_runner.workspace import Workspace

BLOCK, HEADER = 32768, 7


def read_records(path: Path) -> Iterator[Any]:
    """The messages of a .wandb file: a log as LevelDB has them, behind seven bytes of its own.

    A record is a checksum, a length and a kind (1: whole, 2 to 4: its first, a middle, its last
    part), then its bytes; none goes beyond the end of a block.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts = path.read_bytes(), HEADER, b""
    while place + HEADER <= len(data):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        parts += data[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if kind in {1, 4}:
            yield Record.FromString(parts)
            parts = b""


def read_whole(path: Path) -> list[Any]:
    """All of it: W&B's own process writes on for a moment after the run has finished."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        records = list(read_records(path))
        if records and records[-1].WhichOneof("record_type") == "exit":
            return records
        time.sleep(0.05)
    raise AssertionError(f"{path} has no end")


@pytest.mark.process
def test_a_run_is_written_with_its_settings_numbers_and_files(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the workspace; nothing of the process that exports it is in it."""
    monkeypatch.setenv("WANDB_MODE", "offline")

    (where,) = export(["a"], to="wandb=detectors", workspace=workspace)

    (folder,) = (workspace.root / "wandb").glob("offline-run-*")
    (path,) = folder.glob("*.wandb")
    records = read_whole(path)
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    config = {item.key or item.nested_key[0]: item.value_json for item in run.config.update}
    rows = [
        {item.key or item.nested_key[0]: json.loads(item.value_json) for item in each.history.item}
        for each in records
        if each.WhichOneof("record_type") == "history"
    ]
    names = {entry.path for each in records for entry in each.artifact.manifest.contents}
    assert where == f"a: {folder}"
    assert (run.project, run.display_name) == ("detectors", "a")
    assert json.loads(config["train_config.batch_size"]) == 4
    told = [{name: row[name] for name in ("_step", "mAP", "loss_total")} for row in rows]
    assert told == [
        {"_step": 10, "mAP": 0.25, "loss_total": 1.0},
        {"_step": 20, "mAP": 0.5, "loss_total": 2.0},
    ]
    assert names == {"pipeline.config", "run.json", "train.log"}
    assert not (folder / "files" / "requirements.txt").exists()


@pytest.mark.process
def test_without_a_login_it_is_said_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    """No question is asked; a process of its own, since W&B keeps its settings in the process."""
    home = {"HOME": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path)}
    environment = {name: v for name, v in os.environ.items() if not name.startswith("WANDB_")}
    argv = [sys.executable, "-m", "odapi_runner", "compare", "a", "--to", "wandb"]

    done = subprocess.run(
        [*argv, "-w", str(workspace.root)],
        env=environment | home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1
    *_, what, fix = done.stderr.splitlines()
    assert what.startswith("Error: a: ")
    assert fix == "  wandb login, or WANDB_MODE=offline and wandb sync later"
