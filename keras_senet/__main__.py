"""`python -m keras_senet COMMAND`, the same as `keras-senet COMMAND`."""

import sys

from keras_senet.cli import main
from keras_senet.cli.commands import PROGRAM
from keras_senet.startup import begin

if __name__ == "__main__":
    sys.argv[0] = PROGRAM
    begin()
    main()
