"""Files that TensorFlow's own converter writes."""


def converted(model, path, shape):
    """Writes a .tflite file of a model for images of this shape, sizes that are open included."""
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    image = tf.TensorSpec(shape, tf.float32)
    function = tf.function(model, input_signature=[image]).get_concrete_function()
    # Variables of Keras would stay variables in the file, without their values.
    function = convert_to_constants.convert_variables_to_constants_v2(function)
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    return path
