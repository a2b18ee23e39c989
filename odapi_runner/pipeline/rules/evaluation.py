"""Rules on the evaluation: its metrics, and the images that it takes."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.errors import did_you_mean
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Reader, Subject

_METRICS = "eval_config.metrics_set"
_KNOWN = (
    "coco_detection_metrics",
    "coco_keypoint_metrics",
    "coco_mask_metrics",
    "coco_panoptic_metrics",
    "lvis_mask_metrics",
    "oid_V2_detection_metrics",
    "oid_challenge_detection_metrics",
    "oid_challenge_segmentation_metrics",
    "pascal_voc_detection_metrics",
    "pascal_voc_instance_segmentation_metrics",
    "precision_at_recall_detection_metrics",
    "weighted_pascal_voc_detection_metrics",
    "weighted_pascal_voc_instance_segmentation_metrics",
)
_BY_CATEGORY = {"coco_detection_metrics", "coco_mask_metrics", "lvis_mask_metrics"}
_OF_MASKS = {
    "coco_mask_metrics",
    "lvis_mask_metrics",
    "oid_challenge_segmentation_metrics",
    "pascal_voc_instance_segmentation_metrics",
    "weighted_pascal_voc_instance_segmentation_metrics",
}
_SWITCHES = (
    "include_metrics_per_category",
    "all_metrics_per_category",
    "super_categories",
    "skip_predictions_for_unlabeled_class",
)


def metrics_are_known(subject: Subject) -> Iterator[Finding]:
    """Each name in `metrics_set` is one of a metric; empty means coco_detection_metrics."""
    for name in subject.config.eval_config.metrics_set:
        if name not in _KNOWN:
            fix = did_you_mean(name, _KNOWN) or f"Known metrics: {', '.join(_KNOWN)}."
            yield Finding("metrics", "error", _METRICS, f'there is no metric "{name}"', fix)


def keypoint_metrics_have_parameters(subject: Subject) -> Iterator[Finding]:
    """The metrics of keypoints need a class and its sigmas: they are a `parameterized_metric`."""
    if "coco_keypoint_metrics" in subject.config.eval_config.metrics_set:
        what = "coco_keypoint_metrics needs a class and the sigmas of its keypoints"
        fix = "Write parameterized_metric { coco_keypoint_metrics { class_label: … } } instead."
        yield Finding("metrics-keypoints", "error", _METRICS, what, fix)


def keypoint_metrics_have_a_class(subject: Subject) -> Iterator[Finding]:
    """The class of a keypoint metric is in the label map, by the name that it shows."""
    label_map = next((one.label_map for one in subject.readers if not one.trains), None)
    for number, metric in enumerate(subject.config.eval_config.parameterized_metric):
        label = metric.coco_keypoint_metrics.class_label
        if label_map and label not in label_map.display_names():
            place = f"eval_config.parameterized_metric[{number}].coco_keypoint_metrics.class_label"
            what = f'no class of the label map is shown as "{label}": this metric is left out'
            fix = did_you_mean(label, label_map.display_names()) or "Name a class of the label map."
            yield Finding("metrics-keypoint-class", "warning", place, what, fix)


def mask_metrics_have_masks(subject: Subject) -> Iterator[Finding]:
    """The metrics of masks need a model that predicts masks."""
    names = _OF_MASKS.intersection(subject.config.eval_config.metrics_set)
    if names and subject.family and not subject.learns_masks:
        what = f"{min(names)} measures masks, and the model predicts none"
        yield Finding("metrics-masks", "error", _METRICS, what, "Leave it out of the list.")


def metrics_by_category_are_listed(subject: Subject) -> Iterator[Finding]:
    """What is set for each category counts for metrics that `metrics_set` names.

    Without a name in it, coco_detection_metrics are computed all the same, but without categories.
    """
    evaluation = subject.config.eval_config
    if _BY_CATEGORY.intersection(evaluation.metrics_set):
        return
    for name in _SWITCHES:
        if getattr(evaluation, name):
            what = f"{name} has no effect without a COCO or LVIS metric in metrics_set"
            fix = f"-s {_METRICS}+=coco_detection_metrics"
            yield Finding("metrics-by-category", "warning", f"eval_config.{name}", what, fix)


def first_reader_is_evaluated(subject: Subject) -> Iterator[Finding]:
    """Of several `eval_input_reader` only the first is evaluated."""
    count = len(subject.config.eval_input_reader)
    if count > 1:
        what = f"of {count} readers only the first is evaluated"
        fix = "Give it all the files, or train and evaluate with one config each."
        yield Finding("eval-readers", "warning", "eval_input_reader[1]", what, fix)


def evaluation_has_a_batch(subject: Subject) -> Iterator[Finding]:
    """There are images in a batch of the evaluation."""
    if not subject.config.eval_config.batch_size:
        place = "eval_config.batch_size"
        yield Finding("eval-batch-size", "error", place, "batch_size is 0", f"-s {place}=1")


def evaluation_keeps_its_order(subject: Subject) -> Iterator[Finding]:
    """The images of an evaluation come in their own order.

    `shuffle` is true unless it is set. The metrics are the same, but the images drawn for
    TensorBoard are others each time.
    """
    for reader in _evaluated(subject):
        if reader.settings.shuffle and reader.settings.sample_1_of_n_examples <= 1:
            place = f"{reader.place}.shuffle"
            what = "each evaluation draws other images"
            yield Finding("eval-shuffle", "hint", place, what, f"-s {place}=false")


def evaluation_takes_the_same_images(subject: Subject) -> Iterator[Finding]:
    """Where one of so many images is evaluated, it is the same each time.

    With `shuffle`, which is true unless it is set, each evaluation takes another sample, and the
    figures of two checkpoints are not of the same images.
    """
    for reader in _evaluated(subject):
        if reader.settings.shuffle and reader.settings.sample_1_of_n_examples > 1:
            place = f"{reader.place}.shuffle"
            what = "each evaluation takes another sample of the images"
            yield Finding("eval-sample", "warning", place, what, f"-s {place}=false")


def evaluation_is_one_epoch(subject: Subject) -> Iterator[Finding]:
    """An evaluation sees each image once, whatever `num_epochs` of its reader says."""
    for reader in _evaluated(subject):
        epochs = reader.settings.num_epochs
        if epochs > 1:
            place = f"{reader.place}.num_epochs"
            what = f"an evaluation is one epoch, not {epochs}"
            yield Finding("eval-epochs", "hint", place, what, f"-s {place}=1")


def _evaluated(subject: Subject) -> tuple[Reader, ...]:
    return tuple(reader for reader in subject.readers if not reader.trains)[:1]


_EVALUATORS = "eval_util.py, `get_evaluators`"

RULES = (
    Rule(
        "metrics",
        metrics_are_known,
        api=f"ValueError: Metric not found, when the first evaluation begins ({_EVALUATORS}).",
        fails='metrics_set: "coco_detection_metric"',
        passes='metrics_set: "coco_detection_metrics"',
    ),
    Rule(
        "metrics-keypoints",
        keypoint_metrics_have_parameters,
        api=f"A TypeError: its evaluator takes more than the categories ({_EVALUATORS}).",
        fails='metrics_set: "coco_keypoint_metrics"',
        passes="parameterized_metric { coco_keypoint_metrics { class_label: 'person' … } }",
    ),
    Rule(
        "metrics-keypoint-class",
        keypoint_metrics_have_a_class,
        severity="warning",
        api=f"It leaves out the metric of a class that it does not find ({_EVALUATORS}).",
        fails='class_label: "Person", where the label map shows "person"',
        passes='class_label: "person"',
    ),
    Rule(
        "metrics-masks",
        mask_metrics_have_masks,
        api="A KeyError in the first evaluation, or an evaluation that is cut short "
        "(metrics/coco_evaluation.py, `add_eval_dict`).",
        fails='metrics_set: "coco_mask_metrics", with an SSD',
        passes='metrics_set: "coco_detection_metrics"',
    ),
    Rule(
        "metrics-by-category",
        metrics_by_category_are_listed,
        severity="warning",
        engine="tf-models",
        api="It hands the switches to the metrics named in metrics_set; the default, "
        "coco_detection_metrics, gets none (eval_util.py, `evaluator_options_from_eval_config`). "
        "With one named, an evaluation ends with ValueError: Category stats do not exist, as no "
        "released pycocotools has them (metrics/coco_tools.py); odapi gives them to its own runs.",
        fails="eval_config { include_metrics_per_category: true }",
        passes='metrics_set: "coco_detection_metrics" include_metrics_per_category: true',
    ),
    Rule(
        "eval-readers",
        first_reader_is_evaluated,
        severity="warning",
        engine="tf-models",
        api="eval_index is 0, and model_main_tf2 has no flag for it (model_lib_v2.py, "
        "`eval_continuously`).",
        fails="eval_input_reader { … } eval_input_reader { … }",
        passes="eval_input_reader { … }",
    ),
    Rule(
        "eval-batch-size",
        evaluation_has_a_batch,
        api="tf.data hands out images without a batch, and the model fails on their shape "
        "(builders/dataset_builder.py, `build`).",
        fails="eval_config { batch_size: 0 }",
        passes="eval_config { batch_size: 1 }",
    ),
    Rule(
        "eval-shuffle",
        evaluation_keeps_its_order,
        severity="hint",
        engine="tf-models",
        api="It draws the first num_visualizations images of the stream (model_lib_v2.py, "
        "`eager_eval_loop`; builders/dataset_builder.py).",
        fails="eval_input_reader { }",
        passes="eval_input_reader { shuffle: false }",
    ),
    Rule(
        "eval-sample",
        evaluation_takes_the_same_images,
        severity="warning",
        engine="tf-models",
        api="It takes every nth record after the shuffle (builders/dataset_builder.py, `build`).",
        fails="eval_input_reader { sample_1_of_n_examples: 5 }",
        passes="eval_input_reader { sample_1_of_n_examples: 5 shuffle: false }",
    ),
    Rule(
        "eval-epochs",
        evaluation_is_one_epoch,
        severity="hint",
        api='"Forced number of epochs for all eval validations to be 1." (model_lib_v2.py, '
        "`eval_continuously`).",
        fails="eval_input_reader { num_epochs: 5 }",
        passes="eval_input_reader { num_epochs: 1 }",
    ),
)
