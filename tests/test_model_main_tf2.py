"""The flags of model_main_tf2.py: what is refused, before TensorFlow is imported.

Training and evaluating by them is in tests/runs/test_engine_runs.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USAGE = "  The flags: python -m odapi_runner.model_main_tf2 --help"
NO_INTEGER = "invalid literal for int() with base 10"
TF_CONFIG = (
    "  Set it on each machine, with the index of its own: "
    """TF_CONFIG='{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, """
    """"task": {"type": "worker", "index": 0}}'"""
)
NEVER_READ = "nor has it in the Object Detection API's script"


def model_main(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "odapi_runner.model_main_tf2", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ([], ["Error: missing --pipeline_config_path and --model_dir", USAGE]),
        (["--model_dir=m"], ["Error: missing --pipeline_config_path", USAGE]),
        (
            ["--modeldir=m"],
            ["Error: Unknown command line flag 'modeldir'. Did you mean: model_dir ?", USAGE],
        ),
        (
            ["--num_train_steps=many"],
            [f"Error: flag --num_train_steps=many: {NO_INTEGER}: 'many'", USAGE],
        ),
        (
            ["--model_dir=m", "--pipeline_config_path=c", "more"],
            ["Error: unexpected: more", USAGE],
        ),
    ],
)
def test_wrong_usage(tmp_path: Path, words: list[str], lines: list[str]) -> None:
    """Two lines and exit 2."""
    result = model_main(tmp_path, *words)

    assert result.returncode == 2
    assert result.stderr.splitlines() == lines


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["--pipeline_config_path=none"], ["Error: none: no such file", "  Check the path."]),
        (
            ["--pipeline_config_path", "none", "--use_tpu"],
            ["Error: --use_tpu: there is no TPU support", "  Train on a GPU or a CPU."],
        ),
        (
            ["-pipeline_config_path=none", "--nouse_tpu", "--num_workers=2"],
            ["Error: 2 workers train together, but TF_CONFIG does not say which ones", TF_CONFIG],
        ),
        (
            ["--pipeline_config_path=none", "--eval_on_train_data", "--alsologtostderr"],
            [
                f"Warning: --eval_on_train_data has no effect here: {NEVER_READ}",
                "Error: none: no such file",
                "  Check the path.",
            ],
        ),
    ],
)
def test_what_cannot_be_done(tmp_path: Path, words: list[str], lines: list[str]) -> None:
    """Two lines and exit 1; a flag without effect is named before them."""
    result = model_main(tmp_path, "--model_dir=m", *words)

    assert result.returncode == 1
    assert result.stderr.splitlines() == lines
    assert not (tmp_path / "m").exists()


def test_a_broken_config_is_named_by_line(tmp_path: Path) -> None:
    """As everywhere: file, line, column, and the field that was meant."""
    (tmp_path / "c").write_text("train_config {\n  num_stepz: 3\n}\n", encoding="utf-8")
    result = model_main(tmp_path, "--model_dir=m", "--pipeline_config_path=c")

    assert result.returncode == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("Error: c:2:3: ")
    assert '"num_steps"' in second


@pytest.mark.parametrize("folder", ["zoo", "./zoo/", "sub/../zoo"])
def test_the_folder_of_the_fine_tune_checkpoint_is_refused(tmp_path: Path, folder: str) -> None:
    """As in the Object Detection API: the checkpoint would count as the training's own."""
    (tmp_path / "sub").mkdir()
    text = 'train_config { fine_tune_checkpoint: "zoo/ckpt-0" }'
    (tmp_path / "c").write_text(text, encoding="utf-8")
    result = model_main(tmp_path, f"--model_dir={folder}", "--pipeline_config_path=c")

    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"Error: --model_dir={folder}: fine_tune_checkpoint zoo/ckpt-0 lies in that folder",
        "  Train into another folder.",
    ]


def test_help_lists_every_flag_of_the_script(tmp_path: Path) -> None:
    """Those of object_detection/model_main_tf2.py, and where they say what is different here."""
    result = model_main(tmp_path, "--help")

    assert result.returncode == 0
    for name in [
        "pipeline_config_path",
        "model_dir",
        "num_train_steps",
        "checkpoint_dir",
        "eval_timeout",
        "checkpoint_every_n",
        "num_workers",
        "[no]record_summaries",
        "sample_1_of_n_eval_examples",
        "sample_1_of_n_eval_on_train_examples",
        "[no]eval_on_train_data",
        "[no]use_tpu",
        "tpu_name",
    ]:
        assert f"--{name}:" in result.stdout
