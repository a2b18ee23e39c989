"""`odapi data`: annotations into records, and a look at what records hold."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from odapi_runner.cli.options import format_option, workspace_option
from odapi_runner.cli.tracking import track
from odapi_runner.errors import DataError

if TYPE_CHECKING:
    from odapi_runner.records.convert import Dataset

F = TypeVar("F", bound=Callable[..., Any])

_FAULTS_SHOWN = 10


@click.group("data")
def command() -> None:
    """Convert annotated images into records, and inspect records.

    \b
    Example:
      odapi data convert kitti KITTI --out data/kitti
      odapi data inspect data/kitti
    """


@command.group()
def convert() -> None:
    """Convert annotations into a dataset folder: records, label map, dataset.json.

    \b
    Example:
      odapi data convert kitti KITTI --out data/kitti
      odapi data convert voc --images JPEGImages --annotations Annotations --out data/mine
    """


def _path_option(name: str, help_: str) -> Callable[[F], F]:
    return click.option(
        name, required=True, metavar="DIR", type=click.Path(path_type=Path), help=help_
    )


def _shared_options(function: F) -> F:
    """What every format's conversion takes."""
    options = (
        _path_option("--out", "The dataset folder to write, such as data/NAME."),
        click.option(
            "--val-fraction",
            metavar="SHARE",
            type=click.FloatRange(0, 1, max_open=True),
            help="Share of the images for validation, rounded down.  [default: 0.2]",
        ),
        click.option("--seed", default=0, show_default=True, help="Chooses these images."),
        click.option(
            "--shards",
            metavar="N",
            type=click.IntRange(min=1),
            default=4,
            show_default=True,
            help="Record files a split.",
        ),
        click.option("--decode", is_flag=True, help="Decode every image, to find those cut short."),
        click.option(
            "--skip-bad",
            is_flag=True,
            help="Leave bad annotations out, with their images, and count them.",
        ),
        click.option("--overwrite", is_flag=True, help="Replace the dataset in --out."),
        format_option,
        workspace_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


@convert.command()
@click.argument("folder", metavar="KITTI", type=click.Path(path_type=Path))
@click.option(
    "--classes",
    metavar="A,B,C",
    default="Car,Pedestrian,Cyclist",
    show_default=True,
    help="Types to be found, spelled as in the label files; ids follow this order.",
)
@click.option(
    "--val-ids",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The images for validation, one id a line.",
)
@click.option(
    "--dontcare",
    type=click.Choice(["ignore", "drop", "overlap"]),
    default="ignore",
    show_default=True,
    help="DontCare regions: found objects there count for nothing (ignore), are wrong (drop), "
    "or also boxes that touch one are dropped (overlap, as the OD API's converter).",
)
@_shared_options
def kitti(
    folder: Path,
    out: Path,
    classes: str,
    val_fraction: float | None,
    val_ids: Path | None,
    output_format: str,
    workspace: str | None,
    **options: Any,
) -> None:
    """Convert KITTI's training/image_2 and training/label_2.

    \b
    Example:
      odapi data convert kitti KITTI --out data/kitti
      odapi data convert kitti KITTI --out data/cars --classes Car,Van --val-ids val.txt
    """
    from odapi_runner.records.kitti import convert_kitti

    _only_one(val_fraction, "--val-fraction", val_ids, "--val-ids")
    dataset = convert_kitti(
        folder,
        out,
        classes=_split(classes),
        val_fraction=0.2 if val_fraction is None else val_fraction,
        val_ids=val_ids,
        track=track,
        **options,
    )
    _report(dataset, output_format, workspace)


@convert.command()
@_path_option("--images", "The images (VOC's JPEGImages).")
@_path_option("--annotations", "The XML files (VOC's Annotations).")
@click.option(
    "--classes", metavar="A,B,C", help="Names to be found, in the order of ids.  [default: all]"
)
@click.option(
    "--val-every",
    metavar="N",
    type=click.IntRange(min=2),
    help="Every Nth image in name order is for validation, the first one included.",
)
@_shared_options
def voc(
    images: Path,
    annotations: Path,
    out: Path,
    classes: str | None,
    val_fraction: float | None,
    val_every: int | None,
    output_format: str,
    workspace: str | None,
    **options: Any,
) -> None:
    """Convert images with Pascal VOC's XML annotations.

    \b
    Example:
      odapi data convert voc --images images --annotations annotations --out data/mine
      odapi data convert voc --images I --annotations A --out data/mine --val-every 5
    """
    from odapi_runner.records.voc import convert_voc

    _only_one(val_fraction, "--val-fraction", val_every, "--val-every")
    dataset = convert_voc(
        images,
        annotations,
        out,
        classes=_split(classes) if classes is not None else None,
        val_fraction=0.2 if val_fraction is None else val_fraction,
        val_every=val_every,
        track=track,
        **options,
    )
    _report(dataset, output_format, workspace)


@command.command()
@click.argument("records", nargs=-1, required=True, metavar="RECORDS...")
@click.option("--decode", is_flag=True, help="Decode every image, to find those cut short.")
@click.option(
    "--augment",
    "config",
    metavar="CONFIG",
    type=click.Path(path_type=Path),
    help="Draw contact sheets instead: images, and beside each what this config makes of it.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default="augmented",
    show_default=True,
    help="The folder of the sheets.",
)
@click.option(
    "--images",
    metavar="N",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="How many images are on the sheets, evenly from all records.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the training."
)
@format_option
@workspace_option
def inspect(
    records: tuple[str, ...],
    decode: bool,
    config: Path | None,
    output_format: str,
    workspace: str | None,
    **drawing: Any,
) -> None:
    """Count what records hold, and find what is wrong with it.

    RECORDS are files, patterns or dataset folders. A row a class (boxes by COCO's small, medium
    and large), one for all, and one for each kind of fault; exit code 1 where there is a fault.

    With --augment three examples of each image are drawn beside it, as a training of that seed
    would see them, and the paths of the sheets are printed.

    \b
    Example:
      odapi data inspect data/kitti
      odapi data inspect 'data/kitti/val-*.record' --format csv
      odapi data inspect data/kitti --decode
      odapi data inspect data/kitti --augment pipelines/kitti-d0/pipeline.config
    """
    from odapi_runner.cli.tables import print_table
    from odapi_runner.records.inspect import find_records, inspect_records, tabulate

    if config is not None:
        _only_one(config, "--augment", decode or None, "--decode")
        _draw(config, find_records(records, Path.cwd()), workspace, **drawing)
        return
    found = inspect_records(find_records(records, Path.cwd()), decode=decode, track=track)
    columns, rows = tabulate(found)
    if output_format == "table":  # the faults are lines: a column of their sentences is too wide
        classes = [row[1:-1] for row in rows if row[0] != "fault"]
        classes[-1] = ("all", *classes[-1][1:])
        print_table(columns[1:-1], classes, output_format)
        for kind, each in found.faults.items():
            click.echo(f"{kind}: {each.records} of {found.looked_at} records: {each.examples[0]}")
    else:
        print_table(columns, rows, output_format)
    if found.faults:
        (kind, counts), *others = found.faults.items()
        count = f"{kind}: {counts.records} of {found.looked_at} records"
        more = f"; the table has {len(others)} more kinds of faults" if others else ""
        fix = "Correct what wrote these records, or convert the annotations again."
        raise DataError(f"{counts.examples[0]} ({count}{more})", fix=fix)


def _draw(config: Path, records: Sequence[Path], workspace: str | None, **drawing: Any) -> None:
    """Print the paths of the contact sheets, or the reason why there are none."""
    from odapi_runner.runs.contact_sheets import draw_contact_sheets
    from odapi_runner.workspace import find_workspace

    root = find_workspace(workspace).root
    out: Path = drawing["out"]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{out}: cannot be made ({error.strerror})"
        raise DataError(what, fix="Name another folder with --out.") from error
    if sys.stderr.isatty():
        click.echo("Drawing; TensorFlow takes some seconds to begin.", err=True)
    done = draw_contact_sheets(config, records, root=root, **drawing)
    click.echo(done.stdout, nl=False)
    if done.returncode != 0:
        click.echo(done.stderr, err=True, nl=False)
        raise click.exceptions.Exit(done.returncode)


def _split(classes: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in classes.split(","))


def _only_one(one: object, name: str, other: object, other_name: str) -> None:
    if one is not None and other is not None:
        raise click.UsageError(f"{name} and {other_name} exclude each other.")


def _report(dataset: Dataset, output_format: str, workspace: str | None) -> None:
    """Print a row a split; tell what was left out, and where the dataset is."""
    from odapi_runner.cli.tables import print_table
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace, make=True)
    if dataset.folder.resolve().is_relative_to(place.root):
        place.mark()
    classes = next(iter(dataset.splits.values())).boxes
    print_table(
        ("split", "images", "without boxes", *classes, "ignored regions", "not in records"),
        [
            (
                split,
                counts.images,
                counts.images_without_boxes,
                *counts.boxes.values(),
                counts.ignored_regions,
                counts.beside,
            )
            for split, counts in dataset.splits.items()
        ],
        output_format,
    )
    for fault in dataset.left_out[:_FAULTS_SHOWN]:
        click.echo(f"left out: {fault.as_left_out()}", err=True)
    if dataset.left_out:
        click.echo(f"left out: {len(dataset.left_out)} bad annotations, see dataset.json", err=True)
    click.echo(f"Wrote {dataset.folder}", err=True)
