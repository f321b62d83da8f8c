"""Channels are the last axis of every image here."""

import keras


def check_setting():
    """Raises a ValueError under a setting of Keras by which channels come first."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "keras_senet has images in channels_last only. Received: "
            "keras.config.image_data_format() == 'channels_first'. Call "
            "keras.config.set_image_data_format('channels_last') first."
        )
