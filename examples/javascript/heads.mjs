// Heads and angles of pictures with onnxruntime-web, in a browser or in Node, by what the model
// files say of themselves. The same steps as ../onnx_heads.py; OpenCV's resizing is written out.
//
//   const detector = await load(ort, bytes), estimator = await load(ort, bytes);
//   const heads = await findHeads(ort, detector, estimator, picture);
//
// A picture is what a canvas gives: {width, height, data}, with red, green, blue and alpha.

/** Opens a model from the bytes of its .onnx file. */
export async function load(ort, bytes) {
  const session = await ort.InferenceSession.create(bytes);
  return { session, about: JSON.parse(description(bytes)) };
}

/** Returns heads, best first: box (in pixels, not clipped), score, and the estimator's measures. */
export async function findHeads(ort, detector, estimator, picture) {
  const photo = { width: picture.width, height: picture.height, data: blueGreenRed(picture) };
  const heads = await detect(ort, detector, photo);
  const { crop, measures, input } = estimator.about;
  if (!heads.length) return heads;
  const side = crop.size, batch = new Float32Array(heads.length * side * side);
  heads.forEach((head, i) => batch.set(cut(photo, head.box, crop), i * side * side));
  const [angles] = await run(ort, estimator, batch, [heads.length, ...input.shape.slice(1)]);
  heads.forEach((head, i) => measures.forEach((name, k) => {
    head[name] = angles[i * measures.length + k];
  }));
  return heads;
}

async function detect(ort, { session, about }, photo) {
  const { long_side, multiple } = about.input;
  const factor = long_side / Math.max(photo.width, photo.height);
  const columns = Math.max(1, round(photo.width * factor));
  const rows = Math.max(1, round(photo.height * factor));
  const wide = Math.ceil(columns / multiple) * multiple, high = Math.ceil(rows / multiple) * multiple;
  const small = resize(photo.data, photo.width, photo.height, 3, columns, rows);
  const padded = new Float32Array(high * wide * 3);
  for (let y = 0; y < rows; y++) {
    padded.set(small.subarray(y * columns * 3, (y + 1) * columns * 3), y * wide * 3);
  }
  const [boxes, scores] = await run(ort, { session }, padded, [1, high, wide, 3]);
  const { iou, containment, limit } = about.suppression;
  let finds = [...scores.keys()].filter((i) => scores[i] > about.confidence)
    .sort((a, b) => scores[b] - scores[a] || a - b)
    .map((i) => ({ box: [...boxes.subarray(4 * i, 4 * i + 4)], score: scores[i] }));
  finds = keep(finds, (one, other, shared) => shared > iou * (one + other - shared));
  finds = keep(finds, (one, other, shared) => shared > (containment ?? 1) * Math.min(one, other));
  const scale = [photo.width / columns, photo.height / rows];
  for (const find of finds) find.box = find.box.map((v, k) => v * scale[k % 2]);
  return finds.slice(0, limit ?? undefined);
}

/** Keeps what is not dropped beside a better one that was kept. */
function keep(finds, drops) {
  const area = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);
  const shared = (a, b) => Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]), 0)
    * Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]), 0);
  const kept = [];
  for (const { box, score } of finds) {
    if (!kept.some((k) => drops(area(box), area(k.box), shared(box, k.box)))) kept.push({ box, score });
  }
  return kept;
}

/** Cuts the grey crop of a head. */
function cut(photo, [x0, y0, x1, y1], { size, side, margin }) {
  const extent = (["short", "small"].includes(side) ? Math.min : Math.max)(x1 - x0, y1 - y0);
  const length = Math.max(round(extent * margin), 1);
  const start = (middle, whole) => {
    const room = whole - length;
    return room < 0 ? round(room / 2) : Math.min(Math.max(round(middle - length / 2), 0), room);
  };
  const left = start((x0 + x1) / 2, photo.width), top = start((y0 + y1) / 2, photo.height);
  const grey = new Float32Array(length * length), within = (v, n) => Math.min(Math.max(v, 0), n - 1);
  for (let y = 0; y < length; y++) {
    for (let x = 0; x < length; x++) {
      const at = 3 * (within(top + y, photo.height) * photo.width + within(left + x, photo.width));
      const [b, g, r] = photo.data.subarray(at, at + 3);
      grey[y * length + x] = round(0.114 * b + 0.587 * g + 0.299 * r);
    }
  }
  return resize(grey, length, length, 1, size, size);
}

