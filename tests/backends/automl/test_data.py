"""What google/automl's main.py is evaluated on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from odapi_runner.backends.automl.data import count_examples, file_pattern, write_validation
from odapi_runner.formats.example import Annotated, decode_example, encode_example
from odapi_runner.formats.tfrecord import RecordWriter, read_records
from odapi_runner.proto.text import read_pipeline
from odapi_runner.workspace import Workspace
from support.workspaces import make_workspace, write_config


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Ten drawn images in four files, two of them for validation."""
    return make_workspace(tmp_path_factory.mktemp("자료 공간"))


def renamed(workspace: Workspace, names: list[str]) -> Path:
    """The validation's records under other source ids; the file's path."""
    files = sorted((workspace.data / "kitti").glob("val-*.record"))
    examples = [decode_example(record) for file in files for record in read_records(file)]
    path = workspace.data / "kitti" / f"{'-'.join(names).replace('/', '_')}.record"
    with RecordWriter(path) as writer:
        for example, name in zip(examples * 2, names, strict=False):
            writer.write(encode_example(replace(example, source_id=name)))
    return path


def test_numbers_stay(workspace: Workspace, tmp_path: Path) -> None:
    """KITTI's ids are numbers: no record is written again, and the COCO file has them."""
    reader = read_pipeline(write_config(workspace)).eval_input_reader[0]
    found = write_validation(reader, workspace.root, tmp_path)
    told = json.loads((tmp_path / "val.json").read_text(encoding="utf-8"))

    assert found.pattern == str(workspace.data / "kitti" / "val-*.record")
    assert [image["id"] for image in told["images"]] == [
        int(one) for one in found.groundtruth.source_ids
    ]
    assert {one["image_id"] for one in told["annotations"]} <= set(found.numbers.tolist())
    assert len(told["annotations"]) == len(found.groundtruth.boxes_xywh_px)
    assert told["annotations"][0]["bbox"] == found.groundtruth.boxes_xywh_px[0].tolist()
    assert [one["id"] for one in told["categories"]] == found.groundtruth.class_ids.tolist()


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["a/1.png", "b/2.png"], 2),
        (["16777216", "16777217"], 2),  # the same as floats of 32 bits
        (["7", "07"], 2),
        (["3", "3", "4"], 2),  # the second is left out, as the builtin engine does
    ],
)
def test_what_is_no_number_gets_one(
    workspace: Workspace, tmp_path: Path, names: list[str], kept: int
) -> None:
    """The records are written again with nothing but their source ids changed."""
    path = renamed(workspace, names)
    config = read_pipeline(write_config(workspace, f"eval_records={path}"))
    found = write_validation(config.eval_input_reader[0], workspace.root, tmp_path)

    def content(example: Annotated) -> tuple[bytes, bytes]:
        return example.encoded, example.boxes_yxyx_norm.tobytes()

    before = {example.source_id: example for example in map(decode_example, read_records(path))}
    after = [decode_example(record) for record in read_records(Path(found.pattern))]
    assert [example.source_id for example in after] == ["1", "2"][:kept]
    assert found.numbers.tolist() == [1, 2]
    unique = list(dict.fromkeys(names))
    if names != ["3", "3", "4"]:
        assert [content(one) for one in after] == [content(before[name]) for name in unique]
    told = json.loads((tmp_path / "val.json").read_text(encoding="utf-8"))
    assert [image["id"] for image in told["images"]] == [1, 2]


@pytest.mark.tf
def test_tensorflow_takes_the_later_source_id(workspace: Workspace, tmp_path: Path) -> None:
    """A value that follows counts, for the parser that the program reads records by, too."""
    import tensorflow as tf

    path = renamed(workspace, ["a", "b"])
    config = read_pipeline(write_config(workspace, f"eval_records={path}"))
    found = write_validation(config.eval_input_reader[0], workspace.root, tmp_path)
    keys = {
        "image/source_id": tf.io.FixedLenFeature((), tf.string, ""),
        "image/height": tf.io.FixedLenFeature((), tf.int64, -1),
    }
    parsed = [
        tf.io.parse_single_example(record, keys) for record in read_records(Path(found.pattern))
    ]

    assert [one["image/source_id"].numpy() for one in parsed] == [b"1", b"2"]
    assert all(one["image/height"].numpy() > 0 for one in parsed)


def test_several_patterns_become_one(workspace: Workspace, tmp_path: Path) -> None:
    """main.py takes one; further names of the files lie together."""
    reader = read_pipeline(write_config(workspace)).train_input_reader
    path = reader.tf_record_input_reader.input_path
    assert count_examples(reader, workspace.root) == 8
    path[:] = ["data/kitti/train-00000*", "data/kitti/train-00001*"]

    pattern = file_pattern(reader, workspace.root, tmp_path / "records")

    found = sorted((tmp_path / "records").glob(Path(pattern).name))
    assert [one.resolve() for one in found] == sorted(
        (workspace.data / "kitti").glob("train-*.record")
    )
    assert count_examples(reader, workspace.root) == 8


def test_files_that_are_no_longer_of_the_config_are_left_out(
    workspace: Workspace, tmp_path: Path
) -> None:
    """After `odapi resume -s` to fewer of them, none of the others is trained on."""
    reader = read_pipeline(write_config(workspace)).train_input_reader
    path = reader.tf_record_input_reader.input_path
    kitti = workspace.data / "kitti"
    first, second = sorted(kitti.glob("train-*.record"))
    third, *_ = sorted(kitti.glob("val-*.record"))
    path[:] = [str(first), str(second), str(third)]
    file_pattern(reader, workspace.root, tmp_path)
    path[:] = [str(third), str(second)]

    pattern = file_pattern(reader, workspace.root, tmp_path)

    found = [one.resolve() for one in sorted(tmp_path.glob(Path(pattern).name))]
    assert found == [third, second]
