"""A real Slurm on this machine: controller and one node, in folders of their own.

Debian's packages slurm-wlm and munge have the programs. The node's daemon runs under a host name
of its own, so that a job is on another machine as far as a run can tell.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from odapi_runner.runs.process import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "unshare")
NODE = "odapi-node"
# Jobs of the last one preempt those of the others: after a time of grace, and at once.
PARTITIONS = ("day", "noon", "night")
_SBIN = "/usr/sbin:/sbin"


def missing() -> list[str]:
    """What is not installed of it; that this user is not root, which the daemons need."""
    path = f"{os.environ['PATH']}:{_SBIN}"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    return [*absent, *(["root"] if os.geteuid() else [])]


@contextmanager
def running_slurm(cpus: int = 4) -> Iterator[dict[str, str]]:
    """Start it; gives what the environment of its commands holds."""
    with ExitStack() as stack:
        # The path of a socket has a hundred bytes at most: no place for the tests' own folders.
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        for name in ("state", "spool", "munge"):
            (root / name).mkdir(mode=0o755)
        config = root / "slurm.conf"
        config.write_text(_config(root, cpus), encoding="utf-8")
        environment = {"SLURM_CONF": str(config)}
        munge = root / "munge"
        key = munge / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        words = [f"--{name}={munge / name}" for name in ("socket", "pid-file", "log-file")]
        words += [f"--key-file={key}", f"--seed-file={munge / 'seed'}"]
        _start(stack, root, ["munged", "--foreground", "--force", *words], environment)
        _wait((munge / "socket").exists, root, "munged")
        _start(stack, root, ["slurmctld", "-D"], environment)
        own_name = ["unshare", "--uts", "sh", "-c", f'hostname {NODE} && exec "$@"', "sh"]
        node = ["slurmd", "-D", "-N", NODE]
        _start(stack, root, [*own_name, *node], environment)
        _wait(lambda: _is_idle(environment), root, "the node")
        stack.callback(_end_jobs, environment)
        yield environment


def _end_jobs(environment: dict[str, str]) -> None:
    """Leave no process of a job behind, whatever became of the tests."""
    _call(["scancel", "--user=root"], environment)
    # Numbers alone: it cuts names, within a letter, too.
    wait_until(lambda: not _call(["squeue", "--noheader", "--format=%A"], environment), 30)


def _config(root: Path, cpus: int) -> str:
    return f"""\
ClusterName=odapi
SlurmctldHost={socket.gethostname()}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={_free_port()}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
MpiDefault=none
KillWait=5
MinJobAge=10
NodeName={NODE} NodeAddr=127.0.0.1 Port={_free_port()} CPUs={cpus} State=UNKNOWN
PartitionName=day Nodes={NODE} Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime=20 State=UP
PartitionName=noon Nodes={NODE} MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=night Nodes={NODE} MaxTime=INFINITE PriorityTier=9 PreemptMode=OFF State=UP
"""


def _start(stack: ExitStack, root: Path, argv: list[str], more: dict[str, str]) -> None:
    environment = os.environ | more | {"PATH": f"{os.environ['PATH']}:{_SBIN}"}
    name = next(word for word in argv if word in PROGRAMS and word != "unshare")
    with (root / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=root
        )

    def end() -> None:
        process.terminate()
        process.wait(30)

    stack.callback(end)


def _wait(condition: Callable[[], bool], root: Path, what: str) -> None:
    if not wait_until(condition, 30):
        logs = "\n".join(path.read_text("utf-8")[-2000:] for path in root.glob("*.log"))
        raise AssertionError(f"{what} did not start\n{logs}")


def _is_idle(environment: dict[str, str]) -> bool:
    return "idle" in _call(["sinfo", "--noheader", "--format=%T"], environment)


def _call(argv: list[str], more: dict[str, str]) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, env=os.environ | more, check=False, timeout=30
    )
    return done.stdout


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
