"""Rules on sizes and levels."""

from support.rule_cases import Case, bend

RESIZER = "model.ssd.image_resizer.keep_aspect_ratio_resizer"
LEVEL = "model.ssd.anchor_generator.multiscale_anchor_generator.max_level"

CASES = {
    "image-resizer": Case(
        fails=bend(f"{RESIZER}.min_dimension=129"), passes=bend(f"{RESIZER}.min_dimension=128")
    ),
    # 640 is 5 * 128, and 704 is 5.5 * 128.
    "image-size": Case(fails=bend("image_size=704"), passes=bend("image_size=640")),
    "image-small": Case(
        fails=bend("image_size=128"), passes=bend("image_size=256"), engine="tf-models"
    ),
    "batch-shapes": Case(
        fails=bend(
            "model.faster_rcnn.image_resizer.keep_aspect_ratio_resizer.pad_to_max_dimension=false"
        ),
        passes=bend(
            "model.faster_rcnn.image_resizer.keep_aspect_ratio_resizer.pad_to_max_dimension=false",
            "train_config.batch_size=1",
        ),
        model="faster_rcnn",
        engine="tf-models",
        options=(("records", False),),
    ),
    "anchor-levels": Case(fails=bend(f"{LEVEL}=6"), passes=bend(f"{LEVEL}=7")),
}
