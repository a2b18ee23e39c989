"""KITTI folders into datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated, decode_example
from odapi_runner.formats.label_map import build_label_map, read_label_map, write_label_map
from odapi_runner.formats.tfrecord import read_records
from odapi_runner.records.kitti import convert_kitti, parse_label

from .conftest import MakeKitti

REST = "1.5 1.6 3.9 0.1 1.5 20.0 1.57"


def line(name: str, box: str, *, truncated: str = "0.00", occluded: int = 0) -> str:
    return f"{name} {truncated} {occluded} 1.85 {box} {REST}\n"


def dontcare(box: str) -> str:
    return f"DontCare -1 -1 -10 {box} -1 -1 -1 -1000 -1000 -1000 -10\n"


def read_split(folder: Path, split: str) -> dict[str, Annotated]:
    paths = sorted(folder.glob(f"{split}-*.record"))
    values = [decode_example(data) for path in paths for data in read_records(path)]
    return {value.source_id: value for value in values}


def read_notes(folder: Path) -> dict[str, Any]:
    text = (folder / "annotations.jsonl").read_text("utf-8")
    return {note["source_id"]: note for note in map(json.loads, text.splitlines())}


CAR = line("Car", "10.00 20.00 60.00 40.00")
CAR_SHOWN = "(xmin 10, ymin 20, xmax 60, ymax 40)"


def test_real_frames(images: Path, tmp_path: Path) -> None:
    """KITTI's own frames: normalised boxes, DontCare for every class, images byte by byte."""
    out = tmp_path / "kitti"

    dataset = convert_kitti(images / "kitti", out, val_fraction=0)

    value = read_split(out, "train")["000001"]
    source = images / "kitti" / "training" / "image_2" / "000001.png"
    assert value.encoded == source.read_bytes()
    assert (value.height, value.width, value.image_format) == (375, 1242, "png")
    # Truck is not used; Car 387.63 181.54 423.81 203.12, Cyclist 676.60 163.95 688.98 193.93.
    expected = [
        [181.54 / 375, 387.63 / 1242, 203.12 / 375, 423.81 / 1242],
        [163.95 / 375, 676.60 / 1242, 193.93 / 375, 688.98 / 1242],
    ]
    np.testing.assert_allclose(value.boxes_yxyx_norm[:2], expected, rtol=1e-6)
    np.testing.assert_allclose(value.area[:2], [36.18 * 21.58, 12.38 * 29.98], rtol=1e-5)
    # Four DontCare regions for three classes, behind the objects.
    assert value.class_names == ("Car", "Cyclist", *("Car", "Pedestrian", "Cyclist") * 4)
    assert value.class_ids.tolist() == [1, 3, *[1, 2, 3] * 4]
    for flags in (value.is_crowd, value.group_of):
        assert flags.tolist() == [False] * 2 + [True] * 12
    assert value.weight is not None
    assert value.weight.tolist() == [1.0] * 2 + [0.0] * 12
    assert read_split(out, "train")["000000"].weight is None
    assert dataset.splits["train"].boxes == {"Car": 2, "Pedestrian": 1, "Cyclist": 1}
    assert dataset.splits["train"].ignored_regions == 4


def test_what_is_kept_beside(images: Path, tmp_path: Path) -> None:
    """Occlusion, the third dimension and other classes are in annotations.jsonl."""
    convert_kitti(images / "kitti", tmp_path / "kitti", val_fraction=0)

    objects = read_notes(tmp_path / "kitti")["000001"]["objects"]
    assert [(item["name"], item["in_record"]) for item in objects] == [
        ("Truck", None),
        ("Car", 0),
        ("Cyclist", 1),
        *(("DontCare", place) for place in (2, 5, 8, 11)),
    ]
    assert objects[2] == {
        "name": "Cyclist",
        "in_record": 1,
        "box_xyxy_px": [676.6, 163.95, 688.98, 193.93],
        "truncated": 0.0,
        "difficult": False,
        "occluded": 3,
        "alpha": -1.65,
        "dimensions_hwl_m": [1.86, 0.6, 2.02],
        "location_xyz_m": [4.59, 1.32, 45.84],
        "rotation_y": -1.55,
    }


