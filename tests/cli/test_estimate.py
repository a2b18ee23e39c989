"""`odapi estimate`, by the engine itself."""

from __future__ import annotations

import json
from pathlib import Path

import pynvml
import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.proto.text import render_pipeline
from support import nvml
from support.ssd_configs import ssd_config

pytestmark = pytest.mark.tf

RESIZER = "model.ssd.image_resizer"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An SSD MobileNet V2 of 3 classes; its records are nowhere."""
    path = tmp_path / "내 설정.config"
    path.write_text(render_pipeline(ssd_config("ssd_mobilenet_v2")), encoding="utf-8")
    return path


def odapi_estimate(*words: object) -> Result:
    return CliRunner().invoke(main, ["estimate", *map(str, words)], catch_exceptions=False)


def test_a_config_is_estimated_without_its_records(config: Path) -> None:
    """By batch: input and activations grow with it, weights do not; what fits is said."""
    words = ["-s", "image_size=128", "--batch", 1, "--batch", 4, "--memory", "4GB"]
    result = odapi_estimate(config, *words, "--format", "json")

    assert result.exit_code == 0, result.output
    one, four = json.loads(result.stdout)
    assert [one["batch"], four["batch"]] == [1, 4]
    assert one["weights"] == four["weights"] > 5
    assert four["activations"] == pytest.approx(4 * one["activations"], rel=0.1)
    assert four["cpu"] > four["gpu"] > four["activations"] > 50
    assert four["fits"] == "yes"
    size, fits, rest = result.stderr.splitlines()
    assert size == "Input 128 x 128, float32; MiB"
    assert fits.startswith("In 4 GiB fit batches of ")
    assert fits.endswith(", by an estimate not measured on a GPU yet")
    assert rest == "2.5 GiB of them are for driver, CUDA and screen, not for TensorFlow"


def test_images_of_any_size_need_a_word(config: Path) -> None:
    """The config leaves them as they are: how large they are has to be said."""
    unchanged = f"{RESIZER}={{ identity_resizer {{ }} }}"
    result = odapi_estimate(config, "-s", unchanged, "-s", "train_config.batch_size=1")

    assert result.exit_code == 1
    assert result.stdout == ""
    what, fix = result.stderr.splitlines()
    assert what.startswith("Error: model.ssd.image_resizer leaves images as large as they are")
    assert fix.endswith("as in --image-size 1080x1920")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--memory", "viel"], '"viel" is no size of a memory as in 8GB or 7800MiB.'),
        (["--image-size", "1080"], '"1080" is not HEIGHTxWIDTH, as in 1080x1920.'),
    ],
)
def test_wrong_usage(config: Path, words: list[str], why: str) -> None:
    """A clear sentence, before anything is started."""
    result = odapi_estimate(config, *words)

    assert result.exit_code == 2
    assert why in result.stderr


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("kitti-d9", 'Did you mean "kitti-d7" or '),
        ("smal", 'Did you mean "small"?'),
        ("xyz", "The presets: odapi presets   The runs: odapi status"),
    ],
)
def test_a_name_that_is_not_there(tmp_path: Path, name: str, fix: str) -> None:
    """The nearest pipeline or preset is named, before anything is started."""
    pipeline = tmp_path / "pipelines" / "small" / "pipeline.config"
    pipeline.parent.mkdir(parents=True)
    pipeline.write_text(render_pipeline(ssd_config("ssd_mobilenet_v2")), encoding="utf-8")
    result = odapi_estimate(name, "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    what, remedy = result.stderr.splitlines()
    assert what.startswith(f'Error: "{name}": neither a config nor the name of a run')
    assert remedy.strip().startswith(fix)


def test_a_driver_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much memory there is has to be said then; nothing else needs the driver."""
    nvml.pretend(monkeypatch, nvmlInit=pynvml.NVML_ERROR_UNKNOWN)
    note = (
        "note: NVIDIA's driver does not answer (Unknown Error); say how much memory there is: "
        "--memory SIZE"
    )

    assert odapi_estimate("none-such", "-w", tmp_path).stderr.splitlines()[0] == note
    assert note not in odapi_estimate("none-such", "--memory", "8GB", "-w", tmp_path).stderr


def test_a_preset_is_taken_as_it_would_be_rendered(tmp_path: Path) -> None:
    """It need not be rendered, and is not; its model is the one that changes have to fit."""
    result = odapi_estimate("kitti-d0", "-s", "model.faster_rcnn.num_classes=x", "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: model.faster_rcnn")
    assert list(tmp_path.iterdir()) == []
