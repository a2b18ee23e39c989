"""pipelines/NAME/pipeline.config: written, remembered, and compared with its preset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.pipeline.rendered import ensure_rendered, last_rendered, write_rendered
from odapi_runner.proto.text import read_pipeline
from odapi_runner.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_preset_is_rendered_into_its_folder_and_remembered(workspace: Workspace) -> None:
    """The file holds the rendered text; the workspace knows what was rendered last."""
    assert last_rendered(workspace) is None

    path = write_rendered("kitti-d0", Changes(("batch_size=2",)), workspace)

    assert path == workspace.root / "pipelines" / "kitti-d0" / "pipeline.config"
    assert path.read_text("utf-8") == render("kitti-d0", Changes(("batch_size=2",)), workspace)
    assert last_rendered(workspace) == "kitti-d0"


def test_only_pipelines_of_the_workspace_are_remembered(workspace: Workspace) -> None:
    """A file in pipelines/NAME counts under that name, a file elsewhere does not."""
    write_rendered("kitti-d0", Changes(), workspace, workspace.pipeline_config("작은"))
    assert last_rendered(workspace) == "작은"

    write_rendered("kitti-d0", Changes(), workspace, workspace.root / "elsewhere.config")
    assert last_rendered(workspace) == "작은"

    workspace.pipeline_config("작은").unlink()
    assert last_rendered(workspace) is None


def test_nothing_is_written_when_an_override_is_wrong(workspace: Workspace) -> None:
    """The file that was there stays."""
    path = write_rendered("kitti-d0", Changes(), workspace)
    before = path.read_bytes()

    with pytest.raises(ConfigError):
        write_rendered("kitti-d0", Changes(("batch_size=x",)), workspace)

    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_an_error(workspace: Workspace) -> None:
    """A file stands where a folder would have to be."""
    (workspace.root / "file").write_text("", encoding="utf-8")

    with pytest.raises(ConfigError, match="cannot be written"):
        write_rendered("kitti-d0", Changes(), workspace, workspace.root / "file" / "x.config")


def test_an_absent_pipeline_is_rendered_from_the_preset_of_its_name(workspace: Workspace) -> None:
    """With the overrides given."""
    path = ensure_rendered("kitti-d0", Changes(("batch_size=2",)), workspace)

    assert read_pipeline(path).train_config.batch_size == 2


def test_a_rendered_pipeline_is_used_as_it_was_rendered(workspace: Workspace) -> None:
    """Without overrides those of its own comment count; the same ones given again are the same."""
    path = write_rendered("kitti-d0", Changes(("batch_size=2", "label_map=a b")), workspace)

    assert ensure_rendered("kitti-d0", Changes(), workspace) == path
    assert (
        ensure_rendered("kitti-d0", Changes(("label_map=a b", "batch_size=2")), workspace) == path
    )
    assert read_pipeline(path).train_config.batch_size == 2


def test_comments_do_not_count(workspace: Workspace) -> None:
    """A note below the head of the file changes nothing of what is trained."""
    path = write_rendered("kitti-d0", Changes(), workspace)
    path.write_text(path.read_text("utf-8") + "# 실험 3\n", encoding="utf-8")

    assert ensure_rendered("kitti-d0", Changes(), workspace) == path


@pytest.mark.parametrize(
    ("rendered", "given", "replace"),
    [
        ([], ["batch_size=2"], "odapi render --preset kitti-d0 -s batch_size=2"),
        (["batch_size=2"], ["num_steps=9"], "odapi render --preset kitti-d0 -s num_steps=9"),
    ],
)
def test_other_overrides_than_rendered_are_an_error_with_both_remedies(
    workspace: Workspace, rendered: list[str], given: list[str], replace: str
) -> None:
    """Nobody trains an old config unknowingly."""
    path = write_rendered("kitti-d0", Changes(tuple(rendered)), workspace)

    with pytest.raises(ConfigError) as caught:
        ensure_rendered("kitti-d0", Changes(tuple(given)), workspace)

    assert caught.value.what == f"{path}: not what the preset kitti-d0 and its settings give now"
    assert caught.value.fix == (
        f"Keep this file: odapi train --config {path}   Or replace it: {replace}"
    )


def test_an_edited_pipeline_is_an_error_with_both_remedies(workspace: Workspace) -> None:
    """Nobody's edit is lost, with or without the comment at its head."""
    path = write_rendered("kitti-d0", Changes(("num_steps=9",)), workspace)
    edited = path.read_text("utf-8").replace("batch_size: 4", "batch_size: 3")

    for text in (edited, edited.split("\n", 2)[2]):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="not what the preset"):
            ensure_rendered("kitti-d0", Changes(), workspace)
        assert path.read_text("utf-8") == text


