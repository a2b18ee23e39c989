"""Which network a config describes: each meta-architecture is a folder, and a line here."""

from __future__ import annotations

from odapi_runner.engine.detector import Detector
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.ssd.network import SsdNetwork


def build_detector(spec: Spec) -> Detector:
    """The network of a config, its variables made."""
    detector = SsdNetwork(spec.model)
    detector.build_variables()
    return detector
