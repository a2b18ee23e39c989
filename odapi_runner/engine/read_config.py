"""A pipeline.config turned into the engine's `Spec`, or refused (no TensorFlow here).

Every field is asked for through `fields.Reader`, so that `refused` can name each one that is set
and would stay without effect.
"""

from __future__ import annotations

from typing import Any

from odapi_runner.anchors import MultiscaleAnchors
from odapi_runner.engine.fields import Reader, Refusal, unread
from odapi_runner.engine.ignored import IGNORED
from odapi_runner.engine.spec import (
    Augmentation,
    Backbone,
    BatchNorm,
    BoxCodeScale,
    BoxPredictor,
    Evaluation,
    HorizontalFlip,
    Hyperparams,
    Initializer,
    Input,
    Loss,
    Matcher,
    Nms,
    Resizer,
    ScaleCropPad,
    Spec,
    Ssd,
    Train,
)
from odapi_runner.errors import ConfigError
from odapi_runner.schedules import ConstantRate, CosineDecay, Schedule

EFFICIENTDET_TYPES = tuple(f"ssd_efficientnet-b{number}_bifpn_keras" for number in range(8))
MAX_EFFICIENTNET_LEVEL = 5


def build_spec(config: Any) -> Spec:
    """The engine's view of a TrainEvalPipelineConfig.

    Raises:
        ConfigError: a field is set that the engine cannot honour; the sentence names them all.
    """
    spec, refusals = _read(config)
    if refusals:
        listed = "; ".join(f"{item.path} {item.reason}" for item in refusals)
        raise ConfigError(
            f"the builtin engine cannot honour this config: {listed}",
            fix=" ".join(dict.fromkeys(item.fix for item in refusals)),
        )
    return spec


def refused(config: Any) -> list[Refusal]:
    """The fields of a config that keep the engine from honouring it; empty where it can."""
    return _read(config)[1]


def _read(config: Any) -> tuple[Spec, list[Refusal]]:
    reader = Reader(config)
    spec = _spec(reader)
    return spec, reader.notes.refusals + unread(config, reader.notes, IGNORED)


def _spec(reader: Reader) -> Spec:
    _, ssd = reader.message("model").member("model", ("ssd",))
    train_input = reader.message("train_input_reader")
    eval_inputs = list(reader.messages("eval_input_reader"))
    if len(eval_inputs) != 1:
        reader.refuse("eval_input_reader", f"is there {len(eval_inputs)} times", ("one of it",))
    return Spec(
        model=_ssd(ssd),
        train=_train(reader.message("train_config")),
        train_input=_input(train_input, shuffle=train_input.value("shuffle")),
        evaluation=_evaluation(reader.message("eval_config")),
        # Which of several readers is looked at here does not matter: they are refused.
        eval_input=_input(eval_inputs[0] if eval_inputs else train_input, shuffle=False),
    )


def _ssd(ssd: Reader) -> Ssd:
    ssd.require("add_background_class", (False,))
    ssd.require(
        "encode_background_as_zeros",
        (True,),
        "without a background class the first class would stand for it",
    )
    ssd.require("explicit_background_class", (False,))
    ssd.require("use_confidences_as_targets", (False,))
    ssd.message("similarity_calculator").member("region_similarity", ("iou_similarity",))
    if ssd.value("num_classes") < 1:
        ssd.refuse("num_classes", "is below 1", ("the number of classes of the label map",))
    backbone = _backbone(ssd.message("feature_extractor"))
    return Ssd(
        num_classes=ssd.value("num_classes"),
        resizer=_resizer(ssd.message("image_resizer"), 2**backbone.max_level),
        backbone=backbone,
        box_predictor=_box_predictor(ssd.message("box_predictor")),
        anchors=_anchors(ssd.message("anchor_generator"), backbone),
        box_code_scale=_box_code_scale(ssd.message("box_coder")),
        matcher=_matcher(ssd.message("matcher")),
        loss=_loss(ssd),
        nms=_nms(ssd.message("post_processing")),
        freeze_batchnorm=ssd.value("freeze_batchnorm"),
    )


