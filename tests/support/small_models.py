"""Models of other families than the base workspace's, as small as their language allows."""

from __future__ import annotations

from typing import Any

from odapi_runner.proto.text import parse_pipeline

_RESIZER = """
image_resizer {
  keep_aspect_ratio_resizer {
    min_dimension: 256 max_dimension: 256 pad_to_max_dimension: true
  }
}
"""
FASTER_RCNN = f"""
faster_rcnn {{
  num_classes: 3
  {_RESIZER}
  feature_extractor {{ type: "faster_rcnn_resnet50_keras" }}
  first_stage_anchor_generator {{ grid_anchor_generator {{ scales: 0.25 aspect_ratios: 1.0 }} }}
  second_stage_box_predictor {{ mask_rcnn_box_predictor {{ }} }}
}}
"""
_LOSS = """
classification_loss { penalty_reduced_logistic_focal_loss { } }
"""
CENTER_NET = f"""
center_net {{
  num_classes: 3
  {_RESIZER}
  feature_extractor {{ type: "resnet_v2_50" }}
  object_center_params {{ {_LOSS} }}
  object_detection_task {{ localization_loss {{ l1_localization_loss {{ }} }} }}
}}
"""
_MASKS = FASTER_RCNN.replace(
    "mask_rcnn_box_predictor { }", "mask_rcnn_box_predictor { predict_instance_masks: true }"
)
_KEYPOINTS = (
    CENTER_NET.rstrip()[:-1]
    + """
  keypoint_label_map_path: "data/kitti/keypoints.pbtxt"
  keypoint_estimation_task { keypoint_class_name: "Pedestrian" }
}
"""
)
MODELS = {
    "faster_rcnn": FASTER_RCNN,
    "mask_rcnn": _MASKS.replace("num_classes: 3", "num_classes: 3 number_of_stages: 3"),
    "center_net": CENTER_NET,
    "keypoints": _KEYPOINTS,
}

# The label map that `keypoints` names.
KEYPOINT_MAP = """
item {
  id: 2 name: "Pedestrian"
  keypoints { id: 0 label: "head" }
  keypoints { id: 1 label: "foot" }
}
"""


def parse_model(name: str) -> Any:
    """The DetectionModel of one of `MODELS`."""
    return parse_pipeline(f"model {{ {MODELS[name]} }}", name).model
