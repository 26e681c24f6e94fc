"""Kinds of problems that several readers tell of, see `headpose.datasets.label_tables.Problems`.

Those of one reader alone stand beside it.
"""

MISSING_PICTURE = "missing picture"
UNREADABLE_PICTURE = "unreadable picture"
NO_PICTURE = "unreadable or missing picture"
# Data that is not there, or broken: commands end with status 1 where there is any.
GONE = frozenset({MISSING_PICTURE, UNREADABLE_PICTURE, NO_PICTURE})

BAD_ROW = "bad row"
BAD_BOX = "bad box"
OUTSIDE = "box outside the picture"
NO_ANGLES = "no angles"
NO_POSE = "label without pose"
NO_RECTANGLE = "label without rectangle"
