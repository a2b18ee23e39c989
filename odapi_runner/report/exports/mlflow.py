"""Runs in MLflow: on a server, or in a store of files or a database.

A run has the tag `odapi.id`, by which it is found again: what MLflow has of it already stays, and
what is new is added. MLflow never forgets a parameter: one that `odapi resume -s` has changed
keeps the value with which the run was exported first; the config among the files is the newest.

Source: mlflow/utils/validation.py (which signs a name may have, how much a request may hold).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from odapi_runner.errors import OdapiError
from odapi_runner.report.exports.exported import Exported

ID_TAG = "odapi.id"

_FOREIGN = re.compile(r"[^/\w.\- :]")  # what no name may hold
_MOST_METRICS, _MOST_PARAMS = 1000, 100  # of one request
_LONGEST = 6000  # signs of a parameter's value
_ALLOW_FILES = "MLFLOW_ALLOW_FILE_STORE"
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nobody has asked for it
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is not there: seconds, not minutes
}


@dataclass(frozen=True, slots=True)
class Mlflow:
    """An experiment of an MLflow store."""

    client: Any  # mlflow.MlflowClient
    experiment: str  # its id

    @classmethod
    def connect(cls, place: str, experiment: str) -> Mlflow:
        """Find the experiment, or make it.

        Args:
            place: the address of a server, or `file:…` or `sqlite:…` of a store; empty:
                $MLFLOW_TRACKING_URI, else what MLflow takes by itself.
            experiment: its name, unless $MLFLOW_EXPERIMENT_NAME is another.

        Raises:
            OdapiError: MLflow is not installed, or says no.
        """
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise OdapiError(
                "MLflow is not installed", fix="pip install 'odapi[mlflow]', or mlflow itself."
            ) from error
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or experiment
        with _telling(place):
            client = MlflowClient(place or None)
            found = client.get_experiment_by_name(name)
            return cls(client, found.experiment_id if found else client.create_experiment(name))

    def send(self, run: Exported) -> str:
        """Export a run; where it is then.

        Raises:
            OdapiError: MLflow says no.
        """
        with _telling(run.name):
            number = self._find(run) or self._create(run)
            self._send_settings(run, number)
            self._send_numbers(run, number)
            for path in run.files:
                self.client.log_artifact(number, str(path))
            self.client.set_terminated(number)
        return f"{run.name}: MLflow run {number} in {self.client.tracking_uri}"

    def _find(self, run: Exported) -> str | None:
        condition = f"tags.`{ID_TAG}` = '{run.id}'"
        found = self.client.search_runs([self.experiment], condition, max_results=1)
        return str(found[0].info.run_id) if found else None

    def _create(self, run: Exported) -> str:
        made = self.client.create_run(
            self.experiment,
            start_time=_milliseconds(time.time() if run.started is None else run.started),
            tags={ID_TAG: run.id, "mlflow.source.name": "odapi"},
            run_name=run.name,
        )
        return str(made.info.run_id)

    def _send_settings(self, run: Exported, number: str) -> None:
        from mlflow.entities import Param

        there = self.client.get_run(number).data.params
        names = {_name(path): value for path, value in run.settings.items()}
        new = [Param(n, str(v)[:_LONGEST]) for n, v in names.items() if n not in there]
        for part in _in_parts(new, _MOST_PARAMS):
            self.client.log_batch(number, params=part)

    def _send_numbers(self, run: Exported, number: str) -> None:
        from mlflow.entities import Metric

        columns = dict.fromkeys(name for values in run.numbers.values() for name in values)
        there = {
            name: {point.step for point in self.client.get_metric_history(number, _name(name))}
            for name in columns
        }
        now = _milliseconds(time.time())
        new = [
            Metric(_name(name), value, now, step)
            for step, values in run.numbers.items()
            for name, value in values.items()
            if step not in there[name]
        ]
        for part in _in_parts(new, _MOST_METRICS):
            self.client.log_batch(number, metrics=part)


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Turn MLflow's errors into one sentence."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:  # that of requests is one, too
        said = str(error).partition("\n")[0]
        fix = "Give a server or a store that is there: --to mlflow=http://HOST:PORT"
        if _ALLOW_FILES in str(error):
            said = "MLflow takes a store of files only where that is allowed"
            fix = f"Allow it, {_ALLOW_FILES}=true, or take --to mlflow=sqlite:///mlflow.db"
        raise OdapiError(f"{what or 'MLflow'}: {said}", fix=fix) from error


def _name(path: str) -> str:
    """A path as a name of MLflow's: `a.b/random_crop_image.min_area` for `a.b[random_crop_image]…`.

    Brackets are slashes there, and other signs that no name may hold are underscores.
    """
    return _FOREIGN.sub("_", path.replace("[", "/").replace("]", ""))


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _in_parts(items: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + most] for start in range(0, len(items), most))
