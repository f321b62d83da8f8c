"""What TensorFlow Lite files take on this machine: time, memory, and accuracy block by block."""
