"""Where a fine-tuning starts: its checkpoint, and what training restores from it.

Source: object_detection/meta_architectures/{ssd,faster_rcnn,center_net}_meta_arch.py,
`restore_from_objects`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from odapi_runner.pipeline.rules.stored import Stored
from odapi_runner.pipeline.rules.subject import Subject

TYPES = ("classification", "detection", "full")

_PROPOSALS = "_feature_extractor_for_proposal_features"
# Below `model`: what the type `detection` restores; the last is the one that has the backbone.
_EXTRACTORS = {
    "ssd": ("_feature_extractor",),
    "faster_rcnn": ("_feature_extractor_for_box_classifier_features", _PROPOSALS),
    "center_net": ("_feature_extractor",),
}
# Below `model`: what only this family has.
_HEADS = {
    "ssd": "_box_predictor",
    "faster_rcnn": "_first_stage_box_predictor",
    "center_net": "_prediction_head_dict",
}
# Below a feature extractor: what only some types have, in words, and these types.
_PARTS = {
    "_bifpn_stage": ("a BiFPN", re.compile(r"ssd_.*_bifpn_keras")),
    "_fpn_features_generator": ("an FPN", re.compile(r"ssd_.*_fpn_keras")),
    "feature_map_generator": ("no FPN", re.compile(r"ssd_(?!.*fpn).*_keras")),
    "fpn_features_generator": ("an FPN", re.compile(r"faster_rcnn_.*_fpn_keras")),
    "layer_with_weights-0": ("no FPN", re.compile(r"faster_rcnn_(?!.*fpn).*_keras")),
    "_base_model": ("a ResNet or an FPN", re.compile(r"(?:resnet_v|mobilenet_v2_fpn).*")),
    "_network": ("neither ResNet nor FPN", re.compile(r"hourglass_.*|mobilenet_v2")),
}


@dataclass(frozen=True, slots=True)
class Start:
    """A checkpoint of TF2 beside the config that begins with it."""

    stored: Stored
    written: str  # as the config has it
    family: str  # of the config's model: ssd, faster_rcnn or center_net
    kind: str  # of `TYPES`
    model: Any  # the message of the family

    @property
    def family_there(self) -> str | None:
        """The family of the detector in the checkpoint; None where it holds none of the three."""
        there = self.stored.children("model")
        return next((family for family, head in _HEADS.items() if head in there), None)

    @property
    def extractor(self) -> tuple[str, ...]:
        """The path of the feature extractor; of a Faster R-CNN that of its first stage."""
        return "model", _EXTRACTORS[self.family][-1]

    @property
    def kinds_of_extractor(self) -> tuple[str, str] | None:
        """What the checkpoint's feature extractor has and the model's, in words; None: unknown."""
        if self.kind == "classification" or self.family_there not in (None, self.family):
            return None
        below = self.stored.children(*self.extractor)
        ours = self.model.feature_extractor.type
        there = [words for part, (words, _) in _PARTS.items() if part in below]
        here = [words for words, types in _PARTS.values() if types.fullmatch(ours)]
        return (there[0], here[0]) if there and here else None

    @property
    def is_alike(self) -> bool:
        """Whether figures can be compared: nothing says that it is another kind of detector."""
        kinds = self.kinds_of_extractor
        return self.family_there in (None, self.family) and (kinds is None or kinds[0] == kinds[1])

    @property
    def backbone(self) -> tuple[str, ...]:
        """The path of the backbone, where the type restores one from."""
        if self.kind == "classification":
            return ("feature_extractor",)
        name = "_base_model" if self.family == "center_net" else "classification_backbone"
        # The first stage of a Faster R-CNN without FPN is the backbone's first stages.
        is_part = self.family == "faster_rcnn" and name not in self.stored.children(*self.extractor)
        return self.extractor if is_part else (*self.extractor, name)

    def restored(self, kind: str) -> list[tuple[str, ...]]:
        """The paths of the objects that a type restores."""
        if kind == "classification":
            return [("feature_extractor",)]
        names = _EXTRACTORS[self.family]
        heads = () if kind == "detection" else (_HEADS[self.family],)
        return [("model", name) for name in (*names, *heads)]


def build_start(subject: Subject) -> Start | None:
    """The start of a fine-tuning; None where there is none, or where other rules speak of it."""
    train, stored, family = subject.config.train_config, subject.stored, subject.family
    kind = train.fine_tune_checkpoint_type
    if stored is None or stored.graph is None or family is None or kind not in TYPES:
        return None
    return Start(stored, train.fine_tune_checkpoint, family, kind, subject.model)
