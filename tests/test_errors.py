"""Errors as they are shown."""

from __future__ import annotations

import pickle

from odapi_runner.errors import DataError, OdapiError, printable


def test_an_error_is_two_lines() -> None:
    """What happened, then what to do."""
    error = OdapiError("a.config: no such file", fix="Check the path.")

    assert error.format_message() == "a.config: no such file\n  Check the path."


def test_what_an_error_quotes_can_be_printed() -> None:
    """Control characters, odd blanks and names that are no UTF-8 become escapes, Korean stays."""
    error = OdapiError("자동차\x00\ttab\udcff\u2028", fix="-s name=a\nb")

    assert error.what == "자동차\\x00\\ttab\\udcff\\u2028"
    assert error.fix == "-s name=a\\nb"
    assert printable("한글 경로") == "한글 경로"


def test_an_error_may_list_lines_none_of_them_long() -> None:
    """Faults of a data set stand below one another; what one quotes is cut off."""
    error = OdapiError("two faults:\n" + "x" * 1000, fix="Remove them.")

    first, second = error.what.split("\n")
    assert first == "two faults:"
    assert second == "x" * 499 + "…"


def test_an_error_survives_the_way_between_processes() -> None:
    """Kind, sentence and remedy come back from a worker."""
    error = pickle.loads(pickle.dumps(DataError("a\nb", fix="c")))

    assert (type(error), error.what, error.fix) == (DataError, "a\nb", "c")
