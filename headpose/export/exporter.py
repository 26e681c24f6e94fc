"""Writing models for other runtimes: through Keras' own export, described and checked."""

import importlib.util
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, not_installed
from headpose.export.calibration import own_samples, samples
from headpose.export.half import halve_weights
from headpose.export.quiet import quiet
from headpose.export.verify import Difference, differences
from headpose.files import in_turn, is_regular, sha256, temporary_folder, writable_folder
from headpose.models.backends import Backend
from headpose.models.exported import (
    KEY,
    LITERT_FILE,
    SAVED_MODEL_FILE,
    SUFFIXES,
    is_exported,
    open_exported,
)
from headpose.models.formats import FORMATS, digest
from headpose.models.keras_files import load_keras
from headpose.models.keras_setup import set_up
from headpose.models.metadata import ModelMetadata
from headpose.models.network import network_of, spec_of
from headpose.models.openvino_files import WEIGHTS_KEY, weights_beside
from headpose.models.sessions import check_name
from headpose.models.specs import CLASSIFIER, DETECTOR, ESTIMATOR, LONG_SIDE, Spec

OUTPUTS = {DETECTOR: ["boxes", "scores"], ESTIMATOR: ["angles"], CLASSIFIER: ["logits"]}
HELD_OUT_EVERY = 4  # of the calibration pictures, for the check


def export(
    source: Path,
    form: str,
    target: Path,
    calibration: str | Sequence[str] | None = None,
    check: str | Sequence[str] | None = None,
    half: bool = False,
    replace: bool = True,
) -> list[Difference]:
    """Writes a model in another format, if it then computes the same.

    Keras is set up for the processor in float32.

    Args:
        source: A `.keras` detector or estimator, or the published `.h5` estimator.
        form: A key of `headpose.models.formats.FORMATS`.
        target: Where to, with the format's suffix.
        calibration: Pictures, see `headpose.export.calibration.samples`, whose spread the ranges of
            eight-bit numbers are taken from; None writes float32.
        check: Pictures to compare with Keras on. By default some that need no data; for
            eight bits every fourth of the calibration pictures, which are held out.
        half: Whether weights are stored as float16, see `headpose.export.half`; for ONNX alone.
        replace: Whether what stands at `target` when all is done is replaced.

    Returns:
        How far it is off.

    Raises:
        HeadposeError: If anything of that cannot be had or read, or the model is off by more
            than `headpose.export.verify` allows. What stood at `target` stays then.
    """
    chosen = FORMATS[form]
    _check_request(source, form, target, calibration, half)
    source_digest = digest(source)
    set_up("cpu", "float32")
    _check_backend()
    model = load_keras(source)
    spec = spec_of(model)
    if spec is None:
        raise HeadposeError(f"{source}: neither a head detector nor a pose estimator")
    decoded = chosen.decoded if calibration is None else chosen.decoded_int8
    precision = "float32" if calibration is None else "int8"
    about = ModelMetadata(spec, source.name, source_digest, decoded, precision)
    calibrating, checking = _chosen_samples(spec, calibration, check)
    target = Path(os.path.realpath(target))  # where a link leads
    writable_folder(target.parent)
    with temporary_folder(target) as folder:
        # Libraries go by the ending, and a link may lead to a file that has none.
        file = folder / f"model{chosen.ending}"
        with quiet(f"{source}: cannot be written as {form}", target):
            inputs = _inputs(model, spec, calibrating)
            _write(model, about, form, file, inputs)
            if half:
                halve_weights(file)
        with quiet(f"{source}: cannot be run as {form}"):
            exported = open_exported(file, Backend(chosen.backend, "cpu", trusted=True), about)
            original = network_of(model, spec.kind)
            assert original is not None  # its kind was read from it
            found = differences(original, exported, checking, bool(calibration))
        for difference in found:
            if difference.too_large:
                how = f"{form} with float16 weights (leave out --half)" if half else form
                raise HeadposeError(f"{source}: as {how} it is not the same; {difference}")
        # Of two processes none moves the weights of one network beside another.
        with in_turn(target.with_name(f"{target.stem}-place{target.suffix}"), ""):
            written = [target, weights_beside(target)] if chosen.ending == ".xml" else [target]
            for place in () if replace else filter(Path.exists, written):
                if place.is_dir() or place.stat().st_size:
                    raise HeadposeError(
                        f"{place}: was put there meanwhile; add --overwrite or name another "
                        "--output"
                    )
            _move(file, target)
    return found


def _check_request(
    source: Path, form: str, target: Path, calibration: str | Sequence[str] | None, half: bool
) -> None:
    """Refuses what is bound to fail before Keras is loaded."""
    chosen = FORMATS[form]
    if half and (form != "onnx" or calibration is not None):
        raise HeadposeError("--half is for --format onnx without --int8; leave it out")
    if is_exported(source):
        raise HeadposeError(
            f"{source}: exported already; name the .keras file that it was made from"
        )
    check_name(Path(os.path.realpath(target)))
    if chosen.ending and target.suffix != chosen.ending:
        raise HeadposeError(f"{target}: the name of a file for {form} must end in {chosen.ending}")
    if not chosen.ending and target.suffix.lower() in SUFFIXES:
        raise HeadposeError(
            f"{target}: {form} is a folder, whose name must not end in {target.suffix}"
        )
    if target.is_dir() or (not chosen.ending and os.path.lexists(target)):
        raise HeadposeError(f"{target}: exists; remove it or name another place with --output")
    if os.path.exists(target) and not is_regular(target):  # noqa: PTH110
        raise HeadposeError(f"{target}: no regular file (a pipe or a device); name another")
    if calibration is not None and chosen.int8 is None:
        able = [name for name, other in FORMATS.items() if other.int8 is not None]
        raise HeadposeError(f"--int8 cannot be written for {form}; use --format {', '.join(able)}")
    needed = chosen.packages + ((chosen.int8 or ()) if calibration is not None else ())
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise not_installed(*missing)


