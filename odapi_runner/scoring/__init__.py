"""How good detections are: matching, COCO's, KITTI's and VOC's figures, and their noise."""
