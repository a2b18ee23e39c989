"""What google/automl's EfficientDet calls its metrics.

Its `main.py` trains an estimator, whose lines `estimator` reads:

    INFO:tensorflow:box_loss = 0.02982529, cls_loss = 1.1108897, det_loss = 2.6021543, step = 0
    INFO:tensorflow:Saving dict for global step 748: AP = 0.31, AP50 = 0.52, …, AP_/car = 0.44, …

Its `box_loss` keeps its name: it lacks the weight (50) that the losses of the Object Detection API
have.
Source: google/automl efficientdet/coco_metric.py (`metric_names`), det_model_fn.py (`_model_fn`).
"""

from __future__ import annotations

from odapi_runner.metrics import CATEGORY_TAG, COCO_METRICS, LEARNING_RATE, LOSS_TAGS

# In the order of COCOeval.stats.
_PRECISION = ("AP", "AP50", "AP75", "APs", "APm", "APl")
_RECALL = ("ARmax1", "ARmax10", "ARmax100", "ARs", "ARm", "ARl")

TAGS = {
    **dict(zip(_PRECISION + _RECALL, (metric.tag for metric in COCO_METRICS), strict=True)),
    "cls_loss": LOSS_TAGS["loss_classification"],
    "reg_l2_loss": LOSS_TAGS["loss_regularization"],
    "loss": LOSS_TAGS["loss_total"],
    "lrn_rate": LEARNING_RATE,
}
_OF_A_CLASS = "AP_/"


def tag_of(name: str) -> str:
    """The tag of a metric or a loss of automl's; any other name as it is."""
    if name.startswith(_OF_A_CLASS):
        return CATEGORY_TAG + name.removeprefix(_OF_A_CLASS)
    return TAGS.get(name, name)
