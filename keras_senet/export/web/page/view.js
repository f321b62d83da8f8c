// The evaluation transform of keras_senet: an image resized and cropped as `View.see` does in
// Python, where Pillow resizes. The same integers come out.

// Resampling in 8 bits as Pillow's libImaging/Resample.c: weights are integers with so many bits
// behind the point, and each of the two passes rounds to 8 bits.
const PRECISION = 22;
const HALF = 2 ** (PRECISION - 1); // what a sum begins with, so that it is rounded and not cut

const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
};

function bicubic(x) {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * The pixels that a network sees of an image.
 *
 * @param image `{width, height, rows(top, count)}`: size in pixels, and a function to RGBA bytes.
 * @param view Fields of keras_senet's `View`: size `[rows, columns]`, crop, interpolation and
 *     crop_mode.
 * @param channels 3 for RGB, 1 for grey.
 * @returns Uint8ClampedArray of rows * columns * channels values in 0..255.
 */
export function see(image, view, channels = 3) {
  const { width, height } = image;
  const [rows, columns] = view.size;
  const [tall, wide, top, left] = placed(view, height, width);
  const down = weights(height, tall, top, rows, view.interpolation);
  const across = weights(width, wide, left, columns, view.interpolation);
  // Each pass rounds, so that their order counts: this is Pillow's since its version 13.
  const verticalFirst = height > tall && height - tall > 2 * (width - wide);
  const narrowed = (line) => resized(line, across, channels);

  const length = (verticalFirst ? width : columns) * channels;
  const sums = down.map(() => new Int32Array(length).fill(HALF));
  const first = down[0].begin;
  const end = Math.max(...down.map(({ begin, integers }) => begin + integers.length));
  for (const [row, pixels] of lines(image, first, end)) {
    const line = verticalFirst ? toChannels(pixels, channels) : narrowed(toChannels(pixels, channels));
    down.forEach(({ begin, integers }, place) => {
      const factor = integers[row - begin];
      if (factor) addTo(sums[place], line, factor);
    });
  }

  const result = new Uint8ClampedArray(rows * columns * channels);
  sums.forEach((sum, place) => {
    const line = Uint8ClampedArray.from(sum, (x) => x >> PRECISION); // clamped to 0..255
    result.set(verticalFirst ? narrowed(line) : line, place * columns * channels);
  });
  return result;
}

/** Size that an image is resized to, and where the view lies in it: `[tall, wide, top, left]`. */
export function placed(view, height, width) {
  const [rows, columns] = view.size;
  const least = [Math.floor(rows / view.crop), Math.floor(columns / view.crop)];
  let [tall, wide] = least;
  if (view.crop_mode !== "squash") {
    // Both sides by one factor, so that the image covers what is cut out of it.
    if (rows === columns) {
      tall = Math.max(tall, Math.floor((least[0] * height) / width));
      wide = Math.max(wide, Math.floor((least[1] * width) / height));
    } else {
      tall = Math.max(tall, Math.floor((2 * height * least[1] + width) / (2 * width)));
      wide = Math.max(wide, Math.floor((2 * width * least[0] + height) / (2 * height)));
    }
  }
  return [tall, wide, half(tall - rows), half(wide - columns)];
}

/** Half of an integer, ties to the even number as Python rounds. */
function half(length) {
  return Math.floor((length + (Math.floor(length / 2) % 2)) / 2);
}

/**
 * Which pixels of a line make those of the resized line, and with which weights.
 *
 * @param size Pixels of the line.
 * @param resized Pixels of the whole resized line.
 * @param first First pixel of it that is wanted.
 * @param count How many are wanted.
 * @returns For each the first pixel that it reads, and integer weights of this and the next ones.
 */
function weights(size, resized, first, count, interpolation) {
  const { support, weight } = FILTERS[interpolation];
  const scale = size / resized;
  const stretch = Math.max(1, scale); // antialiasing: the filter covers all that is left out
  const reach = support * stretch;
  return Array.from({ length: count }, (_, index) => {
    const centre = (first + index + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(size, Math.trunc(centre + reach + 0.5));
    const factors = Array.from({ length: end - begin }, (_, i) =>
      weight((i + begin - centre + 0.5) * (1 / stretch)),
    );
    const sum = factors.reduce((total, x) => total + x, 0);
    const integers = Int32Array.from(factors, (x) => {
      const scaled = (sum ? x / sum : x) * 2 ** PRECISION;
      return scaled < 0 ? scaled - 0.5 : scaled + 0.5; // the array cuts off what is behind the point
    });
    return { begin, integers };
  });
}

/** Rows `first` to before `end` as pairs of number and RGBA bytes. */
function* lines(image, first, end) {
  // Few rows at a time: a whole picture of a camera has hundreds of megabytes.
  const most = Math.max(1, Math.floor(2 ** 20 / image.width));
  for (let top = first; top < end; top += most) {
    const count = Math.min(most, end - top);
    const pixels = image.rows(top, count);
    for (let i = 0; i < count; i++) {
      yield [top + i, pixels.subarray(i * image.width * 4, (i + 1) * image.width * 4)];
    }
  }
}

/** A line of pixels with the pixels that `taps` make of it. */
function resized(line, taps, channels) {
  const result = new Uint8ClampedArray(taps.length * channels);
  let target = 0;
  for (const { begin, integers } of taps) {
    for (let channel = 0; channel < channels; channel++) {
      let sum = HALF;
      for (let k = 0, from = begin * channels + channel; k < integers.length; k++) {
        sum += line[from] * integers[k];
        from += channels;
      }
      result[target++] = sum >> PRECISION; // the array clamps to 0..255
    }
  }
  return result;
}

function addTo(sums, line, factor) {
  for (let i = 0; i < sums.length; i++) sums[i] += line[i] * factor;
}

/** RGBA pixels as RGB, or as grey by Pillow's integers of ITU-R 601-2. */
function toChannels(pixels, channels) {
  const line = new Uint8Array((pixels.length / 4) * channels);
  for (let from = 0, i = 0; from < pixels.length; from += 4) {
    const red = pixels[from];
    const green = pixels[from + 1];
    const blue = pixels[from + 2];
    if (channels === 3) {
      line[i++] = red;
      line[i++] = green;
      line[i++] = blue;
    } else {
      line[i++] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
    }
  }
  return line;
}
