"""What a checkpoint holds, read without TensorFlow; the writer is that of tests/support."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.errors import CheckpointError
from odapi_runner.formats.bundle_messages import BundleEntry, BundleHeader, ObjectGraph
from odapi_runner.formats.checkpoint_index import (
    CheckpointIndex,
    check_shards,
    read_bytes,
    read_index,
    read_step,
    read_tensor,
)
from odapi_runner.formats.object_graph import read_graph
from support.checkpoints import string_tensor, table, write_checkpoint

SHAPES = {
    "model/_feature_extractor/_efficientnet/layer_with_weights-0/kernel": (3, 3, 3, 32),
    "model/_box_predictor/bias": (27,),
    "model/scale": (),
}
KERNEL = "model/_feature_extractor/_efficientnet/layer_with_weights-0/kernel"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def stored(tmp_path: Path, **more: object) -> CheckpointIndex:
    return read_index(Path(write_checkpoint(tmp_path / "ckpt-7", SHAPES, **more)))  # type: ignore[arg-type]


def test_keys_shapes_and_types(tmp_path: Path) -> None:
    """Each tensor by its key, ascending; the graph of the objects is one of them."""
    index = stored(tmp_path, step=1200, dtypes={"model/scale": "bfloat16"})

    assert {key: (entry.dtype, entry.shape) for key, entry in index.tensors.items()} == {
        "_CHECKPOINTABLE_OBJECT_GRAPH": ("string", ()),
        f"model/_box_predictor/bias{VALUE}": ("float32", (27,)),
        f"{KERNEL}{VALUE}": ("float32", (3, 3, 3, 32)),
        f"model/scale{VALUE}": ("bfloat16", ()),
        f"step{VALUE}": ("int64", ()),
    }
    assert list(index.tensors) == sorted(index.tensors)
    assert (index.shards, index.is_object_based, read_step(index)) == (1, True, 1200)
    assert index.shard(0) == tmp_path / "ckpt-7.data-00000-of-00001"
    check_shards(index)


def test_single_tensors(tmp_path: Path) -> None:
    """A tensor is read alone, in its shape; bfloat16 as float32; the graph is no array."""
    index = stored(tmp_path, dtypes={"model/scale": "bfloat16"})

    bias = read_tensor(index, f"model/_box_predictor/bias{VALUE}")
    assert (bias.dtype.name, bias.shape, bias.any()) == ("float32", (27,), False)
    assert read_tensor(index, f"model/scale{VALUE}").dtype.name == "float32"
    with pytest.raises(CheckpointError, match="is no array of numbers"):
        read_tensor(index, "_CHECKPOINTABLE_OBJECT_GRAPH")
    with pytest.raises(KeyError):
        read_tensor(index, "model/absent")


def test_a_published_detector_has_no_step(tmp_path: Path) -> None:
    """Only a training saves one."""
    assert read_step(stored(tmp_path)) is None


def test_the_graph_is_followed_along_its_edges(tmp_path: Path) -> None:
    """The second path to an object is in the graph alone: its key is the first."""
    alias = "model/_feature_extractor/classification_backbone"
    graph = read_graph(
        stored(
            tmp_path,
            aliases={alias: "model/_feature_extractor/_efficientnet"},
            slots=("momentum", "average"),
        )
    )

    backbone = graph.find("model", "_feature_extractor", "classification_backbone")
    assert backbone is not None
    assert graph.variables(backbone) == {"layer_with_weights-0/kernel": KERNEL + VALUE}
    assert list(graph.children(0)) == ["model"]
    assert graph.find("model", "absent", "kernel") is None
    assert graph.slots() == {"momentum", "average"}
    assert graph.variables() == {path: path + VALUE for path in SHAPES}


def test_a_cycle_in_the_graph_ends(tmp_path: Path) -> None:
    """A child may point back at the root."""
    graph = read_graph(stored(tmp_path, aliases={"model/parent": ""}))

    assert len(graph.variables()) == 3


def test_a_checkpoint_of_tf1_has_no_graph(tmp_path: Path) -> None:
    """Its keys are names of variables."""
    index = stored(tmp_path, object_based=False)

    assert not index.is_object_based
    assert set(index.tensors) == set(SHAPES)
    with pytest.raises(CheckpointError, match="holds no object graph, so it is of TF1"):
        read_graph(index)


def test_half_a_checkpoint(tmp_path: Path) -> None:
    """The data file is absent, or shorter than the index says: a download that broke off."""
    index = stored(tmp_path)
    data = index.shard(0)
    whole = data.stat().st_size

    with data.open("r+b") as stream:
        stream.truncate(whole - 1)
    with pytest.raises(CheckpointError) as caught:
        check_shards(index)
    assert caught.value.what == f"{data}: cut short, {whole - 1:,} of {whole:,} bytes are there"

    data.unlink()
    for look in (check_shards, read_graph):
        with pytest.raises(CheckpointError) as caught:
            look(index)
        assert caught.value.what == f"{data}: is missing beside its .index"


@pytest.mark.parametrize("place", [0, 1, 5, 20])
def test_changed_bytes_are_noticed(tmp_path: Path, place: int) -> None:
    """Length, checksum of the length and content of the graph, each under a checksum."""
    index = stored(tmp_path, step=3)
    data = index.shard(0)
    content = bytearray(data.read_bytes())
    content[place] ^= 0x10
    data.write_bytes(content)

    with pytest.raises(CheckpointError, match="is damaged or cut short"):
        read_graph(index)


def test_a_changed_step_is_noticed(tmp_path: Path) -> None:
    """Numbers have a checksum too."""
    index = stored(tmp_path, step=3)
    data = index.shard(0)
    start = index.tensors[f"step{VALUE}"].offset
    content = bytearray(data.read_bytes())
    content[start] = 4
    data.write_bytes(content)

    with pytest.raises(CheckpointError, match=r"step/.* is damaged or cut short"):
        read_step(index)
    with pytest.raises(CheckpointError):
        read_bytes(index, f"step{VALUE}")


HEADER = BundleHeader(num_shards=1).SerializeToString()


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(b"model/kernel", b"")],
        [(b"", BundleHeader(num_shards=0).SerializeToString())],
        [(b"", BundleHeader(num_shards=1, endianness=1).SerializeToString())],
        [(b"", b"\xff\xff")],
        [(b"", HEADER), (b"a", b"\xff")],
        [(b"", HEADER), (b"a", BundleEntry(dtype=1, size=5).SerializeToString())],
        [(b"", HEADER), (b"a", BundleEntry(dtype=1, size=4, shard_id=1).SerializeToString())],
        [(b"", HEADER), (b"a", BundleEntry(dtype=1, size=4, offset=-1).SerializeToString())],
        [(b"", HEADER), (b"a", BundleEntry(dtype=99, size=-4).SerializeToString())],
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, pairs: list[tuple[bytes, bytes]]
) -> None:
    """A table with right checksums is still not any checkpoint."""
    (tmp_path / "ckpt-1.index").write_bytes(table(pairs))

    with pytest.raises(CheckpointError) as caught:
        read_index(tmp_path / "ckpt-1")

    assert caught.value.what.startswith(f"{tmp_path / 'ckpt-1.index'}: damaged (")
    assert caught.value.fix == "Unpack or copy the checkpoint again."


def test_edges_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    """The graph is looked through once, so that following it needs no care."""
    graph = ObjectGraph()
    graph.nodes.add().children.add(node_id=7, local_name="model")
    pairs = [(b"", HEADER)]
    entry, content = string_tensor(graph.SerializeToString())
    pairs.append((b"_CHECKPOINTABLE_OBJECT_GRAPH", entry.SerializeToString()))
    (tmp_path / "ckpt-1.index").write_bytes(table(pairs))
    (tmp_path / "ckpt-1.data-00000-of-00001").write_bytes(content)

    with pytest.raises(CheckpointError) as caught:
        read_graph(read_index(tmp_path / "ckpt-1"))

    assert caught.value.what == (
        f"{tmp_path / 'ckpt-1.data-00000-of-00001'}: its object graph is damaged "
        "(its edges lead nowhere)"
    )
