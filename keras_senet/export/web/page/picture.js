// Pictures of any source as upright RGBA pixels on white, read a few rows at a time.

/**
 * Decodes a picture file: upright, without colour management, of several frames the first.
 *
 * @param file A Blob.
 * @returns `{width, height, rows(top, count), close()}` for `see`.
 */
export async function decoded(file) {
  await refuseTurnedWebP(file);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
    });
  } catch {
    throw new Error(
      "not a whole picture that this browser reads. JPEG, PNG, WebP, GIF, BMP and AVIF it does.",
    );
  }
  return { ...picture(bitmap, bitmap.width, bitmap.height), close: () => bitmap.close() };
}

/** A picture of what can be drawn on a canvas: an ImageBitmap, or a video's present frame. */
export function picture(source, width, height) {
  let canvas = null;
  const rows = (top, count) => {
    if (canvas === null || canvas.height !== count) canvas = new OffscreenCanvas(width, count);
    const context = pen(canvas);
    context.fillStyle = "white"; // transparent pixels are laid on white
    context.fillRect(0, 0, width, count);
    context.drawImage(source, 0, top, width, count, 0, 0, width, count);
    return context.getImageData(0, 0, width, count).data;
  };
  return { width, height, rows };
}

/** Whether pixels can be read as they were drawn: some browsers change them, against tracking. */
export function readsPixels() {
  const context = pen(new OffscreenCanvas(16, 16));
  const drawn = context.createImageData(16, 16);
  drawn.data.forEach((_, i) => (drawn.data[i] = i % 4 === 3 ? 255 : (i * 37) % 256));
  context.putImageData(drawn, 0, 0);
  const read = context.getImageData(0, 0, 16, 16).data;
  return drawn.data.every((value, i) => value === read[i]);
}

function pen(canvas) {
  return canvas.getContext("2d", { willReadFrequently: true, alpha: false });
}

/** Raises an Error for a WebP file that EXIF wants turned: some browsers leave it as it lies. */
async function refuseTurnedWebP(file) {
  const bytes = new DataView(await file.arrayBuffer());
  const text = (at) => String.fromCharCode(...[0, 1, 2, 3].map((i) => bytes.getUint8(at + i)));
  if (bytes.byteLength < 12 || text(0) !== "RIFF" || text(8) !== "WEBP") return;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = bytes.getUint32(at + 4, true);
    if (text(at) === "EXIF" && at + 8 + size <= bytes.byteLength) {
      const turn = orientation(new DataView(bytes.buffer, at + 8, size));
      if (turn > 1) {
        throw new Error("a WebP file to be turned (EXIF), which browsers do not agree on. Turn it.");
      }
    }
    at += 8 + size + (size % 2);
  }
}

/** The orientation that a block of EXIF states, 1 to 8; 1 where it states none. */
function orientation(exif) {
  let start = 0;
  if (exif.byteLength >= 6 && exif.getUint32(0) === 0x45786966) start = 6; // "Exif", two zeros
  const at = (offset) => start + offset;
  if (exif.byteLength < at(10)) return 1;
  const little = exif.getUint16(at(0)) === 0x4949;
  const table = exif.getUint32(at(4), little);
  if (exif.byteLength < at(table + 2)) return 1;
  const count = exif.getUint16(at(table), little);
  for (let i = 0; i < count && exif.byteLength >= at(table + 14 + 12 * i); i++) {
    const entry = at(table + 2 + 12 * i);
    if (exif.getUint16(entry, little) === 0x0112) return exif.getUint16(entry + 8, little);
  }
  return 1;
}
