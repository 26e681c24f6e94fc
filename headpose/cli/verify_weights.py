"""Looks at weights of published networks that you fetched: sizes, shapes, and a trial.

FILE is RealHePoNet's pose-estimator.h5, head-detector.mat or head-detector.h5, a folder with
deepgaze's checkpoints in pitch, yaw and roll, or any estimator as headpose compare takes it
(fsa-net=A.onnx,B.onnx). Each is asked about the portrait that ships, beside the estimator that
ships. comparison/README.md says where to get the files.
"""

from headpose.cli import common as cl


def main() -> int:
    parser = cl.parser(__doc__)
    parser.add_argument(
        "files", nargs="+", type=cl.named, metavar="FILE", help="weight files or folders"
    )
    parser.add_argument("--shapes", action="store_true", help="print the shape of every tensor")
    arguments = parser.parse_args()
    from headpose.baselines.weight_files import look_at, named_files

    for file in arguments.files:
        named_files(file)  # tells what is missing before TensorFlow starts
    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")
    looked = [look_at(file) for file in arguments.files]
    for found in looked:
        print(f"{found.name}: {'runs' if found.runs else 'DOES NOT RUN'}")
        for line in [*found.lines, *(found.shapes if arguments.shapes else [])]:
            print(f"  {line}")
    return 0 if all(found.runs for found in looked) else 1