def _resizer(resizer: Reader, multiple: int) -> Resizer:
    """The resizer; the coarsest level of the pyramid needs a side in multiples of its stride."""
    _, keep = resizer.member("image_resizer_oneof", ("keep_aspect_ratio_resizer",))
    keep.require("pad_to_max_dimension", (True,), "EfficientDet needs inputs of one size")
    keep.require("resize_method", ("BILINEAR",))
    keep.require("convert_to_grayscale", (False,))
    size = keep.value("max_dimension")
    if keep.value("min_dimension") != size:
        keep.refuse("min_dimension", f"is not max_dimension ({size})", (size,))
    if size < multiple or size % multiple:
        keep.refuse("max_dimension", f"{size} does not fit the pyramid", (f"n * {multiple}",))
    pad_value = keep.value("per_channel_pad_value") or (0.0, 0.0, 0.0)
    if len(pad_value) != 3:
        keep.refuse("per_channel_pad_value", "has not three values", ("one for each channel",))
    return Resizer(size, pad_value)


def _backbone(extractor: Reader) -> Backbone:
    extractor.require("type", EFFICIENTDET_TYPES)
    extractor.require("depth_multiplier", (1.0,), "EfficientNets are scaled by their number")
    extractor.require("pad_to_multiple", (1,))
    extractor.require("use_explicit_padding", (False,))
    extractor.require("use_depthwise", (False,), "BiFPN is separable anyway")
    extractor.require("replace_preprocessor_with_placeholder", (False,))
    _, bifpn = extractor.member("feature_pyramid_oneof", ("bifpn",))
    methods = ("fast_attention", "attention", "weighted_sum", "sum")
    levels = bifpn.value("min_level"), bifpn.value("max_level")
    if not 1 <= levels[0] <= min(MAX_EFFICIENTNET_LEVEL, levels[1] - 1):
        bifpn.refuse("min_level", f"{levels[0]} makes no pyramid up to {levels[1]}", (3,))
    if bifpn.value("num_iterations") < 1:
        bifpn.refuse("num_iterations", "is below 1", (3,))
    return Backbone(
        type=extractor.value("type"),
        hyperparams=_hyperparams(extractor.message("conv_hyperparams")),
        override_hyperparams=extractor.value("override_base_feature_extractor_hyperparams"),
        min_level=levels[0],
        max_level=levels[1],
        num_iterations=bifpn.value("num_iterations"),
        num_filters=max(bifpn.value("num_filters"), extractor.value("min_depth")),
        combine_method=bifpn.require("combine_method", methods),
    )


def _box_predictor(predictor: Reader) -> BoxPredictor:
    _, shared = predictor.member(
        "box_predictor_oneof", ("weight_shared_convolutional_box_predictor",)
    )
    shared.require("box_code_size", (4,))
    shared.require("use_dropout", (False,))
    shared.require("score_converter", ("IDENTITY",))
    return BoxPredictor(
        hyperparams=_hyperparams(shared.message("conv_hyperparams")),
        hyperparams_to_heads=shared.value("apply_conv_hyperparams_to_heads"),
        hyperparams_pointwise=shared.value("apply_conv_hyperparams_pointwise"),
        num_layers=shared.value("num_layers_before_predictor"),
        depth=shared.value("depth"),
        kernel_size=shared.value("kernel_size"),
        class_bias=shared.value("class_prediction_bias_init"),
        separable=shared.value("use_depthwise"),
        shared_tower=shared.value("share_prediction_tower"),
    )


