"""LiteRT's own summary of the operators of a file: `litert_profiler.py FILE RUNS THREADS`.

Its profiler has a C interface and none in Python. It is called in a process of its own, so that a
LiteRT whose interface has changed ends this process and no other. Imports nothing of keras_senet.
"""

import ctypes
import pathlib
import sys

from keras_senet.extras import needed

# LiteRT frees the text of an option by a function that it is given: this one leaves it to Python.
KEEP = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
CPU = 1  # kLiteRtHwAcceleratorCpu
WRITE = 1  # kLiteRtTensorBufferLockModeWrite
TYPE_BYTES = 512  # more than a LiteRtRankedTensorType takes


class LiteRTLibrary:
    """The shared library: each call raises unless it answers kLiteRtStatusOk."""

    def __init__(self):
        package = needed("ai_edge_litert", "export", "Profiling")
        folder = pathlib.Path(str(package.__file__)).parent
        (path,) = folder.glob("libLiteRt.*")
        self._library = ctypes.CDLL(str(path))
        self._texts = []  # of options, which LiteRT reads later

    def call(self, name, *arguments):
        """Calls a function that returns a status."""
        status = getattr(self._library, f"LiteRt{name}")(*arguments)
        if status != 0:
            raise RuntimeError(f"LiteRt{name} failed with status {status}.")

    def new(self, name, *arguments):
        """The object that a function returns through its last argument."""
        handle = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(handle))
        return handle

    def clear(self, buffer):
        """Fills a buffer with zeros: what lies in it may be no number, or no row of a table."""
        size = ctypes.c_size_t()
        self.call("GetTensorBufferSize", buffer, ctypes.byref(size))
        address = ctypes.c_void_p()
        self.call("LockTensorBuffer", buffer, ctypes.byref(address), WRITE)
        ctypes.memset(address, 0, size.value)
        self.call("UnlockTensorBuffer", buffer)

    def option(self, identifier, text):
        """A part of the options, in TOML."""
        self._texts.append(ctypes.create_string_buffer(text.encode()))
        return self.new("CreateOpaqueOptions", identifier.encode(), self._texts[-1], KEEP)


def _buffers(litert, environment, compiled, signature, end):
    """How many inputs or outputs there are, and their buffers, filled with zeros."""
    count = ctypes.c_size_t()
    litert.call(f"GetNumSignature{end}s", signature, ctypes.byref(count))
    buffers = []
    for position in range(count.value):
        index = ctypes.c_size_t(position)
        tensor = litert.new(f"GetSignature{end}TensorByIndex", signature, index)
        kind = ctypes.create_string_buffer(TYPE_BYTES)
        litert.call("GetRankedTensorType", tensor, kind)
        first = ctypes.c_size_t(0)
        needs = litert.new(f"GetCompiledModel{end}BufferRequirements", compiled, first, index)
        buffers.append(
            litert.new("CreateManagedTensorBufferFromRequirements", environment, kind, needs)
        )
        litert.clear(buffers[-1])
    return count, (ctypes.c_void_p * len(buffers))(*buffers)


def summary(path, runs, threads):
    """The text of LiteRT's profile of these runs, after one that is not counted."""
    litert = LiteRTLibrary()
    environment = litert.new("CreateEnvironment", 0, None)
    model = litert.new("CreateModelFromFile", environment, path.encode())
    options = litert.new("CreateOptions")
    litert.call("SetOptionsHardwareAccelerators", options, CPU)
    for identifier, text in (
        ("runtime_options_string", "enable_profiling = true\n"),
        ("xnnpack", f"num_threads = {threads}\n"),
    ):
        litert.call("AddOpaqueOptions", options, litert.option(identifier, text))
    compiled = litert.new("CreateCompiledModel", environment, model, options)
    first = ctypes.c_size_t(0)
    signature = litert.new("GetModelSignature", model, first)

    ends = [
        argument
        for end in ("Input", "Output")
        for argument in _buffers(litert, environment, compiled, signature, end)
    ]

    def run():
        litert.call("RunCompiledModel", compiled, first, *ends)

    run()
    profiler = litert.new("CompiledModelGetProfiler", compiled)
    litert.call("StartProfiler", profiler)
    for _ in range(runs):
        run()
    litert.call("StopProfiler", profiler)
    return ctypes.string_at(litert.new("GetProfileSummary", profiler, compiled)).decode()


if __name__ == "__main__":
    print(summary(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
