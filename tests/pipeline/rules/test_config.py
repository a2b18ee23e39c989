"""The rule on the file itself."""

from support.rule_cases import Case, bend

CASES = {
    "config": Case(
        fails=bend(text=lambda text: text.replace("batch_size", "batch_sise", 1)),
        passes=bend(text=lambda text: f"# batch_sise\n{text}"),
    ),
}
