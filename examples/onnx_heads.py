"""Heads and angles of photos by ONNX Runtime alone, as the model files say, in JSON lines."""

import json
import sys

import cv2
import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def load(path):
    session = onnxruntime.InferenceSession(path)
    about = json.loads(session.get_modelmeta().custom_metadata_map["headpose"])
    return lambda batch: session.run(None, {session.get_inputs()[0].name: batch}), about


def resize(picture, width, height):
    shrinks = width < picture.shape[1] and height < picture.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=how)


def find_heads(picture, run, about):
    size, rule = picture.shape[1::-1], about["suppression"]
    step, factor = about["input"]["multiple"], about["input"]["long_side"] / max(size)
    columns, rows = (max(1, round(n * factor)) for n in size)
    padded = np.zeros((1, -(-rows // step) * step, -(-columns // step) * step, 3), np.float32)
    padded[0, :rows, :columns] = resize(picture, columns, rows)
    (boxes,), (scores,) = run(padded)
    low, sides, kept = boxes[:, :2], boxes[:, 2:] - boxes[:, :2], []
    for i in cv2.dnn.NMSBoxes(np.c_[low, sides], scores, about["confidence"], rule["iou"]):
        shared = np.minimum(boxes[kept, 2:], boxes[i, 2:]) - np.maximum(low[kept], low[i])
        smaller = np.minimum(sides[kept].prod(axis=1), sides[i].prod())
        inside = np.maximum(shared, 0).prod(axis=1) > (rule["containment"] or 1) * smaller
        kept += [] if inside.any() or len(kept) == rule["limit"] else [i]
    return (boxes * np.tile([size[0] / columns, size[1] / rows], 2))[kept], scores[kept]


def crop(picture, box, rule):
    extent, index = (min if rule["side"] in ("short", "small") else max)(box[2:] - box[:2]), []
    side = max(round(extent * rule["margin"]), 1)
    for middle, length in zip((box[:2] + box[2:]) / 2, picture.shape[1::-1], strict=True):
        room = length - side
        start = min(max(round(middle - side / 2), 0), room) if room >= 0 else round(room / 2)
        index.append(np.clip(np.arange(start, start + side), 0, length - 1))
    grey = cv2.cvtColor(picture[index[1]][:, index[0]], cv2.COLOR_BGR2GRAY)
    return resize(grey, rule["size"], rule["size"])[None, ..., None].astype(np.float32)


if __name__ == "__main__":  # head-detector.onnx pose-estimator.onnx PHOTO ...
    (detector, about_detector), (estimator, about) = map(load, sys.argv[1:3])
    for name in sys.argv[3:]:
        photo = np.array(ImageOps.exif_transpose(Image.open(name)).convert("RGB"))[..., ::-1].copy()
        for box, score in zip(*find_heads(photo, detector, about_detector), strict=True):
            angles = estimator(crop(photo, box, about["crop"]))[0][0].tolist()
            told = dict(zip(about["measures"], angles, strict=True))
            print(json.dumps({"file": name, "box": box.tolist(), "score": float(score)} | told))
