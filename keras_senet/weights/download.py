"""Weights files fetched into a cache, from the Hugging Face hub or an address, and verified."""

import hashlib
import logging
import os
import pathlib
import time
import urllib.error
import urllib.request

import keras

logger = logging.getLogger("keras_senet")

ATTEMPTS = 4
CHUNK = 1 << 20  # bytes
SECONDS = 30  # to wait for an answer
SHA256_DIGITS = 64
HTTP_CLIENTS = ("requests", "urllib3", "httpx", "httpcore")  # of versions of huggingface_hub
PACKAGED = pathlib.Path(__file__).with_name("packaged")  # files that come with the package


def fetch(record):
    """The path of the file of a `WeightRecord`, fetched if it is not in the cache.

    Files on the Hugging Face hub are fetched by `huggingface_hub` into its cache (`HF_HOME`,
    `HF_ENDPOINT`), files at other addresses into `KERAS_HOME` (`~/.keras`). Both honour
    `HF_HUB_OFFLINE` and proxies, and go on where a connection broke.

    Files that come with the package are read where it is installed.

    Raises:
        ValueError: If the file cannot be fetched (the message says what to do by hand), or has
            another checksum than the record; a fetched file is removed then.
        ImportError: If huggingface_hub is needed and not installed.
    """
    if record.packaged:
        return _from_package(record)
    return _from_hub(record) if record.repository is not None else _from_url(record)


def cache_path(record):
    """Where a file that is not on the hub is kept, or may be put by hand."""
    home = pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    # Two sources may have files of the same name.
    return home / "keras_senet" / record.name.split("/")[0] / record.filename


def _from_package(record):
    path = PACKAGED / record.filename
    if not path.is_file() or _digest(path, "sha256") != record.checksum.partition(":")[2]:
        raise ValueError(
            f"{path}, which comes with the package, is missing or was changed. Install keras-senet "
            "anew."
        )
    return path


def _from_hub(record):
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            f"Fetching {record.name} needs huggingface_hub: pip install 'keras-senet[weights]'. "
            + _by_hand(record)
        ) from error
    for attempt in range(1, 1 + ATTEMPTS):
        try:
            path = pathlib.Path(
                huggingface_hub.hf_hub_download(
                    record.repository, record.filename, revision=record.revision
                )
            )
            break
        except Exception as error:  # of the HTTP client, which differs from version to version
            # The hub's own errors are answers. Not every version goes on after a broken connection.
            is_answer = type(error).__module__.partition(".")[0] not in HTTP_CLIENTS
            if is_answer or attempt == ATTEMPTS:
                raise ValueError(
                    f"Cannot fetch {record.name}: {error}. {_by_hand(record)}"
                ) from error
            time.sleep(attempt)
    # The cache names a large file by the sha256 that the hub states for it.
    stated = path.resolve().name
    checksum = record.checksum
    if checksum is None and len(stated) == SHA256_DIGITS:
        checksum = f"sha256:{stated}"
    return _verified(path, checksum, record)


def _from_url(record):
    path = cache_path(record)
    if not path.is_file():
        if record.url is None or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE"):
            why = "no program can fetch it" if record.url is None else "HF_HUB_OFFLINE is set"
            raise ValueError(f"Cannot fetch {record.name}: {why}. {_by_hand(record)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.part")  # stays after an error: the next call goes on
        if record.checksum is None:  # nothing would show that the part is of another file
            partial.unlink(missing_ok=True)
        _download(record, partial)
        _verified(partial, record.checksum, record)
        partial.replace(path)
    return _verified(path, record.checksum, record)


def _download(record, partial):
    """Fetches the file of a record, and resumes where a connection broke.

    Gives up after `ATTEMPTS` attempts in a row without a new byte.
    """
    failures = 0
    while True:
        before = _size(partial)
        try:
            if _append(record, partial):
                return
            error = ConnectionError("the connection ended early")
        except urllib.error.HTTPError as refused:
            if refused.code == 416:  # nothing is left to fetch, or the file has changed
                partial.unlink(missing_ok=True)
            elif refused.code < 500:
                raise ValueError(
                    f"Cannot fetch {record.name} from {record.url}: {refused}. {_by_hand(record)}"
                ) from refused
            error = refused
        except (OSError, urllib.error.URLError) as broken:
            error = broken
        failures = 1 if _size(partial) > before else failures + 1
        if failures == ATTEMPTS:
            raise ValueError(
                f"Cannot fetch {record.name} from {record.url}: {error}. {_by_hand(record)}"
            )
        logger.warning("Fetching %s: %s. Trying again.", record.name, error)
        time.sleep(0.1 * 4 ** (failures - 1))


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _append(record, partial):
    """Appends what the server sends to `partial`; returns whether that was all."""
    begin = _size(partial)
    request = urllib.request.Request(record.url, headers={"Range": f"bytes={begin}-"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        if answer.status != 206:  # the server sends the whole file
            begin = 0
        length = answer.headers.get("Content-Length")
        total = None if length is None else begin + int(length)
        progress = keras.utils.Progbar(total, unit_name="byte")
        logger.info("Fetching %s from %s", record.name, record.url)
        with partial.open("ab" if begin else "wb") as file:
            done = begin
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                progress.update(done, finalize=False)
    return total is None or done == total


def _verified(path, checksum, record):
    """`path`, if the file has the checksum; otherwise it is removed, and an error raised."""
    if checksum is None:
        return path
    algorithm, expected = checksum.split(":")
    received = _digest(path, algorithm)
    if received.startswith(expected):
        return path
    path.resolve().unlink(missing_ok=True)  # the hub's cache links to where the content is
    path.unlink(missing_ok=True)
    raise ValueError(
        f"The file of {record.name} is broken or was changed: {algorithm} {received}, expected "
        f"{expected}. It was removed; fetch it again."
    )


def _digest(path, algorithm):
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _by_hand(record):
    if record.repository is None:
        return f"Fetch {record.source} yourself and put it at {cache_path(record)}"
    return (
        f"Fetch {record.filename} from {record.source} yourself and pass its path as `weights`, or "
        "set HF_ENDPOINT to a mirror"
    )
