"""What an exported file says in words to whoever runs it; numbers stand beside them.

`examples/` has programs that run the models that ship by this alone. OpenCV's resizing and
Python's rounding (halves to the even number) are what `headpose.geometry.crops` and
`headpose.detection.head_detector` use.
"""

from headpose.geometry import angles

RESIZING = (
    "OpenCV's: INTER_AREA (each pixel the mean of what it covers) where both sides become "
    "smaller, else INTER_LINEAR (pixel centres at halves, edges repeated); the result is "
    "rounded to whole numbers, and what has the size already stays as it is"
)
ANY_SIZE = (
    "factor = long_side / max(width, height); columns = round(width x factor) and rows = "
    "round(height x factor), at least 1; zeros right and below to multiples of `multiple`. "
    "Boxes go back with two factors: x by width / columns, y by height / rows. round: halves "
    "to even"
)
FIXED_SIZE = (
    "stretched to the shape's height and width, always with INTER_LINEAR. Boxes go back with "
    "two factors: x by width / columns, y by height / rows"
)
CROP = (
    "a square about the middle of the head's box (crown to chin) as the detector gives it, not "
    "clipped to the picture: its side is the box's shorter (side: short) or longer (long) one "
    "times margin, rounded, at least 1; left = round(middle - side / 2), shifted into the "
    "picture; where the square is larger than the picture left = round((width - side) / 2) and "
    "the picture's edge is repeated; top alike. round: halves to even. Grey is "
    "round(0.299 R + 0.587 G + 0.114 B), taken before resizing to size x size"
)
SIGNS = (
    f"degrees, as seen by someone who looks at the picture: {angles.SIGNS}; {angles.ROTATION}; "
    "expected_error is the expected error"
)
DECODED_BOXES = [
    "boxes (batch, N, 4): xmin, ymin, xmax, ymax in pixels of the input, not clipped",
    "scores (batch, N) in 0..1; keep those above confidence, then one box of each head, see "
    "suppression",
]
CODED_BOXES = (
    "per level a map of offsets (batch, rows, columns, 4 x shapes), then per level a map of "
    "logits (one a shape: of a head; or two: background, head). Prior boxes lie at the middle "
    "of each cell, one of each shape (width, height); centre = prior centre + variance x offset "
    "x prior size, size = prior size x exp(variance x offset)"
)
CODED_ANGLES = (
    "a (batch, 7). x = unit(scale a[0:3] + (1, 0, 0)); y = (scale a[3:6] + (0, 1, 0)) less its "
    "part along x, unit; z = x cross y. Where profile_turn (degrees) is given: "
    "t = tan(profile_turn) z[0]^3, x' = (x - t z) / sqrt(1 + t^2), "
    "z' = (z + t x) / sqrt(1 + t^2), and x' and z' take the place of x and z. R has the columns "
    "x, y and z; z is the direction of the nose. tilt = atan2(z[1], z[2]), pan = -asin(z[0]), "
    "roll = atan2(y[0], x[0]); where |tilt| > 90 degrees it is tilt + 180, 180 - pan and "
    "roll + 180 degrees, each wrapped to -180..180. azimuth = atan2(-z[0], z[2]), "
    "elevation = asin(z[1]). expected_error = min_error + error_scale softplus(a[6]), degrees"
)
CLASSIFIED = (
    "logit (batch, 1) of a crop that shows a head. The detector named here finds candidates; "
    "after suppression one with a score s gets the score sigmoid(a log(s / (1 - s)) + b logit + "
    "c), with `weights` a, b and c; where s is below `lowest` the classifier need not be asked: "
    "the logit is 0"
)
