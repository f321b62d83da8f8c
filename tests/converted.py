"""Files that TensorFlow's own converter writes."""


def converted(model, path, shape):
    """Writes a .tflite file of a model for images of this shape, sizes that are open included."""
    import tensorflow as tf

    image = tf.TensorSpec(shape, tf.float32)
    function = tf.function(model, input_signature=[image]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    path.write_bytes(converter.convert())
    return path
