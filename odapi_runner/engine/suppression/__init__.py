"""From class scores and boxes to detections, the same for every meta-architecture."""
