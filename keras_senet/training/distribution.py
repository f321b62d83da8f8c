"""Data parallelism on several devices and machines, by the means of each backend."""

import contextlib
import json
import os
import sys

import keras

# JAX misses a dead process after this many seconds; after twice as many the others end.
HEARTBEAT_SECONDS = 20
SLURM = "SLURM_NTASKS"
# What tells a process how many of it were started, and who sets it.
LAUNCHERS = {
    SLURM: "Slurm",
    "WORLD_SIZE": "torchrun",
    "OMPI_COMM_WORLD_SIZE": "Open MPI",
    "PMI_SIZE": "MPI",
}
CLUSTER = "TF_CONFIG"
LOST_EXIT_CODE = 76  # EX_PROTOCOL of sysexits.h: start all processes again


def initialize(
    coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> bool:
    """Connects this process with the others of a run; call it before anything uses a device.

    Without arguments the processes of a Slurm job step find each other. A single process need not
    call it. Processes that another launcher started (torchrun, MPI, or `TF_CONFIG`) need arguments.

    Args:
        coordinator: `"host:port"` of process 0, the same on all.
        num_processes: How many there are.
        process_id: Which one this is, from 0.

    Returns:
        Whether there are several.

    Raises:
        ValueError: If the backend is not JAX, some arguments are missing, they name no process, or
            a launcher started several processes that would train apart.
    """
    given = (coordinator, num_processes, process_id)
    if given == (None, None, None):
        variable, launcher, tasks = _launched()
        if tasks == 1:
            return False
        if keras.backend.backend() != "jax" or variable != SLURM:
            raise _apart(variable, launcher, tasks)
    elif None in given:
        raise ValueError(
            "Expected `coordinator`, `num_processes` and `process_id`, or none of them. Received: "
            f"{given}"
        )
    elif process_id not in range(num_processes or 0):
        raise ValueError(
            "Expected 0 <= process_id < num_processes. Received: "
            f"process_id={process_id}, num_processes={num_processes}"
        )
    if keras.backend.backend() != "jax":
        raise ValueError(
            "Several processes need the JAX backend: set KERAS_BACKEND=jax. Received: "
            f"{keras.backend.backend()}"
        )
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        coordinator, num_processes, process_id, heartbeat_timeout_seconds=HEARTBEAT_SECONDS
    )
    return jax.process_count() > 1


def _launched():
    """The variable that says how many processes were started, who set it, and how many they are."""
    for variable, launcher in LAUNCHERS.items():
        tasks = os.environ.get(variable, "")
        if tasks.isdigit() and int(tasks) > 1:
            return variable, launcher, int(tasks)
    try:
        cluster = json.loads(os.environ.get(CLUSTER) or "{}").get("cluster", {})
        workers = [*cluster.get("chief", ()), *cluster.get("worker", ())]
    except (ValueError, AttributeError, TypeError):
        raise ValueError(
            f'{CLUSTER} must be JSON such as {{"cluster": {{"worker": [...]}}}}. Received: '
            f"{os.environ[CLUSTER]:.200}"
        ) from None
    return CLUSTER, "A cluster of TensorFlow", max(1, len(workers))


def process():
    """Index of this process and the number of processes."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def check_together():
    """Raises a ValueError if this process is alone, of several that were started."""
    variable, launcher, tasks = _launched()
    if tasks > 1 and process()[1] == 1:
        raise _apart(variable, launcher, tasks)


def _apart(variable, launcher, tasks):
    return ValueError(
        f"{launcher} starts {tasks} processes ({variable}), which would train apart. To train "
        "together, set KERAS_BACKEND=jax and call `training.initialize`, with --coordinator, "
        "--num_processes and --process_id unless Slurm starts them; where this process is alone, "
        f"unset {variable}."
    )


@contextlib.contextmanager
def together(count):
    """A `with` block that ends this process, with exit code 76, when another one is gone.

    If a process dies, the collective operations of the others fail at once. JAX misses one that
    hangs after 20 seconds, and then aborts the others.

    Args:
        count: Number of processes.
    """
    if count == 1:
        yield
        return
    import jax

    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        # A gather that breaks surfaces as a ValueError.
        if isinstance(error, ValueError) and "Gloo" not in str(error):
            raise
        print(
            f"Process {jax.process_index()} of {count} ends, since it cannot compute together with "
            "the others; most likely one is gone. Start all of them again: they go on from the "
            f"newest checkpoint. The error was: {error}",
            file=sys.stderr,
            flush=True,
        )
        os._exit(LOST_EXIT_CODE)  # an orderly exit would wait for the process that is gone


@contextlib.contextmanager
def replicas(devices=None):
    """A `with` block whose models train on several devices, each on its part of the batch.

    On TensorFlow it is a `tf.distribute.MirroredStrategy`, on JAX `keras.distribution`'s
    `DataParallel` over the devices of all processes. One device alone needs neither: a strategy
    would switch XLA off.

    Args:
        devices: Names such as `("gpu:0", "gpu:1")`; by default all accelerators.

    Yields:
        The number of replicas.

    Raises:
        ValueError: If there is no such device, or one is named twice.
    """
    backend = keras.backend.backend()
    names = None if devices is None else _known(devices)
    if names is not None and len(names) == 1:
        with keras.device(names[0]):
            yield 1
    elif backend == "jax":
        names = names or list(keras.distribution.list_devices())
        with _data_parallel(names) if len(names) > 1 else contextlib.nullcontext():
            yield len(names)
    elif backend == "tensorflow":
        import tensorflow as tf

        names = names or [_short(d.name) for d in tf.config.list_logical_devices("GPU")]
        if len(names) < 2:
            yield 1
            return
        with tf.distribute.MirroredStrategy(names).scope():
            yield len(names)
    else:
        yield 1


def _known(devices):
    """The devices as `"gpu:0"`; a ValueError if one is not there, or there twice."""
    names = [devices] if isinstance(devices, str) else list(devices)
    names = [_short(name) for name in names]
    there = _there()
    missing = [name for name in names if name not in there]
    if missing or not names or len({*names}) < len(names):
        raise ValueError(
            f"Expected devices of these, each once: {', '.join(there)}. Received: "
            f"{', '.join(names) or 'none'}"
        )
    return names


def _there():
    """Names of all devices."""
    backend = keras.backend.backend()
    if backend == "torch":  # Keras lists devices of the other two alone
        import torch

        return ["cpu:0", *(f"gpu:{number}" for number in range(torch.cuda.device_count()))]
    if backend == "jax":
        return [_short(name) for name in keras.distribution.list_devices()]
    import tensorflow as tf

    return [_short(device.name) for device in tf.config.list_logical_devices()]


def _short(name):
    """`"gpu:0"` of `"/device:GPU:0"`, `"GPU:0"` or `"gpu"`."""
    kind, _, number = name.strip().lower().removeprefix("/device:").partition(":")
    return f"{kind}:{number or 0}"


@contextlib.contextmanager
def _data_parallel(names):
    before = keras.distribution.distribution()
    # Each process reads its own part of the batch, hence no sharding by Keras.
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)
    )
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)
