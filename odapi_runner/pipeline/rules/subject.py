"""What the rules look at: a config, and what lies behind the paths in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odapi_runner.errors import DataError, OdapiError
from odapi_runner.formats.label_map import LabelMap, read_label_map
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.pipeline.comments import Comment
from odapi_runner.pipeline.rules.stored import Stored, read_stored
from odapi_runner.records.progress import Track, untracked
from odapi_runner.workspace import Workspace

if TYPE_CHECKING:  # numpy comes with it
    from odapi_runner.records.found import Survey

_ReadMap = tuple[LabelMap | None, OdapiError | None]

# What TF2 builds; `experimental_model` is a name that only TF1 looks up.
_FAMILIES = ("ssd", "faster_rcnn", "center_net")


@dataclass(frozen=True, slots=True)
class Look:
    """How closely to look at what lies behind a config; what was seen is seen for later ones."""

    records: bool = True  # look for record files, and into them
    every_record: bool = False  # all of them, not a sample
    decode: bool = False  # decode whole images, not only their headers
    track: Track = untracked
    surveys: dict[tuple[Path, ...], Survey] = field(default_factory=dict)  # by files
    matches: dict[str, Sequence[Path]] = field(default_factory=dict)  # by absolute pattern
    label_maps: dict[Path, _ReadMap] = field(default_factory=dict)

    def expand(self, pattern: str, workspace: Workspace) -> Sequence[Path]:
        """The files that a pattern names.

        Raises:
            DataError: there is none.
        """
        key = str(workspace.resolve(pattern))
        if key not in self.matches:
            self.matches[key] = expand_patterns([pattern], workspace.root)
        return self.matches[key]

    def label_map(self, path: str, workspace: Workspace) -> _ReadMap:
        """A label map, or what is wrong with it; neither where none is named."""
        file = workspace.resolve(path)
        if path and file not in self.label_maps:
            try:
                self.label_maps[file] = read_label_map(file), None
            except OdapiError as error:
                self.label_maps[file] = None, error
        return self.label_maps.get(file, (None, None)) if path else (None, None)

    def survey(self, files: tuple[Path, ...], title: str) -> Survey | None:
        """What the records of these files hold, read once; None where none are to be read."""
        if not self.records or not files:
            return None
        # numpy and Pillow come with it.
        from odapi_runner.records.survey import survey_records

        if files not in self.surveys:
            self.surveys[files] = survey_records(
                files,
                every_record=self.every_record,
                decode=self.decode,
                track=self.track,
                title=title,
            )
        return self.surveys[files]


@dataclass(frozen=True, slots=True)
class Reader:
    """An input reader of the config, with the files that it names."""

    place: str  # its path in the config
    patterns: tuple[str, ...]
    files: tuple[Path, ...]
    absent: tuple[DataError, ...]  # of patterns that match nothing
    label_map_path: str
    label_map: LabelMap | None
    label_map_error: OdapiError | None
    settings: Any  # the InputReader itself
    survey: Survey | None = None  # of its records; None where none were looked at

    @property
    def trains(self) -> bool:
        """Whether it feeds the training, not an evaluation."""
        return self.place == "train_input_reader"


@dataclass(frozen=True, slots=True)
class Subject:
    """A config in its workspace."""

    config: Any  # a TrainEvalPipelineConfig
    workspace: Workspace
    readers: tuple[Reader, ...]  # of the training first, then of the evaluations
    stored: Stored | None = None  # the fine-tune checkpoint; None where it cannot be read
    stored_error: OdapiError | None = None
    devices: int = 1  # that a batch is spread over
    workers: int = 1  # machines that train together
    from_scratch: bool = False  # whether a start with random weights was asked for
    comments: tuple[Comment, ...] = ()  # of its text, once the other rules have spoken

    @property
    def family(self) -> str | None:
        """The member of `model` that is set: ssd, faster_rcnn or center_net; None for others."""
        family = self.config.model.WhichOneof("model")
        return family if family in _FAMILIES else None

    @property
    def model(self) -> Any:
        """What is set of `model`; None where nothing is."""
        return getattr(self.config.model, self.family) if self.family else None

    @property
    def training(self) -> Reader:
        """The reader that feeds the training."""
        return self.readers[0]

    @property
    def learns_masks(self) -> bool:
        """Whether the model predicts a mask for each box."""
        if self.family == "faster_rcnn":
            predictor = self.model.second_stage_box_predictor.mask_rcnn_box_predictor
            return self.model.number_of_stages == 3 or bool(predictor.predict_instance_masks)
        tasks = ("mask_estimation_task", "deepmac_mask_estimation")
        return self.family == "center_net" and any(map(self.model.HasField, tasks))

    @property
    def num_classes(self) -> int | None:
        """The model's number of classes; None where no model is set."""
        return self.model.num_classes if self.family else None

    @property
    def num_classes_path(self) -> str:
        return f"model.{self.family}.num_classes"


def build_subject(
    config: Any,
    workspace: Workspace,
    look: Look | None = None,
    devices: int = 1,
    workers: int = 1,
    from_scratch: bool = False,
) -> Subject:
    """Look up every file that a config names, and read its records as `look` says."""
    look = look or Look()
    readers = [("train_input_reader", config.train_input_reader)]
    readers += [
        (f"eval_input_reader[{n}]", item) for n, item in enumerate(config.eval_input_reader)
    ]
    stored, problem = _read_stored(config.train_config.fine_tune_checkpoint, workspace)
    looked_up = tuple(_build_reader(*reader, workspace, look) for reader in readers)
    return Subject(config, workspace, looked_up, stored, problem, devices, workers, from_scratch)


def _build_reader(place: str, reader: Any, workspace: Workspace, look: Look) -> Reader:
    patterns = tuple(reader.tf_record_input_reader.input_path)
    files: list[Path] = []
    absent: list[DataError] = []
    for pattern in patterns if look.records else ():
        try:
            files += look.expand(pattern, workspace)
        except DataError as error:
            absent.append(error)
    label_map, problem = look.label_map(reader.label_map_path, workspace)
    return Reader(
        place=place,
        patterns=patterns,
        files=tuple(files),
        absent=tuple(absent),
        label_map_path=reader.label_map_path,
        label_map=label_map,
        label_map_error=problem,
        settings=reader,
        # A SequenceExample is another message; nothing here reads it.
        survey=look.survey(tuple(files), place) if _holds_examples(reader) else None,
    )


def _holds_examples(reader: Any) -> bool:
    kinds = type(reader).DESCRIPTOR.fields_by_name["input_type"].enum_type.values_by_number
    name: str = kinds[reader.input_type].name
    return name != "TF_SEQUENCE_EXAMPLE"


def _read_stored(prefix: str, workspace: Workspace) -> tuple[Stored | None, OdapiError | None]:
    try:
        return (read_stored(workspace.resolve(prefix)) if prefix else None), None
    except OdapiError as error:
        return None, error
