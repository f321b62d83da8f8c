"""Trains a network: python train.py --model=SEResNet20 --data=digits --workdir=runs/digits.

The same as `keras-senet train`, for a checkout: see keras_senet/cli/train.py.
"""

import sys

if __name__ == "__main__":
    sys.argv[:1] = ["keras-senet", "train"]
    from keras_senet.cli import main

    main()
