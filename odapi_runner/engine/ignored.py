"""Fields of a config that stay without effect, here as in TF2's Object Detection API.

It does not read them, or reads them for its speed or for something that is refused anyway; each
has its reason. What it honours and this engine does not is no case for this table: it is refused.
"""

from __future__ import annotations

from odapi_runner.proto.unread import UNREAD

_PADDING = "the engine pads groundtruth to the longest list of a batch; the figures are the same"
_PIPELINE = "it tunes the Object Detection API's input pipeline; this engine has another"
_SHUFFLE = "the engine shuffles whole epochs, which is more than any buffer"

_SEQUENCES = "it counts with TF_SEQUENCE_EXAMPLE only"
_KEYPOINTS = "it counts with num_keypoints only"

_INPUT_TUNING = {
    "shuffle_buffer_size": _SHUFFLE,
    "filenames_shuffle_buffer_size": _SHUFFLE,
    "num_readers": _PIPELINE,
    "num_parallel_batches": _PIPELINE,
    "num_prefetch_batches": _PIPELINE,
    "read_block_length": _PIPELINE,
    "num_parallel_map_calls": _PIPELINE,
}
_INPUT_IGNORED = {
    "num_epochs": "training ends at num_steps and an evaluation is one epoch, there as here",
    "drop_remainder": "training batches are always whole and evaluation drops nothing",
    "include_source_id": "source ids are always read",
    "use_display_name": "names and displayed names are both looked up, there as here",
    "frame_index": _SEQUENCES,
    "load_context_image_ids": _SEQUENCES,
    "mask_type": "it counts with load_instance_masks only",
    "keypoint_type_weight": _KEYPOINTS,
    "load_keypoint_depth_features": _KEYPOINTS,
    "use_keypoint_label_map": "no code of the Object Detection API hands it on to its decoder",
    "name": "it names a folder of event files; runs keep theirs in eval/",
}

_RECALL = "it counts with precision_at_recall_detection_metrics only"
_DEPTHWISE = "the Object Detection API reads it under TF1 only: TF2 decides it by the layer"
_DROPOUT = "it counts with use_dropout only"
_EXTRACTOR = "model.ssd.feature_extractor"
_CONVOLUTIONAL = "model.ssd.box_predictor.convolutional_box_predictor"
_WEIGHT_SHARED = "model.ssd.box_predictor.weight_shared_convolutional_box_predictor"
_NMS = "model.ssd.post_processing.batch_non_max_suppression"
_MODEL_IGNORED = {
    f"{_NMS}.use_cpu_nms": "evaluation runs on the CPU, and the figures are the same",
    f"{_NMS}.use_hard_nms": "soft_nms_sigma decides; the two together are refused",
    f"{_NMS}.use_partitioned_nms": "the same figures, computed in tiles with use_static_shapes",
    f"{_NMS}.max_classes_per_detection": "it counts with use_class_agnostic_nms only",
    **{
        f"{part}.conv_hyperparams.regularize_depthwise": _DEPTHWISE
        for part in (_EXTRACTOR, _CONVOLUTIONAL, _WEIGHT_SHARED)
    },
    **{f"{part}.dropout_keep_probability": _DROPOUT for part in (_CONVOLUTIONAL, _WEIGHT_SHARED)},
    f"{_CONVOLUTIONAL}.apply_sigmoid_to_scores": "the Object Detection API reads it under TF1 only",
}

_EXPECTED = "it counts with expected_loss_weights only, which the Object Detection API stops at"
_EQUALIZATION = "the Object Detection API's SSD keeps it and never reads it"
_LOSS = "model.ssd.loss"
_LOSSES_IGNORED = {
    "model.ssd.implicit_example_weight": "it counts with use_confidences_as_targets only",
    f"{_LOSS}.min_num_negative_samples": _EXPECTED,
    f"{_LOSS}.desired_negative_sampling_ratio": _EXPECTED,
    f"{_LOSS}.equalization_loss": _EQUALIZATION,
    f"{_LOSS}.equalization_loss.weight": _EQUALIZATION,
    f"{_LOSS}.equalization_loss.exclude_prefixes": _EQUALIZATION,
}

# What has an effect in the Object Detection API, on speed or on the order of images.
TUNING = {
    f"{reader}.{name}": reason
    for reader in ("train_input_reader", "eval_input_reader")
    for name, reason in _INPUT_TUNING.items()
}

# What TF2's Object Detection API silently leaves undone is wanted where it is written: it is
# refused here.
_WANTED = {
    "graph_rewriter",
    "model.ssd.mask_head_config",
}

IGNORED = {
    **{path: reason for path, reason in UNREAD.items() if path not in _WANTED},
    **TUNING,
    **_MODEL_IGNORED,
    **{f"train_input_reader.{name}": reason for name, reason in _INPUT_IGNORED.items()},
    **{f"eval_input_reader.{name}": reason for name, reason in _INPUT_IGNORED.items()},
    "eval_input_reader.load_multiclass_scores": "an evaluation counts by the class of a box",
    "eval_input_reader.shuffle": "the order of the images does not change the metrics",
    "model.ssd.matcher.argmax_matcher.use_matmul_gather": "the same values, gathered another way",
    **_LOSSES_IGNORED,
    "train_config.retain_original_images": "training shows the images as the network sees them",
    "train_config.unpad_groundtruth_tensors": _PADDING,
    "train_config.use_bfloat16": "the Object Detection API reads it on TPUs only",
    "train_config.run_fine_tune_checkpoint_dummy_computation": "layers are always built first",
    "train_config.optimizer.moving_average_decay": "it counts with use_moving_average only",
    "eval_config.force_no_resize": "the network's input is resized all the same, there as here",
    "eval_config.keypoint_edge": "it draws keypoints, and an ssd finds none",
    "eval_config.recall_lower_bound": _RECALL,
    "eval_config.recall_upper_bound": _RECALL,
    "eval_config.retain_original_image_additional_channels": (
        "it counts with num_additional_channels only"
    ),
    "eval_config.retain_original_images": "the images are read again when they are drawn",
}
