"""Films of squares, which `annotate_fakes.SquarePipeline` takes for heads."""

import numpy as np

RATE, SECONDS = 10, 6
# Of squares: left and top at the start, pixels a frame, size, brightness, first and last frame.
SQUARES = [
    (10, 20, 1, 0, 24, 250, 0, 60),  # crosses every part
    (120, 60, -1, 0, 20, 200, 13, 47),  # comes in the second, leaves in the fifth
    (60, 80, 0, 0, 20, 90, 5, 60),  # too dim to begin a track
    (40, 85, 1, 0, 16, 220, 28, 32),  # where two parts meet
    (130, 10, 0, 1, 16, 240, 50, 60),  # late
]


def film(path):
    """Writes a film of squares on noise, with pictures that depend on later ones."""
    import av

    noise = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE, bit_rate=600_000)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = 12, 2
        for i in range(RATE * SECONDS):
            picture = noise.integers(0, 40, (120, 160, 3), np.uint8)
            for x, y, right, down, size, light, first, last in SQUARES:
                if first <= i < last:
                    left, top = x + right * i, y + down * (i - first)
                    picture[top : top + size, left : left + size] = light
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
