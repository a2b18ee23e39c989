"""`odapi presets`: what there is to render, and where its values come from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.options import format_option, workspace_option
from odapi_runner.errors import ConfigError

if TYPE_CHECKING:  # imports what `odapi --help` has no time for
    from odapi_runner.pipeline.presets import Preset
    from odapi_runner.pipeline.provenance import Origin
    from odapi_runner.workspace import Workspace


@click.command("presets")
@click.argument("name", required=False)
@format_option
@workspace_option
@click.pass_context
def command(
    context: click.Context, name: str | None, output_format: str, workspace: str | None
) -> None:
    """List the presets; of one, its values and what it changes of the published config.

    The formats for programs list for each preset the sample of the Object Detection API that it
    was published as. Of one preset, values are named by the template's variables, and each field
    in which the config differs from the published one by its path.

    \b
    Example:
      odapi presets
      odapi presets --format json
      odapi presets kitti-d0
    """
    from odapi_runner.cli.tables import print_table
    from odapi_runner.pipeline.presets import preset_names, read_preset
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    if name is not None:
        _show(read_preset(name, place), place, output_format)
        return
    presets, faults = [], []
    for each in preset_names(place):
        try:
            presets.append(read_preset(each, place))
        except ConfigError as error:  # of one file of the user's: the others are as good as ever
            faults.append(error)
    # For people, in a terminal of 80 columns, without the samples: `odapi presets NAME` has them.
    columns = ["name", "about"] if output_format == "table" else ["name", "published", "about"]
    rows = [[getattr(preset, column) for column in columns] for preset in presets]
    print_table(columns, rows, output_format)
    for fault in faults:
        fault.show()
    context.exit(int(bool(faults)))


def _show(preset: Preset, place: Workspace, output_format: str) -> None:
    from odapi_runner.cli.tables import print_table
    from odapi_runner.pipeline.provenance import origins_of

    origins = origins_of(preset, place)
    if output_format == "table":
        click.echo("\n".join([*_facts(preset), *_by_source(origins)]))
        return
    rows = [
        (origin.name, _shown(origin.value), _published(origin), origin.source) for origin in origins
    ]
    print_table(["name", "value", "published", "from"], rows, output_format)


def _facts(preset: Preset) -> Iterator[str]:
    """What a preset is, in a few lines."""
    yield f"{preset.name}: {preset.about}"
    yield f"  template   {preset.template}.config.j2"
    if preset.extends:
        yield f"  extends    {preset.extends}"
    if preset.origin:
        yield f"  {'published' if preset.published else 'based on '}  {preset.origin}"


def _by_source(origins: Sequence[Origin]) -> Iterator[str]:
    """The values under where they come from: that takes whole sentences, which fill no cell."""
    from odapi_runner.report.names import shorten

    names = shorten([origin.name for origin in origins], ".")
    for source in dict.fromkeys(origin.source for origin in origins):
        yield from ["", *_wrapped(source, 0)]
        for name, origin in zip(names, origins, strict=True):
            if origin.source == source:
                yield from _wrapped(f"{name} = {_shown(origin.value) or 'not set'}", 4)
                if origin.differs:
                    yield from _wrapped(f"published: {_published(origin) or 'not set'}", 8)


def _wrapped(text: str, indent: int) -> list[str]:
    """Lines of at most 79 columns where words allow it: file names stay whole."""
    return textwrap.wrap(
        text,
        width=79,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent and indent + 8),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _published(origin: Origin) -> str | None:
    return _shown(origin.published) if origin.differs else None


def _shown(value: Any) -> str:
    """A value on one line; nothing for a field that is not set."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
