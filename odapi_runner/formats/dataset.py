"""What a dataset folder says beside its records: `dataset.json` and `annotations.jsonl`.

The first tells where the annotations came from, the second every object of them, a line an image
(`records.convert`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from odapi_runner import files
from odapi_runner.errors import DataError

LABEL_MAP: Final = "label_map.pbtxt"
SUMMARY: Final = "dataset.json"
ANNOTATIONS: Final = "annotations.jsonl"

_FIX = "Convert the dataset again: odapi data convert --help"


def read_format(folder: Path) -> str | None:
    """The format that a dataset was converted from; None where odapi has not converted it.

    Raises:
        DataError: there is a `dataset.json` that is none.
    """
    path = folder / SUMMARY
    try:
        return str(files.read_json(path)["source"]["format"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the summary of a dataset ({error})", fix=_FIX) from error


def common_format(folders: Iterable[Path]) -> str | None:
    """The format of several datasets; None where it is not the same for all, or of none.

    Raises:
        DataError: as `read_format`.
    """
    formats = {read_format(folder) for folder in folders}
    return formats.pop() if len(formats) == 1 else None


def read_annotations(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Source id and objects of each image, in the order of the file.

    Raises:
        DataError: there is no such file, or a line of it is cut short.
    """
    path = folder / ANNOTATIONS
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    image = json.loads(line)
                    yield str(image["source_id"]), list(image["objects"])
                except (ValueError, KeyError, TypeError) as error:
                    what = f"{path}:{number}: not an image's annotations ({error})"
                    raise DataError(what, fix=_FIX) from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", fix=_FIX) from error