def _hyperparams(hyperparams: Reader) -> Hyperparams:
    hyperparams.require("op", ("CONV",))
    hyperparams.require("regularize_depthwise", (False,))
    batch_norm = None
    if hyperparams.choice("normalizer_oneof") is not None:
        _, norm = hyperparams.member("normalizer_oneof", ("batch_norm",))
        norm.require("train", (True,), "freeze_batchnorm of the model does that")
        batch_norm = BatchNorm(
            norm.value("decay"), norm.value("center"), norm.value("scale"), norm.value("epsilon")
        )
    l2_weight = None
    regularizer = hyperparams.message("regularizer")
    if regularizer.choice("regularizer_oneof") is not None:
        _, l2 = regularizer.member("regularizer_oneof", ("l2_regularizer",))
        l2_weight = l2.value("weight")
    return Hyperparams(
        l2_weight=l2_weight,
        initializer=_initializer(hyperparams.message("initializer")),
        activation=hyperparams.enum("activation"),
        batch_norm=batch_norm,
        force_use_bias=hyperparams.value("force_use_bias"),
    )


def _initializer(initializer: Reader) -> Initializer:
    kinds = ("truncated_normal_initializer", "random_normal_initializer")
    kind, normal = initializer.member("initializer_oneof", kinds)
    return Initializer(
        kind.removesuffix("_initializer"), normal.value("mean"), normal.value("stddev")
    )


def _anchors(generator: Reader, backbone: Backbone) -> MultiscaleAnchors:
    _, multiscale = generator.member("anchor_generator_oneof", ("multiscale_anchor_generator",))
    multiscale.require("normalize_coordinates", (True,))
    for name in ("min_level", "max_level"):
        level = getattr(backbone, name)
        multiscale.require(name, (level,), f"bifpn has {level}")
    return MultiscaleAnchors(
        min_level=multiscale.value("min_level"),
        max_level=multiscale.value("max_level"),
        anchor_scale=multiscale.value("anchor_scale"),
        aspect_ratios=multiscale.value("aspect_ratios"),
        scales_per_octave=multiscale.value("scales_per_octave"),
        normalize=True,
    )


def _box_code_scale(coder: Reader) -> BoxCodeScale:
    _, faster = coder.member("box_coder_oneof", ("faster_rcnn_box_coder",))
    names = ("y_scale", "x_scale", "height_scale", "width_scale")
    return BoxCodeScale(*(faster.value(name) for name in names))


def _matcher(matcher: Reader) -> Matcher:
    _, argmax = matcher.member("matcher_oneof", ("argmax_matcher",))
    argmax.require("ignore_thresholds", (False,))
    matched, unmatched = argmax.value("matched_threshold"), argmax.value("unmatched_threshold")
    if unmatched > matched:
        argmax.refuse(
            "unmatched_threshold", f"is above matched_threshold ({matched:g})", (matched,)
        )
    return Matcher(
        matched_threshold=matched,
        unmatched_threshold=unmatched,
        negatives_below_unmatched=argmax.value("negatives_lower_than_unmatched"),
        force_match=argmax.value("force_match_for_each_row"),
    )


def _loss(ssd: Reader) -> Loss:
    loss = ssd.message("loss")
    loss.require("expected_loss_weights", ("NONE",))
    _, focal = loss.message("classification_loss").member(
        "classification_loss", ("weighted_sigmoid_focal",)
    )
    _, smooth = loss.message("localization_loss").member(
        "localization_loss", ("weighted_smooth_l1",)
    )
    return Loss(
        alpha=focal.value("alpha") if focal.has("alpha") else None,
        gamma=focal.value("gamma"),
        delta=smooth.value("delta"),
        classification_weight=loss.value("classification_weight"),
        localization_weight=loss.value("localization_weight"),
        negative_class_weight=ssd.value("negative_class_weight"),
        normalize_by_matches=ssd.value("normalize_loss_by_num_matches"),
        normalize_by_code_size=ssd.value("normalize_loc_loss_by_codesize"),
    )


def _nms(post: Reader) -> Nms:
    nms = post.message("batch_non_max_suppression")
    nms.require("use_class_agnostic_nms", (False,))
    nms.require("soft_nms_sigma", (0.0,))
    nms.require("change_coordinate_frame", (True,))
    return Nms(
        score_converter=post.require("score_converter", ("SIGMOID", "IDENTITY")),
        logit_scale=post.value("logit_scale"),
        score_threshold=nms.value("score_threshold"),
        iou_threshold=nms.value("iou_threshold"),
        max_per_class=nms.value("max_detections_per_class"),
        max_total=nms.value("max_total_detections"),
    )


