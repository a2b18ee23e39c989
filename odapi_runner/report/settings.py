"""What runs were set to: the fields and options in which they differ, and any one by its name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from odapi_runner.pipeline.paths import schema_paths
from odapi_runner.proto.differences import differing_fields, joined, plain_value
from odapi_runner.proto.messages import TrainEvalPipelineConfig, is_repeated
from odapi_runner.proto.written import written_fields
from odapi_runner.report.source import Source
from odapi_runner.report.where import SET

# Of two fields of one name this is the one that people mean: `batch_size`, `optimizer`.
_MEANT = "train_config."
OF_SWEEP = ("sweep", "patch")  # attributes of a source


def differing_settings(sources: Sequence[Source]) -> dict[str, list[Any]]:
    """What the sources were set to where that is not the same for all: values by path.

    First the sweep that each is of and its patch, where any has one; then, by path, the fields of
    their configs, and the options of `odapi train` that no field of that name tells already.

    Returns:
        A value for each source; None where it has no config or no such field.
    """
    with_config = [source.config is not None for source in sources]
    fields = _differing_fields([source.config for source in sources if source.config is not None])
    settings: dict[str, list[Any]] = {}
    for path, values in fields.items():
        known = iter(values)
        settings[path] = [next(known) if has else None for has in with_config]
    settings |= _noted_fields(sources, settings)
    said = {path.rsplit(".", 1)[-1] for path in settings}
    for name, values in _differing_options(sources, with_config).items():
        if name not in said:  # the config as run holds what the option made of it
            settings[f"options.{name}"] = values
    return _sweep_columns(sources) | dict(sorted(settings.items()))


def find_setting(source: Source, name: str) -> tuple[bool, Any]:
    """A setting by its path or the end of it, whether runs differ in it or not.

    Args:
        source: whose.
        name: `train_config.batch_size`, `batch_size`, `random_crop_image.min_area`, `seed`; what
            stands in `train_config` comes before others of the same end.

    Returns:
        Whether there may be such a setting at all, and its value, by default that of the schema;
        None where it has none. A message in which something is written is "set".
    """
    beside = {key: getattr(source, key) for key in OF_SWEEP} | source.options
    if (option := name.removeprefix("options.")) in beside:
        return True, beside[option]
    if source.said is None:
        return _best_path(name, schema_paths(TrainEvalPipelineConfig.DESCRIPTOR)) is not None, None
    written = written_fields(source.said)
    if path := _best_path(name, written):
        return True, joined(written[path])
    if any(_is_inside(path, name) for path in written):
        return True, SET
    path = _best_path(name, schema_paths(TrainEvalPipelineConfig.DESCRIPTOR))
    if path is None or source.config is None:
        return path is not None, None
    return True, _default(source.config, path)


def setting_names(sources: Sequence[Source]) -> list[str]:
    """What they were set to, by the last words: for who has mistyped one."""
    configs = [source.said for source in sources if source.said is not None]
    paths = itertools.chain.from_iterable(map(written_fields, configs))
    names = {path.rpartition(".")[2] for path in paths}
    return sorted(names.union(*(source.options for source in sources)))


def _differing_fields(configs: Sequence[Any]) -> dict[str, list[Any]]:
    """As `proto.differing_fields`, of which each content counts once: a sweep's are much alike."""
    keys = [config.SerializeToString(deterministic=True) for config in configs]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    distinct = dict(zip(keys, configs, strict=True))
    fields = differing_fields([distinct[key] for key in places])
    return {path: [values[places[key]] for key in keys] for path, values in fields.items()}


def _noted_fields(
    sources: Sequence[Source], differing: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    """What notebooks say of their experiments: of the fields that differ, and of others that do."""
    if all(source.noted is None for source in sources):
        return {}
    messages = [source.said for source in sources]
    written = [{} if message is None else written_fields(message) for message in messages]
    known = [message is not None for message in messages]
    of_noted = (fields for s, fields in zip(sources, written, strict=True) if s.noted is not None)
    found: dict[str, list[Any]] = {}
    for path in dict.fromkeys(itertools.chain.from_iterable(of_noted)):
        values = [
            joined(fields[path]) if path in fields else _unwritten(source, path)
            for source, fields in zip(sources, written, strict=True)
        ]
        if path in differing or _differ(values, known):
            found[path] = values
    return found


def _unwritten(source: Source, path: str) -> Any:
    """What a field is that a source does not write: its default, where a config would say more."""
    is_plain = source.config is not None and "[" not in path
    return _default(source.config, path) if is_plain else None


def _differ(values: Sequence[Any], known: Sequence[bool]) -> bool:
    told = [value for value, is_known in zip(values, known, strict=True) if is_known]
    return any(value != told[0] for value in told)


def _sweep_columns(sources: Sequence[Source]) -> dict[str, list[Any]]:
    """Of which sweep each is, and its patch, where any has such."""
    columns = {name: [getattr(source, name) for source in sources] for name in OF_SWEEP}
    return {name: values for name, values in columns.items() if any(values)}


def _differing_options(sources: Sequence[Source], told: Sequence[bool]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for source in sources for name in source.options)
    found = {}
    for name in names:
        values = [source.options.get(name) for source in sources]
        plain = all(isinstance(value, str | int | float | None) for value in values)
        if plain and _differ(values, told):
            found[name] = values
    return found


def _best_path(name: str, paths: Sequence[str] | Mapping[str, Any]) -> str | None:
    """The path of which `name` is the whole or the end; that of the training before others."""
    if name in paths:
        return name
    if f"{_MEANT}{name}" in paths:
        return f"{_MEANT}{name}"
    found = _ending(name, paths)
    return next(found, None)


def _ending(name: str, paths: Sequence[str] | Mapping[str, Any]) -> Iterator[str]:
    ends = (f".{name}", f"[{name}]")
    return (path for path in paths if path.endswith(ends))


def _is_inside(path: str, name: str) -> bool:
    """Whether a message of a name, or an element that holds one, leads to a field."""
    return f".{name}." in path or f"[{name}]" in path


def _default(config: Any, path: str) -> Any:
    """What a field is that nobody has written; None where what it is in is not there."""
    *names, last = path.split(".")
    inside = config
    for name in names:
        field = inside.DESCRIPTOR.fields_by_name[name]
        chosen = field.containing_oneof is None or inside.HasField(name)
        if is_repeated(field) or not chosen:
            return None
        inside = getattr(inside, name)
    field = inside.DESCRIPTOR.fields_by_name[last]
    if is_repeated(field) or field.message_type or field.containing_oneof:
        return None
    return plain_value(field, getattr(inside, last))
