"""Options as fields of a dataclass: written once, they are those of a command and of a file.

@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options(Settings):
    keep: int = setting(7, "Keep the N newest checkpoints.", minimum=1)

@settings_of(Options)                     --keep N
def command(**options): Options(**options)
Options(keep=3).words("keep")             ["--keep", "3"]

@changes_of(Options)                      the same, without defaults: what is to be changed
def command(**options): dataclasses.replace(before, **given(Options, options))
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Value = TypeVar("Value")

NONE = "none"
_KEY = "setting"


@dataclasses.dataclass(frozen=True, slots=True)
class _Setting:
    """What a command line says of a field beside its name and its default."""

    help: str | None
    minimum: float | None = None  # a whole number, unless `real`
    real: bool = False
    share: bool = False  # a number from 0 to 1
    choices: tuple[str, ...] = ()
    parse: Callable[[str], object] | None = None  # of a text; ValueError says what is wrong
    metavar: str | None = None


def setting(default: Any, help_: str | None, **more: Any) -> Any:
    """A field of `Settings`.

    Args:
        default: None where it may be absent; False is a flag.
        help_: of the command's option.
        more: those of `minimum`, `real`, `share`, `choices`, `parse` and `metavar` that hold.
    """
    return dataclasses.field(default=default, metadata={_KEY: _Setting(help_, **more)})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What its fields say.

    Raises:
        ValueError: a value is none of its field's.
    """

    def __post_init__(self) -> None:
        for name, of in _settings(type(self)).items():
            value = getattr(self, name)
            if value is None:
                continue
            if of.minimum is not None and value < of.minimum:
                raise ValueError(f"{name} is {value}, the least is {of.minimum:g}")
            if of.share and not 0 <= value <= 1:
                raise ValueError(f"{name} is {value:g}, not a share from 0 to 1")
            if of.choices and value not in of.choices:
                raise ValueError(f'{name} is "{value}", not one of {", ".join(of.choices)}')
            if of.parse:
                of.parse(value)

    def words(self, *names: str) -> list[str]:
        """Settings of some names as a command line has them; those that are absent are left out."""
        values = {name: getattr(self, name) for name in names}
        absent = [name for name, value in values.items() if value is None or value is False]
        there = {name: value for name, value in values.items() if name not in absent}
        return change_words(there)

    def changed(self) -> list[str]:
        """The names of what is not as it is by default."""
        fields = {field.name: field for field in dataclasses.fields(self)}
        names = _settings(type(self))
        return [name for name in names if getattr(self, name) != fields[name].default]


def names_of(kind: type[Settings]) -> tuple[str, ...]:
    """The names of all settings of a class, in their order."""
    return tuple(_settings(kind))


def spelled(name: str) -> str:
    """A name as an option of a command."""
    return f"--{name.replace('_', '-')}"


def settings_of(kind: type[Settings], *names: str) -> Callable[[Command], Command]:
    """What gives a click command the options of a class: of some names, or all."""

    def add(command: Command) -> Command:
        settings = _settings(kind)
        for name in reversed(names or tuple(settings)):
            made = _option(settings[name], _defaults(kind)[name])
            command = click.option(spelled(name), **made)(command)
        return command

    return add


def changes_of(kind: type[Settings]) -> Callable[[Command], Command]:
    """What gives a click command all options of a class, of which only what is given counts.

    A flag has its opposite, too; what may be absent is taken back by `none`.
    """

    def add(command: Command) -> Command:
        for name, of in reversed(_settings(kind).items()):
            default = _defaults(kind)[name]
            made = _option(of, default) | {"default": None, "show_default": False}
            typed = spelled(name)
            if default is False:
                typed = f"{typed}/{spelled(f'no_{name}')}"
            elif default is None:
                made |= {"type": _OrNone(made.get("type"), made.pop("callback", None))}
            else:
                made |= {"cls": _Kept, "usual": default}
            command = click.option(typed, **made)(command)
        return command

    return add


def given(kind: type[Settings], options: Mapping[str, Any]) -> dict[str, Any]:
    """Of the options of a command with `changes_of`: those that were given, as fields."""
    defaults = _defaults(kind)
    return {
        name: None if value == NONE and defaults[name] is None else value
        for name, value in options.items()
        if value is not None
    }


def change_words(changes: Mapping[str, Any]) -> list[str]:
    """Changes of fields, such as `given` found, as a command with `changes_of` has them."""
    words: list[str] = []
    for name, value in changes.items():
        if isinstance(value, bool):
            words.append(spelled(name if value else f"no_{name}"))
        else:
            words += [spelled(name), NONE if value is None else str(value)]
    return words


class _Kept(click.Option):
    """An option of what always has a value: the word `none` is refused with its default."""

    def __init__(self, *names: Any, usual: object, **more: Any) -> None:
        super().__init__(*names, **more)
        self._usual = usual

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        if value == NONE:
            what = f"it always has a value; its default is {self._usual}."
            raise click.BadParameter(what, ctx, self)
        return super().type_cast_value(ctx, value)


class _Number(click.FloatRange):
    name = "number"


class _WholeNumber(click.IntRange):
    name = "whole number"


# Generic from click 8.5 on only.
class _OrNone(click.ParamType):  # type: ignore[type-arg]
    """A value of another type, or the word `none`."""

    name = "value"

    def __init__(self, value_type: Any, check: Callable[..., Any] | None) -> None:
        self._type, self._check = value_type or click.STRING, check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == NONE:
            return value
        converted = self._type.convert(value, param, ctx)
        return self._check(ctx, param, converted) if self._check else converted


def _settings(kind: type[Settings]) -> dict[str, _Setting]:
    fields = dataclasses.fields(kind)
    return {field.name: field.metadata[_KEY] for field in fields if _KEY in field.metadata}


def _defaults(kind: type[Settings]) -> dict[str, Any]:
    return {field.name: field.default for field in dataclasses.fields(kind)}


def _option(of: _Setting, default: Any) -> dict[str, Any]:
    """What `click.option` is told beside the name."""
    made: dict[str, Any] = {
        "help": of.help,
        "default": default,
        "show_default": default is not None,
    }
    if of.choices:
        made |= {"type": click.Choice(of.choices)}
    elif of.parse:
        made |= {"callback": checked(of.parse), "metavar": of.metavar}
    elif of.share:
        made |= {"type": _Number(0, 1), "metavar": of.metavar or "SHARE"}
    elif of.minimum is not None:
        number = _Number(min=of.minimum) if of.real else _WholeNumber(min=int(of.minimum))
        if of.metavar:  # hours
            number.name = f"{number.name} of {of.metavar.lower()}, such as 2"
        made |= {"type": number, "metavar": of.metavar or "N"}
    elif default is False:
        made |= {"is_flag": True, "show_default": False}
    else:
        made |= {"metavar": of.metavar}
    return made


def parsed(parse: Callable[[str], Value]) -> Callable[..., Value | None]:
    """The callback of an option that is what `parse` makes of it; its ValueError is wrong usage."""

    def read(_: click.Context, __: click.Parameter, value: str | None) -> Value | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            what = str(error)
            # A question has its mark.
            raise click.BadParameter(what if what.endswith("?") else f"{what}.") from error

    return read


def checked(parse: Callable[[str], object]) -> Callable[..., str | None]:
    """The same of an option that stays as it was typed."""

    def keep(text: str) -> str:
        parse(text)
        return text

    return parsed(keep)
