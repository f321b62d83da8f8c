"""PNG files inside a TensorFlow graph: whether they are plain.

The pipeline reads plain ones without Python, whose threads take turns; all others go to Pillow.
"""

import tensorflow as tf

# The signature, and length and name of the first chunk (PNG specification, third edition, 5.2).
BEGIN = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
# Behind width and height: 8 bits, colour or grey; the usual compression and filter; not interlaced.
KINDS = (b"\x08\x02\0\0\0", b"\x08\0\0\0\0")
END = b"\0\0\0\0IEND\xaeB`\x82"
# Chunks and texts of transparency, of orientation and of several pictures.
SPECIAL = r"\C*(?:tRNS|eXIf|acTL|Raw profile type|adobe\.xmp)\C*"


def is_plain_png(data):
    """Whether the bytes are a whole PNG file of 8 bits whose pixels need no further treatment.

    Args:
        data: Scalar string, the bytes of the file.

    Returns:
        Scalar bool. If true, `tf.io.decode_png(data, 3)` gives Pillow's pixels, or raises an error.
    """
    length = tf.strings.length(data)
    last = tf.maximum(length - len(END), 0)
    kind = tf.strings.substr(data, tf.minimum(len(BEGIN) + 8, length), len(KINDS[0]))
    return (
        (tf.strings.substr(data, 0, len(BEGIN)) == BEGIN)
        & tf.reduce_any(kind == tf.constant(KINDS))
        & (tf.strings.substr(data, last, len(END)) == END)
        & ~tf.strings.regex_full_match(data, SPECIAL)
    )