/** Resizes as OpenCV: the mean of what a pixel covers where both sides shrink, else bilinear. */
function resize(data, width, height, channels, columns, rows) {
  if (width === columns && height === rows) return data;
  const linear = columns >= width || rows >= height, shares = linear ? linearShares : areaShares;
  const across = shares(width, columns), down = shares(height, rows);
  const narrow = new Float32Array(height * columns * channels);
  const result = new Float32Array(rows * columns * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      for (const [from, share] of across[x]) {
        for (let c = 0; c < channels; c++) {
          narrow[(y * columns + x) * channels + c] += share * data[(y * width + from) * channels + c];
        }
      }
    }
  }
  const line = columns * channels;
  for (let y = 0; y < rows; y++) {
    for (const [from, share] of down[y]) {
      for (let i = 0; i < line; i++) {
        const value = narrow[from * line + i];
        result[y * line + i] += linear ? (share * (value >> 4)) >> 16 : share * value;
      }
    }
  }
  return result.map(linear ? (value) => (value + 2) >> 2 : round);
}

/** For each new pixel the old ones that it covers, and their shares. */
function areaShares(old, now) {
  const scale = old / now;
  return Array.from({ length: now }, (_, i) => {
    const low = i * scale, high = Math.min((i + 1) * scale, old), found = [];
    for (let k = Math.floor(low); k < high; k++) {
      const share = (Math.min(k + 1, high) - Math.max(k, low)) / (high - low);
      if (share > 1e-6) found.push([k, share]);
    }
    return found;
  });
}

/** For each new pixel the two old ones beside it, and their shares in parts of 2048. */
function linearShares(old, now) {
  return Array.from({ length: now }, (_, i) => {
    const place = Math.min(Math.max((i + 0.5) * (old / now) - 0.5, 0), old - 1);
    const low = Math.min(Math.floor(place), Math.max(old - 2, 0)), share = round(2048 * (place - low));
    return share ? [[low, 2048 - share], [low + 1, share]] : [[low, 2048]];
  });
}

/** Rounds to whole numbers, halves to the even one. */
function round(value) {
  const low = Math.floor(value), rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low;
}

function blueGreenRed({ data, width, height }) {
  const result = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) result[3 * i + c] = data[4 * i + 2 - c];
  }
  return result;
}

async function run(ort, { session }, batch, shape) {
  const input = { [session.inputNames[0]]: new ort.Tensor("float32", batch, shape) };
  const outputs = await session.run(input);
  return session.outputNames.map((name) => outputs[name].data);
}

/** Reads the text under "headpose" among the metadata of an ONNX file (protocol buffers). */
function description(bytes) {
  for (const [field, entry] of fields(bytes)) {
    if (field !== 14) continue; // metadata_props of ModelProto
    const texts = fields(entry).map(([, value]) => new TextDecoder().decode(value));
    if (texts[0] === "headpose") return texts[1];
  }
  throw new Error("this model does not describe itself; export it with headpose export");
}

function fields(bytes) {
  const found = [];
  let at = 0;
  const number = () => {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  };
  while (at < bytes.length) {
    const key = number(), kind = key % 8;
    let size = { 1: 8, 5: 4 }[kind];
    if (kind === 0) number();
    else {
      size ??= number();
      if (kind === 2) found.push([Math.floor(key / 8), bytes.subarray(at, at + size)]);
      at += size;
    }
  }
  return found;
}
