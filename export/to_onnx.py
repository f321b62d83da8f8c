"""Exports to ONNX: python export/to_onnx.py --model=model.keras --output=model.onnx.

The same as `keras-senet export`, for a checkout: see keras_senet/cli/export.py.
"""

import sys

if __name__ == "__main__":
    sys.argv[:1] = ["keras-senet", "export", "--format=onnx"]
    from keras_senet.cli import main

    main()
