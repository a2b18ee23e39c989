"""`odapi presets`: what there is to render, and where its values come from."""

from __future__ import annotations

import click

from odapi_runner.cli.options import format_option, workspace_option


@click.command("presets")
@click.argument("name", required=False)
@format_option
@workspace_option
def command(name: str | None, output_format: str, workspace: str | None) -> None:
    """List the presets; of one, its values and where they come from.

    Values of a group "-s …" are set like overrides, and what depends on them follows.

    \b
    Example:
      odapi presets
      odapi presets kitti-d0
    """
    from odapi_runner.cli.tables import print_table
    from odapi_runner.pipeline.presets import preset_names, read_preset
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    if name is None:
        rows = [(each, read_preset(each, place).about) for each in preset_names(place)]
        print_table(["preset", "about"], rows, output_format)
        return
    preset = read_preset(name, place)
    settings = [(item.group, item) for item in preset.values]
    settings += [(f"-s {item.group}", item) for item in preset.overrides]
    print_table(
        ["group", "name", "value", "from"],
        [(group, item.name, _shown(item.value), item.source) for group, item in settings],
        output_format,
    )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
