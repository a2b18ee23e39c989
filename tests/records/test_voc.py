"""Pascal VOC folders into datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated, decode_example
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.tfrecord import read_records
from odapi_runner.records.voc import convert_voc

from .conftest import MakeVoc


def voc_object(name: str, box: tuple[object, ...], extra: str = "") -> str:
    corners = "".join(
        f"<{tag}>{side}</{tag}>"
        for tag, side in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object>\n<name>{name}</name>{extra}<bndbox>{corners}</bndbox>\n</object>\n"


def voc(*objects: str, size: tuple[int, int] = (100, 50)) -> str:
    width, height = size
    return (
        "<annotation>\n<filename>elsewhere.jpg</filename>"
        f"<size><width>{width}</width><height>{height}</height></size>\n"
        f"{''.join(objects)}</annotation>\n"
    )


CAT = voc_object("cat", (10, 20, 60, 40))


def read_split(folder: Path, split: str) -> dict[str, Annotated]:
    paths = sorted(folder.glob(f"{split}-*.record"))
    values = [decode_example(data) for path in paths for data in read_records(path)]
    return {value.source_id: value for value in values}


def test_raccoons(images: Path, tmp_path: Path) -> None:
    """Every fifth image in name order is for validation, beginning with the first."""
    folder, out = images / "raccoon", tmp_path / "raccoon"

    dataset = convert_voc(folder / "images", folder / "annotations", out, val_every=5)

    assert (dataset.splits["train"].images, dataset.splits["val"].images) == (160, 40)
    boxes = sum(counts.boxes["raccoon"] for counts in dataset.splits.values())
    assert boxes == 217
    names = sorted(path.name for path in (folder / "images").iterdir())
    assert [value.filename for value in read_split(out, "val").values()] == names[::5]
    # 650x417: (81, 88, 522, 408), divided as it stands, like the Object Detection API does.
    first = {**read_split(out, "train"), **read_split(out, "val")}["raccoon-1"]
    np.testing.assert_allclose(
        first.boxes_yxyx_norm, [[88 / 417, 81 / 650, 408 / 417, 522 / 650]], rtol=1e-6
    )
    assert first.area.tolist() == [441 * 320]
    assert first.encoded == (folder / "images" / "raccoon-1.jpg").read_bytes()
    assert (first.image_format, first.class_names) == ("jpeg", ("raccoon",))


def test_classes_come_from_the_data(make_voc: MakeVoc, tmp_path: Path) -> None:
    """Without --classes all names, sorted; flags, other names and empty images are kept."""
    flags = "<truncated>1</truncated><difficult>1</difficult><pose>Left</pose>"
    images, annotations = make_voc(
        {
            "가.jpg": voc(voc_object("고양이", (0, 0, 50, 25), flags), CAT),
            "나.png": voc(voc_object("dog", (90, 40, 120, 60))),
            "다.jpeg": voc(),
        }
    )

    convert_voc(images, annotations, tmp_path / "out", val_every=3)

    assert read_label_map(tmp_path / "out" / "label_map.pbtxt").names() == ("cat", "dog", "고양이")
    value = read_split(tmp_path / "out", "val")["가"]
    assert value.class_names == ("고양이", "cat")
    assert value.class_ids.tolist() == [3, 1]
    assert value.difficult.tolist() == [True, False]
    assert value.truncated.tolist() == [1, 0]
    train = read_split(tmp_path / "out", "train")
    np.testing.assert_allclose(train["나"].boxes_yxyx_norm, [[0.8, 0.9, 1, 1]], rtol=1e-6)
    assert train["나"].image_format == "png"
    assert train["다"].boxes_yxyx_norm.shape == (0, 4)


def test_chosen_classes(make_voc: MakeVoc, tmp_path: Path) -> None:
    """Ids follow --classes; what is not named stays beside the records."""
    dog = voc_object("dog", (1, 1, 9, 9), "<pose>Left</pose>")
    images, annotations = make_voc({"a.jpg": voc(dog, CAT), "b.jpg": voc(CAT)})
    out = tmp_path / "out"

    dataset = convert_voc(images, annotations, out, classes=["cat"], val_fraction=0)

    assert dataset.splits["train"].boxes == {"cat": 2}
    assert dataset.splits["train"].beside == 1
    note = json.loads((out / "annotations.jsonl").read_text("utf-8").splitlines()[0])
    assert [(item["name"], item["in_record"]) for item in note["objects"]] == [
        ("dog", None),
        ("cat", 0),
    ]
    assert note["objects"][0]["pose"] == "Left"


def test_bad_annotations_are_named(make_voc: MakeVoc, tmp_path: Path) -> None:
    """Each with file, line of the object and why; with skip_bad the other images are converted."""
    images, annotations = make_voc(
        {
            "a.jpg": voc(CAT, "<object><bndbox/></object>\n"),
            "b.jpg": voc(CAT, "<object><name>cat</name></object>\n"),
            "c.jpg": voc(voc_object("cat", (1, 2, "three", 4))),
            "d.jpg": voc(voc_object("cat", (60, 20, 10, 40))),
            "e.jpg": voc(CAT, size=(50, 100)),
            "f.jpg": "<annotation><object></annotation>",
            "g.jpg": "<kml></kml>",
            "h.jpg": None,
            "raccoon-1.jpg": voc(CAT),
        }
    )
    (annotations / "raccoon_1.xml").write_text(voc(), encoding="utf-8")
    expected = """\
