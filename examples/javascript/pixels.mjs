// Prints the heads of pictures whose pixels stand in files, a JSON line for each picture:
// node pixels.mjs head-detector.onnx pose-estimator.onnx FILE WIDTH HEIGHT [FILE WIDTH HEIGHT ...]
// A file holds red, green, blue and alpha of each pixel, row by row, as a canvas does.
import { readFile } from "node:fs/promises";

import * as ort from "onnxruntime-web";

import { findHeads, load } from "./heads.mjs";

ort.env.wasm.numThreads = 1;
const [detector, estimator] = await Promise.all(
  process.argv.slice(2, 4).map(async (name) => load(ort, new Uint8Array(await readFile(name)))),
);
const rest = process.argv.slice(4);
for (let i = 0; i < rest.length; i += 3) {
  const picture = { data: await readFile(rest[i]), width: +rest[i + 1], height: +rest[i + 2] };
  console.log(JSON.stringify(await findHeads(ort, detector, estimator, picture)));
}
