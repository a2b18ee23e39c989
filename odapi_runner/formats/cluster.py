"""TF_CONFIG: which machines train together, and which of them this one is.

    {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

Each worker is started with the same `cluster` and its own `task`. The first of them, or the one
called `chief`, leads: it alone writes checkpoints, events and log lines.

Source: tf.distribute.cluster_resolver.TFConfigClusterResolver.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from odapi_runner.errors import ConfigError

VARIABLE = "TF_CONFIG"
_WORKING = ("chief", "worker")  # a cluster's other tasks do not train
_EXAMPLE = (
    f"""{VARIABLE}='{{"cluster": {{"worker": ["HOST:PORT", "HOST:PORT"]}}, """
    """"task": {"type": "worker", "index": 0}}'"""
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers of one training."""

    workers: tuple[str, ...]  # host:port of each, the chief first
    index: int  # this one's

    @property
    def is_chief(self) -> bool:
        return self.index == 0


def read_cluster(workers: int) -> Cluster:
    """The cluster that this process's environment names.

    Args:
        workers: how many there are to be.

    Raises:
        ConfigError: there is none, it has another number of workers, or this is none of them.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        raise ConfigError(
            f"{workers} workers train together, but {VARIABLE} does not say which ones",
            fix=f"Set it on each machine, with the index of its own: {_EXAMPLE}",
        )
    cluster = parse_cluster(text)
    if len(cluster.workers) != workers:
        raise ConfigError(
            f"{VARIABLE} names {len(cluster.workers)} workers ({', '.join(cluster.workers)}), "
            f"{workers} are to train",
            fix="Give the number of those that it names, or name all of them.",
        )
    return cluster


def parse_cluster(text: str) -> Cluster:
    """Parse TF_CONFIG.

    Raises:
        ConfigError: it is not written as it should be, or this process is no worker of it.
    """
    try:
        value = json.loads(text)
        jobs: dict[str, Any] = {name: value["cluster"].get(name, []) for name in _WORKING}
        task, number = value["task"]["type"], int(value["task"]["index"])
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{VARIABLE} is not what it should be: {text}", fix=f"As in: {_EXAMPLE}"
        ) from error
    own = jobs.get(task, [])
    if not 0 <= number < len(own):
        raise ConfigError(
            f'{VARIABLE}: the task "{task}" {number} is no worker of the cluster',
            fix=f"As in: {_EXAMPLE}",
        )
    before = len(jobs["chief"]) if task == "worker" else 0
    return Cluster(tuple(map(str, [*jobs["chief"], *jobs["worker"]])), before + number)