annotations/raccoon_1.xml: there is no image of this name. Did you mean "raccoon-1"?
annotations/a.xml:6: the object has no <name>
annotations/b.xml:6: cat: the object has no <bndbox>
annotations/c.xml:3: cat: <xmax> is not a number: 'three'
annotations/d.xml:3: cat: the box is inverted (xmin 60, ymin 20, xmax 10, ymax 40)
annotations/e.xml: <size> is 50x100, but e.jpg is 100x50
annotations/f.xml: not XML: mismatched tag: line 1, column 22
annotations/g.xml: <annotation> expected, <kml> found
images/h.jpg: there is no annotation h.xml"""

    with pytest.raises(DataError) as caught:
        convert_voc(images, annotations, tmp_path / "out")
    assert caught.value.what.replace(f"{tmp_path}/", "") == expected

    dataset = convert_voc(images, annotations, tmp_path / "out", skip_bad=True, val_fraction=0)
    assert set(read_split(tmp_path / "out", "train")) == {"raccoon-1"}
    assert dataset.splits["train"].boxes == {"cat": 1}
    assert len(dataset.left_out) == 9


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"classes": ["Cat"]}, "no label is a Cat"),
        ({"val_every": 1}, "every 1. image for validation leaves nothing to train on"),
    ],
)
def test_options_that_cannot_be_met(
    make_voc: MakeVoc, tmp_path: Path, options: dict[str, Any], what: str
) -> None:
    """Misspelled classes and empty splits are said before anything is written."""
    images, annotations = make_voc({"a.jpg": voc(CAT), "b.jpg": voc(CAT)})

    with pytest.raises(DataError) as caught:
        convert_voc(images, annotations, tmp_path / "out", **options)
    assert caught.value.what == what
    assert not (tmp_path / "out").exists()


def test_folders_that_are_none(make_voc: MakeVoc, tmp_path: Path) -> None:
    """An absent folder, one without images and annotations without objects are named."""
    images, annotations = make_voc({"a.jpg": voc(), "b.jpg": voc()})

    for arguments, what in (
        ((tmp_path / "absent", annotations), "absent: not a folder"),
        ((images, tmp_path / "absent"), "absent: not a folder"),
        ((annotations, annotations), "there is no PNG or JPEG image"),
        ((images, annotations), "no annotation holds an object"),
    ):
        with pytest.raises(DataError, match=what):
            convert_voc(*arguments, tmp_path / "out")
