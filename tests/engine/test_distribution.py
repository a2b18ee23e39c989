"""Replicas: two devices of one machine, and two workers, each a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.engine.distribution import Replicas, Worker
from odapi_runner.engine.input import Share
from odapi_runner.errors import ConfigError
from odapi_runner.formats.checkpoint_index import read_index
from odapi_runner.formats.runlog import read_events
from odapi_runner.proto.text import render_pipeline
from odapi_runner.report.logs import parse_log
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.ssd_configs import ssd_config
from support.workspaces import make_workspace

TESTS = Path(__file__).parent.parent
LOSSES = ("Loss/classification_loss", "Loss/localization_loss", "Loss/total_loss")
SETTINGS = (
    "model.ssd.feature_extractor.type=ssd_mobilenet_v1_keras",  # the least to trace
    "image_size=128",
    "train_config.batch_size=2",
    "learning_rate=0.01",
    "train_config.gradient_clipping_by_norm=1",
    "label_map=data/kitti/label_map.pbtxt",
    "train_records=data/kitti/train-*.record",
)
LOST = "Error: worker 0 of 2 cannot go on: another one has ended, or is out of reach"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Ten drawn images, eight of them for training, and `two.config`."""
    place = make_workspace(tmp_path_factory.mktemp("replicas"))
    text = render_pipeline(ssd_config("ssd_mobilenet_v2", *SETTINGS))
    (place.root / "two.config").write_text(text, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def two_replicas(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """What `support.two_replicas` leaves, and what it found."""
    folder = tmp_path_factory.mktemp("mirrored")
    start("support.two_replicas", "two.config", str(folder), cwd=workspace.root).wait()
    return folder, json.loads((folder / "found.json").read_text("utf-8"))


def start(
    module: str, *words: str, cwd: Path, log: Path | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    """`python -m module`, quiet but for what odapi says."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(TESTS), "PYTHONUNBUFFERED": "1"}
    with (log or Path(os.devnull)).open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=cwd,
            env=os.environ | quiet | environment,
            stdout=stream,
            stderr=stream if log else None,
        )


@contextmanager
def two_workers(
    workspace: Workspace, logs: Path, module: str, *words: str
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A command on both of two machines, which are this one."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        hosts = [f"127.0.0.1:{port.getsockname()[1]}" for port in (one, other)]
    started = [
        start(
            module,
            *words,
            cwd=workspace.root,
            log=logs / f"{index}.log",
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in range(2)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def wait_for(has_come: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Until something has come, or a process has ended."""
    while not has_come() and process.poll() is None:
        time.sleep(0.1)


def test_a_batch_is_of_all_replicas(two_replicas: tuple[Path, dict[str, Any]]) -> None:
    """Losses are the means of those of the halves; of clipped gradients each half counts half."""
    _, found = two_replicas

    for tag in LOSSES:
        halves = [half[tag] for half in found["halves"]]
        assert found["losses"][0][tag] == pytest.approx(sum(halves) / 2, rel=1e-4)
    assert found["off"] < 1e-4  # 1.3e-6 was seen


def test_two_replicas_go_on_where_they_were(two_replicas: tuple[Path, dict[str, Any]]) -> None:
    """The second step after the checkpoint, and once more from it: the same losses."""
    _, found = two_replicas
    _, uninterrupted, resumed = found["losses"]

    assert resumed == pytest.approx(uninterrupted, rel=1e-4)


def test_a_checkpoint_does_not_know_how_many_made_it(
    two_replicas: tuple[Path, dict[str, Any]],
) -> None:
    """One replica goes on from that of two, with nothing left over; no key tells of replicas."""
    folder, found = two_replicas
    keys = read_index(folder / "ckpt-2").tensors.keys()

    assert found["resumed"] == [1, 0]
    assert "optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE" in keys
    assert not [key for key in keys if "replica" in key]


def test_workers_stop_together_go_on_and_end_together(
    workspace: Workspace, two_replicas: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """SIGTERM to one saves and ends both; they go on there; one that is killed ends the other.

    Two workers are two replicas: their losses are those of two devices of one machine.
    """
    _, found = two_replicas
    run = RunDir(tmp_path / "run")
    log = tmp_path / "0.log"
    words = ["--config", "two.config", "--run-dir", str(run.root), "--workers", "2"]
    words += ["--num-steps", "1000", "--log-every", "1", "--seed", "3"]
    with two_workers(workspace, tmp_path, "odapi_runner.engine.train", *words) as (chief, other):
        wait_for(lambda: "Step 2 per-step" in log.read_text("utf-8"), chief)
        other.send_signal(signal.SIGTERM)
        assert (chief.wait(), other.wait()) == (0, 0), log.read_text("utf-8")
    rows = parse_log(log.read_text("utf-8").splitlines()).train
    for row, losses in zip(rows, found["losses"][:2], strict=False):
        for tag in LOSSES:
            assert row.values[tag] == pytest.approx(losses[tag], rel=1e-3)
    last = rows[-1].step
    assert f"Training stopped at step {last}" in log.read_text("utf-8")
    # Nothing of the other worker is there: neither lines nor checkpoints nor event files.
    assert (tmp_path / "1.log").read_text("utf-8").count("Step ") == 0
    assert run.checkpoints() == [1, 2]
    assert len(list(run.events.iterdir())) == len(list(run.train_events.iterdir())) == 1

    words = ["--pipeline_config_path=two.config", f"--model_dir={run.root}", "--num_workers=2"]
    words += ["--num_train_steps=1000"]
    with two_workers(workspace, tmp_path, "odapi_runner.model_main_tf2", *words) as (chief, other):
        wait_for(lambda: kinds(run).count("first_step") == 2, chief)
        other.kill()
        assert chief.wait() == 1
    assert LOST in log.read_text("utf-8").splitlines()
    steps = [event["step"] for event in read_events(run) if event["kind"] == "started"]
    assert steps == [0, last]
    assert kinds(run)[-1] == "failed"


def kinds(run: RunDir) -> list[str]:
    return [event["kind"] for event in read_events(run)]


class _Of:
    """As much of a strategy as a share asks for."""

    def __init__(self, replicas: int) -> None:
        self.num_replicas_in_sync = replicas


@pytest.mark.parametrize(
    ("replicas", "worker", "share"),
    [
        (1, Worker(0, 1), Share(0, 8)),
        (4, Worker(0, 1), Share(0, 8)),
        (2, Worker(1, 2), Share(4, 4)),
        (8, Worker(3, 4), Share(6, 2)),
    ],
)
def test_each_worker_reads_its_own_images(replicas: int, worker: Worker, share: Share) -> None:
    """Of a batch of eight: those of its replicas, in the order of the workers."""
    of: Any = _Of(replicas)

    assert Replicas(of, worker).share(8) == share


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    """Eight images for three devices."""
    of: Any = _Of(3)

    with pytest.raises(ConfigError) as error:
        Replicas(of).share(8)
    assert error.value.what == "a batch of 8 images cannot be shared equally by 3 devices"
    assert error.value.fix == "-s batch_size=9"
