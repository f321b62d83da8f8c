"""From the bytes of weights files to tensors; nothing in a file is run."""
