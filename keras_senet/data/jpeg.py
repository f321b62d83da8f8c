"""JPEG files inside a TensorFlow graph: whether they are whole, and their orientation.

For the pipeline and the exported endpoint for files, which cannot call Pillow in a graph; the
results agree with Pillow's.
"""

import tensorflow as tf

# Markers of JPEG's segments (ITU-T T.81, table B.1), and what a segment of metadata begins with.
APP1, START_OF_SCAN, END = 0xE1, 0xDA, 0xD9
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
SEGMENTS = 4096  # more than any file has
# The tag in a directory of TIFF 6.0, and the types of a number that Pillow takes it from.
ORIENTATION, SHORT, LONG, SIGNED_SHORT, SIGNED_LONG = 0x0112, 3, 4, 8, 9
IN_XMP = r'\C*?tiff:Orientation(?:="|>)([0-9])\C*'


def is_upright_jpeg(data):
    """Whether the bytes are a whole JPEG file whose pixels need no turning."""
    # Decoding a crop does not notice that the rest of a file is missing.
    last = tf.maximum(tf.strings.length(data) - 2, 0)
    whole = tf.strings.substr(data, last, 2) == b"\xff\xd9"
    # A JPEG file's encoded pixels never contain the marker APP1 of the segments that state an
    # orientation, and most files have none.
    parts = tf.raw_ops.StringSplitV2(input=[data], sep=b"\xff\xe1", maxsplit=1).values
    begins = is_jpeg(data)
    has_metadata = begins & (tf.size(parts) > 1)
    upright = tf.cond(has_metadata, lambda: orientation(data) == 1, lambda: True)
    return begins & whole & upright


def is_jpeg(data):
    """Whether the bytes begin as a JPEG file does."""
    return tf.strings.substr(data, 0, 3) == b"\xff\xd8\xff"


def jpeg_shape(data):
    """`(H, W, 3)` of an RGB or grey JPEG file; InvalidArgumentError otherwise."""
    shape = tf.image.extract_jpeg_shape(data)
    with tf.control_dependencies([tf.Assert(shape[2] != 4, [shape])]):  # CMYK
        return tf.identity(shape)


def turned(image, orientation):
    """The pixels `(H, W, C)` of a file of this orientation, upright."""
    image = tf.cond(
        orientation >= 5,  # rows are stored as columns
        lambda: tf.transpose(image, (1, 0, 2)),
        lambda: image,
    )
    for mirrored, axis in (((3, 4, 7, 8), 0), ((2, 3, 6, 7), 1)):
        image = tf.cond(
            tf.reduce_any(orientation == mirrored),
            lambda image=image, axis=axis: tf.reverse(image, [axis]),
            lambda image=image: image,
        )
    return image


# Traced once a process: tracing it anew took half of the time to build a pipeline.
@tf.function(input_signature=[tf.TensorSpec((), tf.string)])
def orientation(data):
    """The orientation of a JPEG file, 1 (upright) to 8, by its EXIF data or, without, its XMP data.

    Args:
        data: Scalar string, the bytes of the file.

    Returns:
        Scalar int32.

    Reference:
        Exif 2.32, tag 0x0112, in the first directory of a TIFF structure; XMP's `tiff:Orientation`.
    """
    exif, xmp = _metadata(data)
    found = _in_exif(exif)
    found = tf.cond(found == 0, lambda: _in_xmp(xmp), lambda: found)
    return tf.where((found >= 1) & (found <= 8), found, 1)


