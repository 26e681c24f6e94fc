"""What a program of someone else does with the installed package; run by test_installed.py.

It stands in a folder of its own, knows nothing of the repository, and ends with an error where
an answer is wrong.
"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import headpose
from headpose import HeadposeError, draw_heads, load_pipeline, read_image


def main() -> None:
    portrait = sys.argv[1]
    assert "site-packages" in headpose.__file__, headpose.__file__
    assert (Path(headpose.__file__).parent / "py.typed").is_file()

    # The example of the front page.
    pipeline = load_pipeline()
    heads = pipeline(read_image(portrait))
    for head in heads:
        print(head.box, head.score, head.tilt, head.pan, head.roll, head.expected_error)
    assert len(heads) == 1
    assert draw_heads(read_image(portrait), heads).shape == (600, 512, 3)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(pipeline, [portrait] * 16)) == [heads] * 16
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        assert list(pool.map(pipeline, [portrait] * 2)) == [heads] * 2
    try:
        pipeline(None)
    except HeadposeError as error:
        assert "cv2.imread" in str(error)
    else:
        raise AssertionError("None is no picture")

    further = {"tensorflow", "keras", "pandas", "scipy", "av", "matplotlib"} & set(sys.modules)
    assert not further, further
    print("library works")


if __name__ == "__main__":
    main()
