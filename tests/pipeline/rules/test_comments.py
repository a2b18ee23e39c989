"""Rules on comments that ignore rules."""

from support.rule_cases import Bend, Case, bend


def first_line(comment: str) -> Bend:
    """The config with a comment on top."""
    return bend(text=lambda text: f"# odapi: ignore={comment}\n{text}")


CASES = {
    "ignore-unknown": Case(fails=first_line("schedule"), passes=bend()),
    "ignore-unused": Case(fails=first_line("schedule-long"), passes=bend()),
}