def _check_backend() -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise HeadposeError(
            f"models are exported with TensorFlow, not {keras.backend.backend()}; "
            "unset KERAS_BACKEND"
        )


def _chosen_samples(
    spec, calibration: str | Sequence[str] | None, check: str | Sequence[str] | None
) -> tuple[list, list]:
    """Returns what to calibrate and what to check with."""
    if calibration is None:
        return [], samples(check, spec) if check else own_samples(spec)
    found = samples(calibration, spec)
    held_out = samples(check, spec) if check else found[::HELD_OUT_EVERY]
    if not check:
        found = [x for i, x in enumerate(found) if i % HELD_OUT_EVERY] or found
    if spec.kind == DETECTOR:
        # Scores are clipped at the highest seen, and few pictures show heads of all sizes.
        found += own_samples(spec)
    return found, held_out


def _inputs(model, spec: Spec, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Makes pictures or crops what the network takes, one a batch."""
    if not len(pictures):
        return []
    network = network_of(model, spec.kind)
    if spec.kind == DETECTOR:
        from headpose.detection.head_detector import HeadDetector

        prepare = HeadDetector(network).prepare
        return [prepare(picture)[0][None] for picture in pictures]
    shape = (1, *spec.input_shape[1:])
    return [crop.astype(np.float32).reshape(shape) for crop in pictures]


# ------------------------------------------------------------------------ the formats


def _write(model, about: ModelMetadata, form: str, file: Path, inputs: list[np.ndarray]) -> None:
    """Writes a model with its description; with inputs, calibrated on them."""
    import keras

    from headpose.export.rewrite import rewrite

    shape = about.spec.input_shape
    if form == "opencv" and about.spec.kind == DETECTOR:
        # OpenCV wants a size in the file and takes others all the same.
        shape = (1, *(n or LONG_SIDE for n in shape[1:3]), shape[3])
    name = "image" if about.spec.kind == DETECTOR else "crops"
    signature = [keras.InputSpec(shape=shape, dtype="float32", name=name)]
    # LiteRT has no arc tangent of one number.
    network = rewrite(model, about.decoded, of_two=form == "litert")
    write: Callable = {
        "onnx": _write_onnx,
        "opencv": _write_onnx,
        "openvino": _write_openvino,
        "litert": _write_litert,
        "saved_model": _write_saved_model,
    }[form]
    write(network, signature, about, file, inputs)


def _write_onnx(network, signature, about: ModelMetadata, file: Path, inputs: list) -> None:
    import onnx

    network.export(file, format="onnx", verbose=False, input_signature=signature)
    model = onnx.load(file)
    if about.decoded:
        from headpose.export.resizing import by_factors

        by_factors(model.graph)
    if inputs:
        from headpose.export.quantize import quantize_onnx

        onnx.save(model, file)
        quantize_onnx(file, signature[0].name, inputs)
        model = onnx.load(file)
    names = OUTPUTS[about.spec.kind]
    if not about.decoded:
        names = [f"output_{i}" for i in range(len(model.graph.output))]
    _rename(model.graph, dict(zip([o.name for o in model.graph.output], names, strict=True)))
    onnx.helper.set_model_props(model, {KEY: about.to_json()})
    onnx.save(model, file)


def _rename(graph, names: dict[str, str]) -> None:
    """Gives outputs other names."""
    for output in graph.output:
        output.name = names[output.name]
    for node in graph.node:
        for ends in (node.input, node.output):
            for i, name in enumerate(ends):
                ends[i] = names.get(name, name)


def _write_openvino(network, signature, about: ModelMetadata, file: Path, inputs: list) -> None:
    import openvino

    plain = file.with_name("plain.xml")
    network.export(str(plain), format="openvino", verbose=False, input_signature=signature)
    model = openvino.Core().read_model(plain)
    # Behind the outputs it lists values from within the graph.
    results = model.get_results()[: len(network.outputs)]
    model = openvino.Model(results, model.get_parameters(), network.name)
    if inputs:
        from headpose.export.quantize import quantize_openvino

        model = quantize_openvino(model, inputs)
    model.set_rt_info(about.to_json(), KEY)
    openvino.save_model(model, file, compress_to_fp16=False)
    # Once more, with a note of which weights are its own.
    model.set_rt_info(sha256(file.with_suffix(".bin")), WEIGHTS_KEY)
    openvino.save_model(model, file, compress_to_fp16=False)


def _write_litert(network, signature, about: ModelMetadata, file: Path, inputs: list) -> None:
    options = {}
    if inputs:
        from headpose.export.quantize import litert_options

        options = litert_options(inputs)
    network.export(file, format="litert", verbose=False, input_signature=signature, **options)
    # LiteRT's own metadata are an archive behind the network too, which runtimes pass over.
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LITERT_FILE), about.to_json())


def _write_saved_model(network, signature, about: ModelMetadata, file: Path, inputs: list) -> None:
    network.export(file, format="tf_saved_model", verbose=False, input_signature=signature)
    description = file / SAVED_MODEL_FILE
    description.parent.mkdir()
    description.write_text(about.to_json(), encoding="utf-8")


def _move(file: Path, target: Path) -> None:
    """Moves what was written into place, the file that is opened last."""
    try:
        if file.suffix == ".xml":
            # A network never stands beside the weights of another.
            target.unlink(missing_ok=True)
            file.with_suffix(".bin").replace(os.path.realpath(weights_beside(target)))
        file.replace(target)
    except OSError as error:
        raise HeadposeError(
            f"cannot write {target}: {error.strerror}; choose another place"
        ) from error