def _train(train: Reader) -> Train:
    optimizer = train.message("optimizer")
    optimizer.require("use_moving_average", (False,))
    _, momentum = optimizer.member("optimizer", ("momentum_optimizer",))
    train.require("merge_multiple_label_boxes", (False,))
    train.require("use_multiclass_scores", (False,))
    train.require("load_all_detection_checkpoint_vars", (False,))
    checkpoint = train.value("fine_tune_checkpoint")
    if checkpoint:
        train.require("fine_tune_checkpoint_version", ("V2",))
    kind = train.value("fine_tune_checkpoint_type")
    if not kind:
        kind = "detection" if train.value("from_detection_checkpoint") else "classification"
    elif checkpoint:
        train.require("fine_tune_checkpoint_type", ("detection", "classification", "full"))
    # Without a checkpoint these say nothing, there as here.
    train.value("fine_tune_checkpoint_version")
    train.value("from_detection_checkpoint")
    return Train(
        batch_size=train.value("batch_size"),
        num_steps=train.value("num_steps"),
        augmentations=tuple(map(_augmentation, train.messages("data_augmentation_options"))),
        schedule=_schedule(momentum.message("learning_rate")),
        momentum=momentum.value("momentum_optimizer_value"),
        clip_norm=train.value("gradient_clipping_by_norm"),
        regularize=train.value("add_regularization_loss"),
        fine_tune_checkpoint=checkpoint,
        fine_tune_type=kind,
    )


def _schedule(rate: Reader) -> Schedule:
    kinds = ("cosine_decay_learning_rate", "constant_learning_rate")
    kind, schedule = rate.member("learning_rate", kinds)
    if kind == "constant_learning_rate":
        return ConstantRate(schedule.value("learning_rate"))
    return CosineDecay(
        base=schedule.value("learning_rate_base"),
        total_steps=schedule.value("total_steps"),
        warmup_rate=schedule.value("warmup_learning_rate"),
        warmup_steps=schedule.value("warmup_steps"),
        hold_steps=schedule.value("hold_base_rate_steps"),
    )


def _augmentation(step: Reader) -> Augmentation:
    kinds = ("random_horizontal_flip", "random_scale_crop_and_pad_to_square")
    kind, options = step.member("preprocessing_step", kinds)
    if kind == "random_horizontal_flip":
        return HorizontalFlip(options.value("probability"))
    return ScaleCropPad(
        options.value("output_size"), options.value("scale_min"), options.value("scale_max")
    )


def _input(reader: Reader, *, shuffle: bool) -> Input:
    _, records = reader.member("input_reader", ("tf_record_input_reader",))
    reader.require("input_type", ("TF_EXAMPLE",))
    return Input(
        label_map=reader.value("label_map_path"),
        patterns=records.value("input_path"),
        shuffle=shuffle,
        # 0 takes every record there, too.
        sample_1_of_n=max(1, reader.value("sample_1_of_n_examples")),
        max_boxes=reader.value("max_number_of_boxes"),
    )


def _evaluation(evaluation: Reader) -> Evaluation:
    known = ("coco_detection_metrics",)
    for name in evaluation.value("metrics_set"):
        if name not in known:
            evaluation.refuse("metrics_set", f"{name} is not supported", known)
    evaluation.require("use_moving_averages", (False,))
    evaluation.require("all_metrics_per_category", (False,))
    return Evaluation(
        batch_size=evaluation.value("batch_size"),
        per_category=evaluation.value("include_metrics_per_category"),
        num_visualizations=evaluation.value("num_visualizations"),
        min_score=evaluation.value("min_score_threshold"),
        max_boxes_drawn=evaluation.value("max_num_boxes_to_visualize"),
    )
