"""Exports to TFLite: python export/to_tflite.py --model=model.keras --output=model.tflite.

The same as `keras-senet export`, for a checkout: see keras_senet/cli/export.py.
"""

import sys

if __name__ == "__main__":
    sys.argv[:1] = ["keras-senet", "export", "--format=tflite"]
    from keras_senet.cli import main

    main()
