"""`model.ckpt-STEP` of google/automl's main.py, and `ckpt-STEP` of a run."""

from __future__ import annotations

from pathlib import Path

from odapi_runner.backends.automl.checkpoints import clear, place, saved_steps, take
from odapi_runner.formats.checkpoint_index import read_index, read_step
from odapi_runner.rundir import checkpoint_numbers
from support.checkpoints import write_checkpoint


def save(folder: Path, step: int) -> None:
    """What the program saves."""
    prefix = folder / f"model.ckpt-{step}"
    write_checkpoint(prefix, {"w": (3,)}, step=step, object_based=False)


def test_a_whole_one_is_taken_and_stays(tmp_path: Path) -> None:
    """Its step is read from it; what the program does to its own index later changes nothing."""
    theirs, ours = tmp_path / "theirs", tmp_path / "실행"
    for step in (0, 4, 12):
        save(theirs, step)
    assert saved_steps(theirs) == [4, 12]

    assert take(theirs, 12, ours)
    (theirs / "model.ckpt-12.index").write_bytes(b"")
    assert checkpoint_numbers(ours) == [12]
    assert read_step(read_index(ours / "ckpt-12")) == 12


def test_what_is_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    """An index cut short, data cut short, and what rotation took away meanwhile."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    ours.mkdir()
    for step in (1, 2):
        save(theirs, step)
    index = theirs / "model.ckpt-1.index"
    index.write_bytes(index.read_bytes()[:40])
    (theirs / "model.ckpt-2.data-00000-of-00001").write_bytes(b"\0")

    assert [take(theirs, step, ours) for step in (1, 2, 3)] == [False, False, False]
    assert list(ours.iterdir()) == []


def test_one_alone_is_placed_where_the_program_looks(tmp_path: Path) -> None:
    """With the state file by which it is found, and none of the older ones."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    save(theirs, 7)
    save(theirs, 8)
    assert take(theirs, 7, ours)
    clear(theirs)
    place(ours, 7, theirs)

    assert saved_steps(theirs) == [7]
    assert (theirs / "checkpoint").read_text("utf-8") == 'model_checkpoint_path: "model.ckpt-7"\n'
    assert read_step(read_index(theirs / "model.ckpt-7")) == 7
