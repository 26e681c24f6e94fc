"""Thresholds that the published system's scripts gave SSD512 (RealHePoNet, Berral-Soler et al.).

A detector of another network has its own, see `headpose.models.specs.DetectorSpec`.
"""

PICTURE_CONFIDENCE = 0.2  # demo_image.py; a converted SSD512 holds it as its own
VIDEO_CONFIDENCE = 0.65  # demo_video.py
CLEAN_CONFIDENCE = 0.75  # clean_aflw.py and clean_pointing04.py
CLEAN_ALL_CONFIDENCE = 0.65  # clean_all.py
