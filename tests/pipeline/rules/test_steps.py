"""Rules on steps and batches."""

from support.rule_cases import Case, bend

CASES = {
    "num-steps": Case(
        fails=bend("train_config.num_steps=0"), passes=bend("train_config.num_steps=1000")
    ),
    "batch-size": Case(fails=bend("train_config.batch_size=0"), passes=bend("batch_size=1")),
    "batch-devices": Case(
        fails=bend("batch_size=3"), passes=bend("batch_size=4"), options=(("devices", 2),)
    ),
    # 1950 steps become 2000, the last of which is saved.
    "steps-hundred": Case(
        fails=bend("num_steps=1950"), passes=bend("num_steps=2000"), engine="tf-models"
    ),
    "steps-unsaved": Case(
        fails=bend("num_steps=900"), passes=bend("num_steps=1000"), engine="tf-models"
    ),
}
