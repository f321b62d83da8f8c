"""Exports to SavedModel: python export/to_saved_model.py --model=model.keras --output=served.

The same as `keras-senet export`, for a checkout: see keras_senet/cli/export.py.
"""

import sys

if __name__ == "__main__":
    sys.argv[:1] = ["keras-senet", "export", "--format=saved_model"]
    from keras_senet.cli import main

    main()
