"""Rules that speak for the builtin engine."""

from support.rule_cases import Case, bend

CASES = {
    "engine": Case(
        fails=bend("graph_rewriter.quantization.delay=48000"),
        passes=bend("train_config.gradient_clipping_by_norm=1"),
    ),
    "tuning": Case(
        fails=bend("train_input_reader.num_readers=1"),
        passes=bend("train_input_reader.sample_1_of_n_examples=1"),
    ),
}
