"""Small annotated folders, made for each test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image

WIDTH, HEIGHT = 100, 50

MakeKitti = Callable[[Mapping[str, str | None]], Path]
MakeVoc = Callable[[Mapping[str, str | None]], tuple[Path, Path]]


def write_image(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A colour of its own for each name: contents differ as they would.
    Image.new("RGB", (width, height), (sum(map(ord, path.stem)) % 256, 90, 90)).save(path)


@pytest.fixture
def make_kitti(tmp_path: Path) -> MakeKitti:
    """Build a KITTI folder of label texts by image id; None: no label file."""

    def make(labels: Mapping[str, str | None]) -> Path:
        folder = tmp_path / "KITTI 원본"
        (folder / "training" / "label_2").mkdir(parents=True)
        for stem, text in labels.items():
            write_image(folder / "training" / "image_2" / f"{stem}.png")
            if text is not None:
                label = folder / "training" / "label_2" / f"{stem}.txt"
                label.write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def make_voc(tmp_path: Path) -> MakeVoc:
    """Build VOC's two folders of XML texts by file name of the image; None: no XML."""

    def make(annotations: Mapping[str, str | None]) -> tuple[Path, Path]:
        images, texts = tmp_path / "images", tmp_path / "annotations"
        texts.mkdir()
        for name, text in annotations.items():
            write_image(images / name)
            if text is not None:
                (texts / f"{Path(name).stem}.xml").write_text(text, encoding="utf-8")
        return images, texts

    return make
