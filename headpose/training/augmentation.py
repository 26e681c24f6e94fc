"""Changes to pictures that keep their labels: light, colour, blur, noise, compression."""

import cv2
import numpy as np

from headpose.training.detection_config import COLOURLESS

# Shares of the examples of detectors: in brown tones, too dark, pale.
SEPIA, DARK, FADED = 0.05, 0.1, 0.1
SEPIA_TONE = np.array([0.7, 0.95, 1.15], np.float32)  # factors on blue, green, red


def photometric(
    rng: np.random.Generator, picture: np.ndarray, colourless: float = COLOURLESS
) -> np.ndarray:
    """Draws a change of light and quality for a colour picture.

    Args:
        rng: Where draws come from.
        picture: uint8 (H, W, 3), BGR.
        colourless: Probability of no colour.

    Returns:
        A new picture of the same shape.
    """
    kind = rng.random()
    if kind < DARK:
        contrast, brightness = (0.5, 1.0), (0.25, 0.6)
    elif kind < DARK + FADED:
        contrast, brightness = (0.25, 0.6), (0.8, 1.2)
    else:
        contrast, brightness = (0.7, 1.3), (0.7, 1.3)
    picture = cv2.LUT(picture, _curve(rng, contrast, brightness, channels=3))
    kind = rng.random()
    if kind < colourless + SEPIA:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if colourless <= kind < colourless + SEPIA:
        tint = 1 + rng.uniform(0.3, 1) * (SEPIA_TONE - 1)
        picture = np.clip(np.rint(picture * tint), 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < 0.15:
        picture = add_noise(rng, picture, rng.uniform(2, 10))
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        encoded = cv2.imencode(".jpg", picture, quality)[1]
        picture = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return picture


def _curve(rng, contrast, brightness, channels: int) -> np.ndarray:
    """Returns a look-up table (1, 256, channels) of a random tone curve."""
    values = np.arange(256, dtype=np.float32)[:, None]
    gain = rng.uniform(*brightness) * (rng.uniform(0.9, 1.1, channels) if channels > 1 else 1)
    values = (values - 128) * rng.uniform(*contrast) + 128
    return np.rint(np.clip(values * gain, 0, 255)).astype(np.uint8)[None]


def add_noise(rng: np.random.Generator, picture: np.ndarray, deviation: float) -> np.ndarray:
    """Adds Gaussian noise of a standard deviation in grey levels."""
    noise = np.empty(picture.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(1 << 31)))
    # Arrays of one: OpenCV takes a number for the first channel's alone.
    cv2.randn(noise, np.zeros(1), np.full(1, deviation))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def quality(rng: np.random.Generator, crop: np.ndarray, options) -> np.ndarray:
    """Draws a change of light and quality for a crop.

    Args:
        rng: Where draws come from.
        crop: uint8 (S, S), or (S, S, 3) BGR.
        options: `headpose.training.pose_config.Augmentation`.

    Returns:
        uint8 of the crop's shape.
    """
    size, channels = crop.shape[0], crop.shape[2:]
    if channels and rng.random() < options.colourless:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < options.low_resolution:
        small = max(8, int(size * np.exp(rng.uniform(np.log(0.25), 0))))
        crop = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < options.blur:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.3, 1.5))
    curve = _curve(rng, options.contrast, options.brightness, *channels or (1,))
    crop = cv2.LUT(crop, curve if channels else curve[..., 0])
    if rng.random() < options.dark:
        gain, base = rng.uniform(0.05, 0.3), rng.uniform(0, 60)
        crop = add_noise(rng, (crop * gain + base).astype(np.uint8), rng.uniform(0.5, 4))
    if rng.random() < options.shading:
        slope_x, slope_y = rng.uniform(-0.6, 0.6, 2)
        ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
        light = 1 + slope_x * ramp + slope_y * ramp[:, None]
        crop = np.clip(crop * (light[..., None] if channels else light), 0, 255)
        crop = crop.astype(np.uint8)
    if rng.random() < options.noise:
        crop = add_noise(rng, crop, rng.uniform(1, 12))
    if rng.random() < options.occlusion:
        extent = rng.integers(size // 8, size // 3, 2)
        low = rng.integers(0, size - extent)
        crop[low[0] : low[0] + extent[0], low[1] : low[1] + extent[1]] = rng.integers(
            0, 256, *channels or (None,)
        )
    return crop
