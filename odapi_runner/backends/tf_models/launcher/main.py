"""The command line of the launcher: what it is told, and running the program."""

from __future__ import annotations

import json
import runpy
import sys

from . import shims
from .messages import Messages

_PROGRAM = "object_detection.model_main_tf2"
_ROLES = ("train", "eval", "run", "list")
_USAGE = (
    'usage: python -m odapi_runner.backends.tf_models run \'{"research": "DIR/research"}\' -- '
    "--pipeline_config_path=… --model_dir=…"
)


def main(words: list[str]) -> None:
    """Make a training (`train`) or evaluations (`eval`) of a run, or only `list` the shims.

    The role `run` runs the program as it is, on the shims that it needs.

    Args:
        words: the role, its settings as JSON, `--`, and the program's flags.
    """
    if len(words) < 3 or words[0] not in _ROLES or words[2] != "--":
        sys.exit(_USAGE)
    role, text, _, *flags = words
    settings = json.loads(text)
    shims.put_on_path(settings["research"])
    if role == "list":
        print(json.dumps(shims.apply_and_tell()))
        return
    messages = Messages(settings.get("messages"))
    sys.excepthook = messages.tell_crash
    messages.tell("shims", names=shims.apply_needed())
    if role == "train":
        from .training import Training

        Training(settings, messages).install()
    elif role == "eval":
        from .evaluation import Evaluation

        Evaluation(settings, messages).install()
    sys.argv[1:] = flags
    runpy.run_module(_PROGRAM, run_name="__main__", alter_sys=True)