def _metadata(data):
    """The bytes of the EXIF and of the XMP segment, empty where there is none."""
    length = tf.strings.length(data)

    def is_inside(at, exif, xmp):
        return at + 4 <= length

    def look(at, exif, xmp):
        first, marker, high, low = tf.unstack(_numbers(tf.strings.substr(data, at, 4), 4))
        size = high * 256 + low
        content = at + 4
        is_app1 = (first == 0xFF) & (marker == APP1) & (content < length)

        def segment(name, known):
            """The segment's bytes after its name, if it is the first of this name."""
            begins = tf.strings.substr(data, content, len(name)) == name
            rest = content + len(name)
            is_new = begins & (rest < length) & (known == b"")
            return tf.cond(
                is_new,
                lambda: tf.strings.substr(data, rest, tf.maximum(size - 2 - len(name), 0)),
                lambda: known,
            )

        exif, xmp = tf.cond(
            is_app1, lambda: (segment(EXIF, exif), segment(XMP, xmp)), lambda: (exif, xmp)
        )
        ends = (marker == START_OF_SCAN) | (marker == END)
        stands_alone = (marker <= 1) | ((marker >= 0xD0) & (marker <= 0xD8))
        step = tf.where(ends, length, tf.where(stands_alone, 2, 2 + size))
        # Bytes that are no marker, and fill bytes 0xFF, are skipped one by one.
        step = tf.where((first == 0xFF) & (marker != 0xFF), step, 1)
        return at + step, exif, xmp

    begin = (tf.constant(2), tf.constant(b""), tf.constant(b""))
    _, exif, xmp = tf.while_loop(is_inside, look, begin, maximum_iterations=SEGMENTS)
    return exif, xmp


def _in_exif(exif):
    """The orientation in a TIFF structure, 0 where it has none."""

    def find():
        big = tf.strings.substr(exif, 0, 2) == b"MM"

        def number(digits):
            """Rows of bytes `(N, size)` as integers `(N,)`, in the file's order of bytes."""
            powers = 256 ** tf.range(tf.shape(digits)[1])
            return tf.reduce_sum(digits * tf.where(big, powers[::-1], powers), 1)

        length = tf.strings.length(exif)
        # Beyond 2 GB an offset would be negative: out of the structure as well.
        begin = number(_numbers(tf.strings.substr(exif, 4, 4), 4)[None])[0]

        def rows():
            count = number(_numbers(tf.strings.substr(exif, begin, 2), 2)[None])[0]
            entries = tf.strings.substr(exif, begin + 2, 12 * count)
            entries = tf.cast(tf.io.decode_raw(entries, tf.uint8), tf.int32)
            return tf.reshape(entries[: tf.size(entries) // 12 * 12], (-1, 12))

        is_inside = (begin >= 8) & (begin <= length - 3)
        entries = tf.cond(is_inside, rows, lambda: tf.zeros((0, 12), tf.int32))
        tags, kinds = number(entries[:, :2]), number(entries[:, 2:4])
        counts = number(entries[:, 4:8])
        is_short = (kinds == SHORT) | (kinds == SIGNED_SHORT)
        is_long = (kinds == LONG) | (kinds == SIGNED_LONG)
        values = tf.where(is_short, number(entries[:, 8:10]), number(entries[:, 8:12]))
        # Where there are several values, the first; two short ones lie in the entry itself.
        lies_here = (is_short & (counts >= 1) & (counts <= 2)) | (is_long & (counts == 1))
        chosen = (tags == ORIENTATION) & lies_here
        # The last one, as in Pillow's dictionary.
        return tf.concat([[0], tf.boolean_mask(values, chosen)], 0)[-1]

    mark = tf.strings.substr(exif, 0, 4)
    is_tiff = (mark == b"II*\0") | (mark == b"MM\0*")
    return tf.cond(is_tiff & (tf.strings.length(exif) >= 8), find, lambda: 0)


def _in_xmp(xmp):
    """The orientation in an XMP packet, 0 where it has none."""
    found = tf.strings.regex_full_match(xmp, IN_XMP)
    digit = tf.strings.regex_replace(xmp, IN_XMP, r"\1")
    return tf.cond(found, lambda: tf.strings.to_number(digit, tf.int32), lambda: 0)


def _numbers(text, count):
    """The bytes of a text as `(count,)` int32, filled up with zeros."""
    digits = tf.cast(tf.io.decode_raw(text, tf.uint8), tf.int32)
    return tf.ensure_shape(tf.pad(digits, [[0, count - tf.size(digits)]]), (count,))
