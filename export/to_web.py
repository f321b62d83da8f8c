"""Exports to a page for browsers: python export/to_web.py --model=model.keras --output=page.

The same as `keras-senet export`, for a checkout: see keras_senet/cli/export.py.
"""

import sys

if __name__ == "__main__":
    sys.argv[:1] = ["keras-senet", "export", "--format=web"]
    from keras_senet.cli import main

    main()