def test_what_nobody_edited_is_rendered_anew(workspace: Workspace) -> None:
    """With other settings, and after its preset or label map has changed."""
    path = write_rendered("kitti-d0", Changes(("num_steps=9",)), workspace)
    head = path.read_text("utf-8").replace("odapi 0.", "odapi 0.0.")
    path.write_text(head, encoding="utf-8")

    write_rendered("kitti-d0", Changes(("num_steps=8",)), workspace)

    assert read_pipeline(path).train_config.num_steps == 8
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("batch_size: 4", "batch_size: 3"),
        lambda text: text + "# 실험 3\n",
        lambda text: text.split("\n", 3)[3],
        lambda _: "model { ssd {} }",
        lambda _: "what is this",
    ],
)
def test_what_somebody_edited_is_not_rendered_over(
    workspace: Workspace, edit: Callable[[str], str]
) -> None:
    """A value, a comment, a file of one's own: nobody's edit is lost without being asked."""
    path = write_rendered("kitti-d0", Changes(), workspace)
    path.write_text(edit(path.read_text("utf-8")), encoding="utf-8")
    before = path.read_bytes()

    with pytest.raises(ConfigError) as caught:
        write_rendered("kitti-d0", Changes(), workspace)
    assert path.read_bytes() == before
    assert caught.value.what == (
        f"{path}: was not rendered, or was edited since; rendering would lose that"
    )
    assert caught.value.fix == (
        f"Change the file itself: odapi edit --in-place {path} -s …   Or render elsewhere with "
        "--out, or replace it with --force."
    )

    write_rendered("kitti-d0", Changes(), workspace, force=True)
    assert path.read_text("utf-8") == render("kitti-d0", Changes(), workspace)
    assert (path.parent / "pipeline.config.bak").read_bytes() == before


def test_a_file_of_an_older_odapi_is_rendered_anew_if_it_is_what_it_says(
    workspace: Workspace,
) -> None:
    """Without a digest the config is compared with what its command gives."""
    path = write_rendered("kitti-d0", Changes(("num_steps=9",)), workspace)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]), encoding="utf-8")

    write_rendered("kitti-d0", Changes(("num_steps=8",)), workspace)

    assert read_pipeline(path).train_config.num_steps == 8


def test_the_same_text_again_is_no_loss(workspace: Workspace) -> None:
    """Also where the file lies elsewhere and has lost its name."""
    path = workspace.root / "elsewhere.config"
    path.write_text(render("kitti-d1", Changes(), workspace), encoding="utf-8")

    assert write_rendered("kitti-d1", Changes(), workspace, path) == path


@pytest.mark.parametrize("form", [{"as_published": True}, {"absolute": True}])
def test_the_form_is_remembered(workspace: Workspace, form: dict[str, bool]) -> None:
    """As published, absolute: `ensure_rendered` compares with the same."""
    path = write_rendered("efficientdet-d0", Changes(), workspace, **form)

    assert ensure_rendered("efficientdet-d0", Changes(), workspace) == path
    with pytest.raises(ConfigError, match="not what the preset") as caught:
        ensure_rendered("efficientdet-d0", Changes(("num_steps=3",)), workspace)
    flag = f"--{next(iter(form)).replace('_', '-')}"
    assert f"render --preset efficientdet-d0 {flag} -s num_steps=3" in caught.value.fix


def test_a_changed_label_map_makes_a_pipeline_old(workspace: Workspace) -> None:
    """Its number of classes is not what the preset gives now."""
    write_rendered("kitti-d0", Changes(), workspace)
    label_map = workspace.data / "kitti" / "label_map.pbtxt"
    label_map.parent.mkdir(parents=True)
    label_map.write_text("item { id: 1 name: 'Car' }", encoding="utf-8")

    with pytest.raises(ConfigError, match="not what the preset"):
        ensure_rendered("kitti-d0", Changes(), workspace)


def test_a_pipeline_under_another_name_is_replaced_there(workspace: Workspace) -> None:
    """The remedy names the file."""
    path = workspace.pipeline_config("slow")
    write_rendered("kitti-d0", Changes(("learning_rate=0.001",)), workspace, path)

    assert ensure_rendered("slow", Changes(), workspace) == path
    with pytest.raises(ConfigError) as caught:
        ensure_rendered("slow", Changes(("learning_rate=0.002",)), workspace)
    assert caught.value.fix.endswith(
        f"odapi render --preset kitti-d0 -s learning_rate=0.002 --out {path}"
    )


def test_a_config_made_by_hand_is_used_as_it_is(workspace: Workspace) -> None:
    """No preset is known for it; overrides are for `odapi train --config`."""
    path = workspace.pipeline_config("mine")
    path.parent.mkdir(parents=True)
    path.write_text("# odapi render --preset 'open\nmodel { ssd {} }\n", encoding="utf-8")

    assert ensure_rendered("mine", Changes(), workspace) == path
    with pytest.raises(ConfigError, match="no preset is known") as caught:
        ensure_rendered("mine", Changes(("batch_size=2",)), workspace)
    assert caught.value.fix == f"Give them to the file itself: odapi train --config {path} -s …"


def test_neither_pipeline_nor_preset(workspace: Workspace) -> None:
    """What there is is listed, or what was meant."""
    write_rendered("kitti-d0", Changes(), workspace, workspace.pipeline_config("slow"))

    with pytest.raises(ConfigError) as caught:
        ensure_rendered("fast", Changes(), workspace)

    assert caught.value.what == 'neither a pipeline nor a preset "fast"'
    assert caught.value.fix == "The pipelines: slow. The presets: odapi presets"
    with pytest.raises(ConfigError) as caught:
        ensure_rendered("kitti-d9", Changes(), workspace)
    assert caught.value.fix.startswith('Did you mean "kitti-d')


def test_a_name_that_no_file_can_have_is_an_error(workspace: Workspace) -> None:
    """Too long for the file system, to write and to look for."""
    with pytest.raises(ConfigError, match="cannot be written"):
        write_rendered("kitti-d0", Changes(), workspace, workspace.root / ("x" * 300))
    with pytest.raises(ConfigError, match="neither a pipeline nor a preset"):
        ensure_rendered("x" * 300, Changes(), workspace)
