"""TF_CONFIG: who trains together."""

from __future__ import annotations

import json

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.formats.cluster import Cluster, parse_cluster, read_cluster


def config(task: str, index: int, **jobs: list[str]) -> str:
    return json.dumps({"cluster": jobs, "task": {"type": task, "index": index}})


@pytest.mark.parametrize(
    ("text", "cluster"),
    [
        (config("worker", 0, worker=["a:1", "b:1"]), Cluster(("a:1", "b:1"), 0)),
        (config("worker", 1, worker=["a:1", "b:1"]), Cluster(("a:1", "b:1"), 1)),
        (config("chief", 0, chief=["c:1"], worker=["a:1"]), Cluster(("c:1", "a:1"), 0)),
        (config("worker", 0, chief=["c:1"], worker=["a:1"]), Cluster(("c:1", "a:1"), 1)),
    ],
)
def test_workers_and_the_own_place_among_them(text: str, cluster: Cluster) -> None:
    """The chief comes first; without one it is worker 0."""
    assert parse_cluster(text) == cluster
    assert cluster.is_chief == (cluster.index == 0)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "TF_CONFIG is not what it should be: {"),
        ("[]", "TF_CONFIG is not what it should be: []"),
        ('{"cluster": 1}', 'TF_CONFIG is not what it should be: {"cluster": 1}'),
        (
            config("worker", 2, worker=["a:1", "b:1"]),
            'TF_CONFIG: the task "worker" 2 is no worker of the cluster',
        ),
        (
            config("evaluator", 0, worker=["a:1"], evaluator=["b:1"]),
            'TF_CONFIG: the task "evaluator" 0 is no worker of the cluster',
        ),
    ],
)
def test_what_is_no_cluster(text: str, what: str) -> None:
    """A sentence, and how it is written."""
    with pytest.raises(ConfigError) as error:
        parse_cluster(text)

    assert error.value.what == what
    assert error.value.fix.startswith('As in: TF_CONFIG=\'{"cluster": ')


def test_the_number_of_workers_is_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """More or fewer than named would wait for one another without an end."""
    monkeypatch.setenv("TF_CONFIG", config("worker", 0, worker=["a:1", "b:1"]))

    assert read_cluster(2).workers == ("a:1", "b:1")
    with pytest.raises(ConfigError, match=r"names 2 workers \(a:1, b:1\), 3 are to train"):
        read_cluster(3)


def test_workers_that_nobody_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TF_CONFIG there is nobody to wait for."""
    monkeypatch.delenv("TF_CONFIG", raising=False)

    with pytest.raises(ConfigError, match="TF_CONFIG does not say which ones"):
        read_cluster(2)
