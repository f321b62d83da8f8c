"""One row for each recipe."""

from keras_senet.training import RECIPES


def table():
    """The whole table."""
    lines = [
        "| recipe | epochs | batch | learning rate | schedule | optimizer | weight decay |",
        "|---|---|---|---|---|---|---|",
    ]
    for recipe in RECIPES.values():
        lines.append(
            f"| `{recipe.name}` | {recipe.epochs} | {recipe.batch_size} "
            f"| {recipe.peak_learning_rate:g} | {_schedule(recipe)} | {recipe.optimizer} "
            f"| {recipe.weight_decay:g}, {recipe.decayed} |"
        )
    # Too long for a column.
    others = {recipe.name: ", ".join(_others(recipe)) for recipe in RECIPES.values()}
    lines += ["", *(f"- `{name}`: {text}." for name, text in others.items() if text)]
    return "\n".join(lines)


def _schedule(recipe):
    text = recipe.schedule
    if recipe.drops:
        text += f" at {', '.join(map(str, recipe.drops))}"
    return f"{text}, {recipe.warmup_epochs} warm-up" if recipe.warmup_epochs else text


def _others(recipe):
    if recipe.loss != "cross_entropy":
        yield recipe.loss.replace("_", " ")
    if recipe.label_smoothing:
        yield f"label smoothing {recipe.label_smoothing:g}"
    if recipe.stochastic_depth is not None:
        yield f"stochastic depth {recipe.stochastic_depth:g}"
    if recipe.repeats > 1:
        yield f"{recipe.repeats} repetitions"
    if recipe.ema:
        yield f"EMA {recipe.ema:g}"
    if recipe.dropout is not None:
        yield f"dropout {recipe.dropout:g}"
    if recipe.clip_norm:
        yield f"gradient norm up to {recipe.clip_norm:g}"
    if recipe.gate_start is not None:
        yield f"gates begin at {recipe.gate_start:g}"
    if recipe.zero_gamma:
        yield "zero gamma"
    if recipe.quantization_aware:
        yield "trains with the rounding of int8"
    if recipe.freeze_bn_from is not None:
        yield f"normalization frozen from epoch {recipe.freeze_bn_from}"
    if recipe.image_size:
        yield f"trained at {recipe.image_size} pixels"
