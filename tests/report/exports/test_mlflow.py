"""Runs in MLflow: in a store of files, and on a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.report.exports.export import export
from odapi_runner.report.exports.mlflow import ID_TAG, _name
from odapi_runner.workspace import Workspace
from support.compared import write_run

QUIET = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


def see(place: str, experiment: str) -> list[Any]:
    """The runs of an experiment."""
    from mlflow import MlflowClient

    client = MlflowClient(place)
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id])) if found else []


def history(place: str, run: Any, metric: str) -> list[tuple[int, float]]:
    from mlflow import MlflowClient

    points = MlflowClient(place).get_metric_history(run.info.run_id, metric)
    return sorted((point.step, point.value) for point in points)


def files(place: str, run: Any) -> list[str]:
    from mlflow import MlflowClient

    return sorted(item.path for item in MlflowClient(place).list_artifacts(run.info.run_id))


def test_a_run_in_a_store_of_files(workspace: Workspace, tmp_path: Path) -> None:
    """Its settings, its metrics by step, its files, when it was started; the workspace's name."""
    place = f"file://{tmp_path / 'store'}"

    (where,) = export(["a"], to=f"mlflow={place}", workspace=workspace)

    (run,) = see(place, "내 실험")
    assert where == f"a: MLflow run {run.info.run_id} in {place}"
    assert run.info.run_name == "a"
    assert run.info.status == "FINISHED"
    assert run.info.start_time == 1767290645000  # 2026-01-01T18:04:05Z
    crop = "train_config.data_augmentation_options/random_crop_image.random_crop_image.min_area"
    assert run.data.params["train_config.batch_size"] == "4"
    assert run.data.params[crop] == "0.1"
    assert run.data.params["options.seed"] == "1"
    assert history(place, run, "mAP") == [(10, 0.25), (20, 0.5)]
    assert files(place, run) == ["pipeline.config", "run.json", "train.log"]


def test_a_second_export_adds_what_is_new(workspace: Workspace, tmp_path: Path) -> None:
    """The same run, each number once; another run is another one."""
    place = f"file://{tmp_path / 'store'}"
    export(["a"], to=f"mlflow={place}", workspace=workspace)
    (workspace.train / "a" / "detections" / "step-10.npz").rename(
        workspace.train / "a" / "detections" / "step-30.npz"
    )
    write_run(workspace.train / "b", {10: 0.125})

    export([], to=f"mlflow={place}", workspace=workspace)

    runs = {run.info.run_name: run for run in see(place, "내 실험")}
    assert sorted(runs) == ["a", "b"]
    assert history(place, runs["a"], "mAP") == [(10, 0.25), (20, 0.5)]
    assert len({run.data.tags[ID_TAG] for run in runs.values()}) == 2


def test_more_than_one_request_holds(workspace: Workspace, tmp_path: Path) -> None:
    """700 evaluations of two metrics: MLflow takes 1,000 numbers at once."""
    place = f"file://{tmp_path / 'store'}"
    rows = "".join(f"{step},0.5,0.25\n" for step in range(700))
    folder = workspace.train / "c"
    folder.mkdir()
    (folder / "metrics.csv").write_text(f"step,mAP,mAP_50\n{rows}", "utf-8")

    export(["c"], to=f"mlflow={place}", workspace=workspace)

    (run,) = see(place, "내 실험")
    assert len(history(place, run, "mAP_50")) == 700


def test_no_name_has_a_sign_that_mlflow_refuses() -> None:
    """Brackets are slashes; letters of any script may stay."""
    assert _name("DetectionBoxes_Recall/AR@100 (small) ByCategory/자동차") == (
        "DetectionBoxes_Recall/AR_100 _small_ ByCategory/자동차"
    )
    assert _name("a.list[name=val].shuffle") == "a.list/name_val.shuffle"


def test_what_mlflow_refuses_is_one_sentence(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of files that nobody has allowed; a server that is not there."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")

    with pytest.raises(OdapiError) as files_refused:
        export(["a"], to=f"mlflow=file://{tmp_path / 'store'}", workspace=workspace)
    with pytest.raises(OdapiError) as error:
        export(["a"], to=f"mlflow=http://127.0.0.1:{free_port()}", workspace=workspace)
    assert "only where that is allowed" in files_refused.value.what
    assert "MLFLOW_ALLOW_FILE_STORE=true" in files_refused.value.fix
    assert "\n" not in error.value.what
    assert error.value.fix.startswith("Give a server or a store that is there")


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real one, on files of its own."""
    port = free_port()
    argv = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    argv += ["--backend-store-uri", f"file://{tmp_path / 'store'}"]
    argv += ["--artifacts-destination", str(tmp_path / "artifacts")]
    log = (tmp_path / "server.log").open("wb")
    process = subprocess.Popen(
        argv, env=os.environ | QUIET, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)
        log.close()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"no MLflow server: {process.poll()}")


@pytest.mark.process
def test_a_run_on_a_server(workspace: Workspace, server: str) -> None:
    """Over the network, twice: as in a store of files, and its files lie on the server."""
    for _ in range(2):
        export(["a"], to=f"mlflow={server}", workspace=workspace)

    (run,) = see(server, "내 실험")
    assert run.data.params["train_config.batch_size"] == "4"
    assert history(server, run, "mAP") == [(10, 0.25), (20, 0.5)]
    assert history(server, run, "loss_total") == [(10, 1.0), (20, 2.0)]
    assert files(server, run) == ["pipeline.config", "run.json", "train.log"]
