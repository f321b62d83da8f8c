"""Times .tflite files in turns: python export/benchmark.py plain.tflite se.tflite --threads=1,2.

The same as `keras-senet benchmark`, for a checkout: see keras_senet/cli/benchmark.py.
"""

import sys

if __name__ == "__main__":
    sys.argv[:1] = ["keras-senet", "benchmark"]
    from keras_senet.cli import main

    main()