@pytest.mark.parametrize(
    ("policy", "names", "ignored"),
    [("ignore", ["Car", "Car", "Car"], 1), ("drop", ["Car", "Car"], 0), ("overlap", ["Car"], 0)],
)
def test_dontcare(
    make_kitti: MakeKitti, tmp_path: Path, policy: Any, names: list[str], ignored: int
) -> None:
    """Ignored, dropped, or dropped with every box that shares any area with it."""
    far = line("Car", "70 0 90 20")
    # This region overlaps the first car by a pixel and touches the second one at an edge only.
    label = CAR + far + dontcare("59 20 70 40")

    convert_kitti(
        make_kitti({"a": label}),
        tmp_path / "out",
        classes=["Car"],
        dontcare=policy,
        val_fraction=0,
    )

    value = read_split(tmp_path / "out", "train")["a"]
    assert list(value.class_names) == names
    assert int(value.group_of.sum()) == ignored
    assert value.boxes_yxyx_norm[0, 1] == pytest.approx(0.7 if policy == "overlap" else 0.1)


def test_boxes_are_clipped(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """A box over the edge of the image of 100x50 is cut there; its area is what is left."""
    label = line("Car", "-10 -5 20 25", truncated="0.44") + line("Car", "80 30 140 70")

    convert_kitti(make_kitti({"a": label}), tmp_path / "out", val_fraction=0)

    value = read_split(tmp_path / "out", "train")["a"]
    np.testing.assert_allclose(value.boxes_yxyx_norm, [[0, 0, 0.5, 0.2], [0.6, 0.8, 1, 1]])
    assert value.area.tolist() == [500, 400]
    assert value.truncated.tolist() == [np.float32(0.44), 0]


def test_split_is_a_share_of_the_images(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """floor(0.2 * 11) = 2 images; the same seed chooses the same ones, another seed others."""
    folder = make_kitti({f"{number:06d}": CAR for number in range(11)})

    def chosen(seed: int) -> set[str]:
        out = tmp_path / f"seed-{seed}"
        convert_kitti(folder, out, seed=seed, overwrite=True)
        val, train = read_split(out, "val"), read_split(out, "train")
        assert len(train) == 9
        assert not train.keys() & val.keys()
        return set(val)

    assert len(chosen(0)) == 2
    assert chosen(0) == chosen(0)
    assert len({frozenset(chosen(seed)) for seed in range(4)}) > 1


def test_listed_split_with_korean_names(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """Names need not be numbers, and classes not English."""
    folder = make_kitti({"서울-1": line("승용차", "1 1 9 9"), "서울.2": CAR, "부산": ""})
    listed = tmp_path / "검증.txt"
    listed.write_text("서울-1.png\n\n서울.2\n", encoding="utf-8")
    out = tmp_path / "데이터"

    dataset = convert_kitti(folder, out, classes=["Car", "승용차"], val_ids=listed)

    assert set(read_split(out, "val")) == {"서울-1", "서울.2"}
    assert read_split(out, "val")["서울-1"].class_names == ("승용차",)
    assert read_label_map(out / "label_map.pbtxt").names() == ("Car", "승용차")
    # An empty label file is an image on which there is nothing.
    assert read_split(out, "train")["부산"].boxes_yxyx_norm.shape == (0, 4)
    assert dataset.splits["train"].images_without_boxes == 1


BAD = {
    "000000": CAR + "Car 0.00 0\n",
    "000001": CAR + line("Car", "60 20 10 40"),
    "000002": line("Car", "10 20 10 40") + CAR,
    "000003": line("Car", "200 20 300 40") + CAR,
    "000004": line("Car", "10 nan 20 40") + CAR,
    "000005": CAR.replace("0.00", "x"),
    "000006": None,
    "000007": CAR,
}
BAD_WHY = """\
label_2/000000.txt:2: 15 values expected, 3 found
label_2/000001.txt:2: Car: the box is inverted (xmin 60, ymin 20, xmax 10, ymax 40)
label_2/000002.txt:1: Car: the box has no area (xmin 10, ymin 20, xmax 10, ymax 40)
label_2/000003.txt:1: Car: the box is outside the image of 100x50 \
(xmin 200, ymin 20, xmax 300, ymax 40)
label_2/000004.txt:1: Car: the box is not finite (xmin 10, ymin nan, xmax 20, ymax 40)
label_2/000005.txt:1: Car: could not convert string to float: 'x'
image_2/000006.png: there is no label file label_2/000006.txt"""


@pytest.mark.parametrize("word", ["inf", "nan", "1e400"])
def test_an_occlusion_is_a_whole_number(word: str) -> None:
    """What is none makes a bad line, with what stands there."""
    objects, faults = parse_label(CAR + CAR.replace("0.00 0", f"0.00 {word}"), Path("a.txt"))

    assert len(objects) == 1
    assert [(fault.line, fault.why) for fault in faults] == [(2, f"Car: {word} is no occlusion")]


def test_bad_annotations_stop_the_conversion(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """Each is named with file, line and why, and nothing is written."""
    folder = make_kitti(BAD)

    with pytest.raises(DataError) as caught:
        convert_kitti(folder, tmp_path / "out")

    assert caught.value.what.replace(f"{folder}/training/", "") == BAD_WHY
    assert caught.value.fix == (
        "Nothing was written. Repair the annotations, or leave them out with --skip-bad."
    )
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_bad_annotations_are_left_out_when_asked(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """Their images go with them: an object without a place would be background.

    What is beside its image is on none, and keeps none out. dataset.json tells all.
    """
    folder, out = make_kitti(BAD), tmp_path / "out"

    dataset = convert_kitti(folder, out, skip_bad=True, val_fraction=0)

    assert set(read_split(out, "train")) == {"000003", "000007"}
    assert dataset.splits["train"].boxes["Car"] == 2
    told = json.loads((out / "dataset.json").read_text("utf-8"))["left_out"]
    beside = "(xmin 200, ymin 20, xmax 300, ymax 40)"
    assert "\n".join(told).replace(f"{folder}/training/", "") == BAD_WHY.replace(
        beside, f"{beside}; its image stays"
    )


def test_images_cut_short_are_found_by_decoding(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """A header is whole as long as the image has one."""
    folder = make_kitti({"a": CAR, "b": CAR})
    path = folder / "training" / "image_2" / "a.png"
    path.write_bytes(path.read_bytes()[:-40])

    assert convert_kitti(folder, tmp_path / "all", val_fraction=0).splits["train"].images == 2
    with pytest.raises(DataError, match=r"a\.png: the image cannot be read .*truncated"):
        convert_kitti(folder, tmp_path / "out", val_fraction=0, decode=True)
    left = convert_kitti(folder, tmp_path / "out", val_fraction=0, decode=True, skip_bad=True)
    assert set(read_split(left.folder, "train")) == {"b"}


def test_many_bad_annotations_are_counted(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """Ten are listed, the others told by number."""
    folder = make_kitti({"a": "wrong\n" * 25})

    with pytest.raises(DataError) as caught:
        convert_kitti(folder, tmp_path / "out")
    assert len(caught.value.what.splitlines()) == 11
    assert caught.value.what.endswith("and 15 more: 25 bad annotations")


def test_images_that_are_none(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """A text, a GIF, a name used twice and a label without an image are bad annotations."""
    from PIL import Image

    folder = make_kitti({"a": CAR, "b": CAR, "c": CAR})
    pictures = folder / "training" / "image_2"
    (pictures / "a.png").write_text("no image", encoding="utf-8")
    Image.new("L", (9, 9)).save(pictures / "b.png", format="GIF")
    Image.new("L", (9, 9)).save(pictures / "c.jpg")
    (folder / "training" / "label_2" / "d.txt").write_text(CAR, encoding="utf-8")

    with pytest.raises(DataError) as caught:
        convert_kitti(folder, tmp_path / "out")
    assert caught.value.what.replace(f"{folder}/training/", "").splitlines() == [
        "image_2/c.png: c.jpg has the same name",
        "label_2/d.txt: there is no image of this name",
        "image_2/a.png: not an image",
        "image_2/b.png: the image is GIF; records hold PNG and JPEG only",
        "label_2/c.txt:1: Car: the box is outside the image of 9x9 " + CAR_SHOWN,
    ]


@pytest.mark.parametrize(
    ("options", "what", "fix"),
    [
        ({"classes": ["car"]}, "no label is a car", "Did you mean Car?"),
        ({"classes": ["Tram"]}, "no label is a Tram; the labels hold Car, Van", "--classes"),
        ({"classes": ["Car", "DontCare"]}, "DontCare is no class", "--dontcare"),
        ({"classes": ["Car", "Car"]}, "these are no classes: Car, Car", "once"),
        ({"val_fraction": 0.4}, "0.4 of 2 images is less than one image", "larger"),
        ({"val_fraction": 1.0}, "leaves nothing to train on", "below 1"),
    ],
)
def test_options_that_cannot_be_met(
    make_kitti: MakeKitti, tmp_path: Path, options: dict[str, Any], what: str, fix: str
) -> None:
    """Misspelled classes and empty splits are said before anything is written."""
    folder = make_kitti({"a": CAR + line("Van", "1 1 9 9"), "b": ""})

    with pytest.raises(DataError) as caught:
        convert_kitti(folder, tmp_path / "out", **options)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert not (tmp_path / "out").exists()


def test_shards(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """Records are spread evenly in name order; there are no more shards than images."""
    folder, out = make_kitti({f"{number}": CAR for number in range(7)}), tmp_path / "out"

    convert_kitti(folder, out, shards=4, val_fraction=0.15)

    sizes = {path.name: len(list(read_records(path))) for path in sorted(out.glob("*.record"))}
    assert sizes == {
        "train-00000-of-00004.record": 1,
        "train-00001-of-00004.record": 2,
        "train-00002-of-00004.record": 1,
        "train-00003-of-00004.record": 2,
        "val-00000-of-00001.record": 1,
    }
    assert list(read_split(out, "train")) == sorted(read_split(out, "train"))


def test_nothing_is_lost(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """A dataset is replaced when that is asked for, foreign files and other label maps never."""
    folder, out = make_kitti({"a": CAR, "b": CAR}), tmp_path / "out"
    write_label_map(out / "label_map.pbtxt", build_label_map(("Other",)))
    with pytest.raises(DataError, match=r"holds another label_map\.pbtxt"):
        convert_kitti(folder, out, val_fraction=0.5)

    # The label map that is to be written may be there already: a repository shows it.
    write_label_map(out / "label_map.pbtxt", build_label_map(("Car", "Pedestrian", "Cyclist")))
    convert_kitti(folder, out, val_fraction=0.5)
    first = (out / "train-00000-of-00001.record").read_bytes()
    with pytest.raises(DataError, match="holds a dataset"):
        convert_kitti(folder, out, val_fraction=0.5)
    convert_kitti(folder, out, val_fraction=0, overwrite=True)
    assert (out / "train-00000-of-00002.record").read_bytes() == first
    assert not list(out.glob("val-*"))

    (out / "notes.txt").touch()
    with pytest.raises(DataError, match=r"holds what odapi did not write: notes\.txt"):
        convert_kitti(folder, out, val_fraction=0.5, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "out"]


def test_failure_leaves_the_old_dataset(
    make_kitti: MakeKitti, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that vanishes while records are written undoes the whole conversion."""
    folder, out = make_kitti({"a": CAR, "b": CAR}), tmp_path / "out"
    convert_kitti(folder, out, val_fraction=0.5)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def tracking(items: Any, title: str) -> Any:
        if title == "val":
            (folder / "training" / "image_2" / f"{items[0].source_id}.png").unlink()
        return items

    with pytest.raises(DataError, match="No such file"):
        convert_kitti(folder, out, val_fraction=0.5, overwrite=True, track=tracking)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "out"]


@pytest.mark.tf
def test_tensorflow_reads_the_records(make_kitti: MakeKitti, tmp_path: Path) -> None:
    """TensorFlow parses a record as the Object Detection API's decoder asks for it."""
    import tensorflow as tf

    label = CAR + dontcare("0 0 9 9")
    convert_kitti(make_kitti({"한국": label}), tmp_path / "out", val_fraction=0)

    data = next(iter(tf.data.TFRecordDataset(str(tmp_path / "out/train-00000-of-00001.record"))))
    parsed = tf.io.parse_single_example(
        data,
        {
            "image/encoded": tf.io.FixedLenFeature((), tf.string),
            "image/source_id": tf.io.FixedLenFeature((), tf.string),
            "image/height": tf.io.FixedLenFeature((), tf.int64),
            "image/object/bbox/xmin": tf.io.VarLenFeature(tf.float32),
            "image/object/class/label": tf.io.VarLenFeature(tf.int64),
            "image/object/class/text": tf.io.VarLenFeature(tf.string),
            "image/object/is_crowd": tf.io.VarLenFeature(tf.int64),
            "image/object/weight": tf.io.VarLenFeature(tf.float32),
        },
    )
    assert tf.io.decode_image(parsed["image/encoded"]).shape == (50, 100, 3)
    assert parsed["image/source_id"].numpy().decode() == "한국"
    assert parsed["image/object/class/label"].values.numpy().tolist() == [1, 1, 2, 3]
    assert parsed["image/object/is_crowd"].values.numpy().tolist() == [0, 1, 1, 1]
    assert parsed["image/object/weight"].values.numpy().tolist() == [1, 0, 0, 0]
