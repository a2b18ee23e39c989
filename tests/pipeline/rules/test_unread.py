"""Rules on fields that nothing reads."""

from support.rule_cases import Case, bend

CASES = {
    "no-effect": Case(
        fails=bend("eval_config.max_evals=0"), passes=bend("eval_config.num_visualizations=0")
    ),
    "freezing": Case(
        fails=bend("train_config.freeze_variables=[conv]"),
        passes=bend("model.ssd.freeze_batchnorm=true"),
        engine="tf-models",
    ),
    "quantization": Case(
        fails=bend("graph_rewriter.quantization.delay=48000"), passes=bend(), engine="tf-models"
    ),
    "bfloat16": Case(
        fails=bend("train_config.use_bfloat16=true"), passes=bend("train_config.use_bfloat16=false")
    ),
    "load-all-variables": Case(
        fails=bend("train_config.load_all_detection_checkpoint_vars=true"),
        passes=bend("train_config.load_all_detection_checkpoint_vars=false"),
    ),
}
