"""Our files beside those of other converters: benchmarks/results/converters.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "converters.json"
COLUMNS = "kB | accuracy | agrees | difference | {} | ms | over ours"
RUNTIMES = {"OnnxRuntime": "ONNX Runtime"}
OURS = "keras_senet"


def table(name, part):
    """`phones` or `servers` of one network; of `all`, `refusals` or `machine`."""
    record = json.loads(RESULT.read_text())
    if name == "all":
        return {"refusals": _refusals, "machine": _machine}[part](record)
    (network,) = (one for one in record["results"] if one["name"] == name)
    return {"phones": _phones, "servers": _servers}[part](network)


def _phones(network):
    rows = [row for row in network["rows"] if row["runtime"] == "LiteRT"]
    formats = dict.fromkeys(row["format"] for row in rows)
    ordered = [row for one in formats for row in rows if row["format"] == one]
    lines = _head("file | made by", "in XNNPACK")
    lines += [_line(f"`{row['format']}` | {row['contender']}", row, _split(row)) for row in ordered]
    return "\n".join([*lines, "", _of_model(network)])


def _servers(network):
    """Our float32 and int8 files in LiteRT first: what the others are compared with."""
    rows = network["rows"]
    own = [
        row
        for row in rows
        if row["contender"] == OURS and row["format"] in ("float32", "dynamic", "int8")
    ]
    others = [row for row in rows if row["runtime"] != "LiteRT" and row not in own]
    lines = _head("file | made by | runs in", "convolutions")
    for row in [*own, *others]:
        runtime = RUNTIMES.get(row["runtime"], row["runtime"])
        first = f"`{row['format']}` | {row['contender']} | {runtime}"
        lines.append(_line(first, row, _executed(row)))
    return "\n".join(lines)


def _refusals(record):
    """Why files do not load, or were not written; each reason once."""
    found = {}
    for network in record["results"]:
        for row in network["rows"]:
            if "refusal" in row:
                name = f"{row['contender']} `{row['format']}` of {network['network']}"
                found.setdefault(row["refusal"], []).append(name)
    lines = [f"- {'; '.join(names)}: `{reason}`" for reason, names in found.items()]
    return "\n".join(lines) or "There are none."


def _head(first, special):
    columns = f"{first} | {COLUMNS.format(special)}"
    return [f"| {columns} |", "|---" * (columns.count("|") + 1) + "|"]


def _line(first, row, special):
    if "accuracy" not in row:
        size = f"{row['bytes'] / 1e3:.0f}" if "bytes" in row else ""
        return f"| {first} | {size} | | | | {special} | | |"
    low, high = row["quartiles_ms"]
    return (
        f"| {first} | {row['bytes'] / 1e3:.0f} | {row['accuracy']:.2%} | {row['agreement']:.2%} "
        f"| {row['largest_difference']:.1g} | {special} "
        f"| {row['median_ms']:.2f} ({low:.2f} to {high:.2f}) | {row['ratio']:.2f} |"
    )


def _split(row):
    if not row["loads"]:
        return "does not load: TFLite's kernels" if "bytes" in row else "not written"
    outside = sum(row["outside"].values())
    pieces = f"{row['partitions']} piece" + ("" if row["partitions"] == 1 else "s")
    return f"{pieces}, {outside} outside" if outside else pieces


def _executed(row):
    if not row["loads"]:
        return "does not load" if "bytes" in row else "not written"
    return ", ".join(f"{count} {kind}" for kind, count in row.get("executed", {}).items())


def _of_model(network):
    return (
        f"{network['network']}, {network['parameters']} parameters, {network['images']} test "
        f"images, of which the Keras model names {network['model_accuracy']:.2%} rightly; "
        f"{network['calibration_images']} images to calibrate with. Load average during the turns: "
        f"{' to '.join(f'{load:.1f}' for load in network['load'])}, these files' share included."
    )


def _machine(record):
    made = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
    has = ", ".join(record["instructions"]) or "none"
    asked = "AVX2, AVX-512, VNNI, bfloat16 and AMX"
    machine = record["machine"]
    return (
        f"{record['date']}, {machine['cores']} cores of {machine['processor']} (of {asked}, it has "
        f"{has}). {record['rounds']} turns of {record['images_in_a_turn']} images each; {made}."
    )
