"""The anchor generator."""

from __future__ import annotations

from odapi_runner.anchors import MultiscaleAnchors
from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec import Backbone


def read_anchors(generator: Reader, backbone: Backbone) -> MultiscaleAnchors:
    """The anchor generator, whose levels have to be the feature extractor's."""
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
