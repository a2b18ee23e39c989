"""Contact sheets: originals beside what augmentation makes of them, with their boxes.

`python -m odapi_runner.engine.contact_sheets --config FILE --out DIR RECORDS...`
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageOps

from odapi_runner.drawing import draw_boxes, font, name_of, writable_names
from odapi_runner.engine.augment.apply import augment
from odapi_runner.engine.augment.read import read_augmentation
from odapi_runner.engine.augment.spec import Augmentation
from odapi_runner.engine.fields import Reader, unread
from odapi_runner.engine.reading.input import read_input
from odapi_runner.engine.records import Records, Sample
from odapi_runner.errors import ConfigError, DataError
from odapi_runner.proto.text import read_pipeline

VARIANTS = 3  # of an image, beside it
ROWS = 4  # images on a sheet
CELL = 320  # pixels: the longer side of a picture
CAPTION = 16  # pixels, below it
GAP = 8  # pixels, around a picture
_STEPS = "data_augmentation_options"


def write_contact_sheets(
    config: Path, files: Sequence[Path], out: Path, *, images: int, seed: int, root: Path
) -> list[Path]:
    """Draw images of some records, as they are and as a training would see them.

    The variants of record r are those of the examples r, r + n, r + 2 n of n records: what a
    training with this seed and without shuffling sees in its first epochs.

    Args:
        config: its augmentation steps and its label map count, and nothing else.
        files: of records.
        out: a folder; sheets of the same names in it are replaced.
        images: how many, evenly from all records.
        seed: of the training.
        root: what the config's paths are relative to.

    Returns:
        The sheets, JPEG.

    Raises:
        ConfigError: a step that the engine cannot honour, or none.
        DataError: records or label map cannot be read, or an image not decoded.
    """
    message = read_pipeline(config)
    steps = _read_steps(message, config)
    reader = read_input(Reader(message).message("train_input_reader"), shuffle=False)
    patterns = tuple(map(str, files))
    spec = dataclasses.replace(reader, patterns=patterns, weights=(), sample_1_of_n=1)
    records = Records(spec, root)
    chosen = np.linspace(0, len(records) - 1, min(images, len(records))).astype(int).tolist()
    rows = _rows(records, steps, chosen, seed)
    out.mkdir(parents=True, exist_ok=True)
    sheets = []
    for first in range(0, len(chosen), ROWS):
        on_sheet = [next(rows) for _ in chosen[first : first + ROWS]]
        sheets.append(out / f"sheet-{first // ROWS + 1:02d}.jpg")
        _assemble(on_sheet).save(sheets[-1], quality=90)
    return sheets


def _read_steps(message: Any, config: Path) -> tuple[Augmentation, ...]:
    reader = Reader(message)
    train = reader.message("train_config")
    steps = tuple(map(read_augmentation, train.messages(_STEPS)))
    refusals = [
        one
        for one in reader.notes.refusals + unread(message, reader.notes, {})
        if one.path.startswith(f"train_config.{_STEPS}")
    ]
    if refusals:
        listed = "; ".join(f"{one.path} {one.reason}" for one in refusals)
        raise ConfigError(
            f"{config}: {listed}", fix=" ".join(dict.fromkeys(one.fix for one in refusals))
        )
    if not steps:
        raise ConfigError(
            f"{config}: train_config.{_STEPS} is empty",
            fix=f"Add one: -s 'train_config.{_STEPS}+={{ random_horizontal_flip {{}} }}'",
        )
    return steps


def _rows(
    records: Records, steps: tuple[Augmentation, ...], chosen: list[int], seed: int
) -> Iterator[list[Image.Image]]:
    """A row of cells for each chosen record."""
    labels = records.label_map
    names = writable_names(labels.ids(), labels.display_names())
    apply = tf.function(
        lambda sample, own_seed: augment(sample, steps, own_seed),
        reduce_retracing=True,
        autograph=False,
    )
    for record in chosen:
        annotated = records.read(record)
        sample = _decoded(records, record)
        cells = [_cell(sample, names, annotated.source_id or annotated.filename)]
        for epoch in range(VARIANTS):
            example = record + epoch * len(records)
            changed = Sample(*apply(sample, tf.constant([seed, example], tf.int64)))
            cells.append(_cell(changed, names, f"example {example}"))
        yield cells


def _decoded(records: Records, record: int) -> Sample:
    sample = records.sample(record)
    try:
        image = tf.io.decode_image(sample.image, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        raise DataError(
            f"{records.where(record)}: its image cannot be decoded",
            fix="Replace or remove that image, then convert the dataset again.",
        ) from error
    return sample._replace(
        **{name: tf.constant(value) for name, value in sample._asdict().items() if name != "image"},
        image=image,
    )


def _cell(sample: Sample, names: dict[int, str], title: str) -> Image.Image:
    """One picture with its boxes and a caption; ignored boxes are outlined, not named."""
    pixels, note = _shown(np.asarray(sample.image, np.float32))
    height, width = pixels.shape[:2]
    scale = CELL / max(height, width)
    picture = ImageOps.contain(Image.fromarray(pixels), (CELL, CELL))
    ends = np.asarray(sample.boxes).reshape(-1, 2, 2)[:, :, ::-1] * [width, height] * scale
    boxes = np.concatenate([ends[:, 0], ends[:, 1] - ends[:, 0]], axis=1)
    ids = np.asarray(sample.classes) + 1
    ignored = np.asarray(sample.ignored)
    labels = [
        "" if hidden else f"{name_of(names, number)}{'' if weight == 1 else f' x {weight:g}'}"
        for number, weight, hidden in zip(
            ids.tolist(), np.asarray(sample.weights).tolist(), ignored.tolist(), strict=True
        )
    ]
    caption = f"{title}: {width} x {height}, {len(ids)} box{'es' * (len(ids) != 1)}"
    if ignored.any():
        caption += f", {ignored.sum()} ignored"
    if (np.asarray(sample.boxes) > 1.5).any():  # such as boxes in pixels
        caption += ", beyond the image"
    cell = Image.new("RGB", (CELL + 2 * GAP, picture.height + 2 * GAP + CAPTION), "white")
    cell.paste(Image.fromarray(draw_boxes(picture, boxes, ids, labels)), (GAP, GAP))
    place = (GAP, GAP + picture.height + 2)
    ImageDraw.Draw(cell).text(place, caption + note, fill="black", font=font())
    return cell


def _shown(image: np.ndarray) -> tuple[np.ndarray, str]:
    """Pixels to look at, and a note where values are not 0 to 255 and had to be stretched."""
    low, high = float(image.min(initial=255)), float(image.max(initial=0))
    if (low >= -0.5 and 2 < high <= 255.5) or low == high:
        return np.clip(np.round(image), 0, 255).astype(np.uint8), ""
    return ((image - low) / (high - low) * 255).astype(np.uint8), f", {low:.3g} to {high:.3g}"


def _assemble(rows: list[list[Image.Image]]) -> Image.Image:
    heights = [max(cell.height for cell in cells) for cells in rows]
    sheet = Image.new("RGB", (rows[0][0].width * len(rows[0]), sum(heights)), "white")
    for line, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.paste(cell, (column * cell.width, sum(heights[:line])))
    return sheet


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--config", type=click.Path(path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--images", type=click.IntRange(min=1), default=12, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(records: tuple[Path, ...], config: Path, out: Path, images: int, seed: int) -> None:
    """Draw contact sheets and print their paths; what `odapi data inspect --augment` starts."""
    sheets = write_contact_sheets(config, records, out, images=images, seed=seed, root=Path.cwd())
    for sheet in sheets:
        click.echo(sheet)


if __name__ == "__main__":
    main()
