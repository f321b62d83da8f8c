"""The curves of a run, as a picture."""

import os


def plot_curves(history, path):
    """Draws loss and accuracy over the epochs, training beside held-out.

    Args:
        history: Lists under `loss`, `val_loss`, `accuracy`, `val_accuracy`, one value an epoch.
        path: The png file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    panels = ((axes[0], "loss", "Loss (logarithmic)"), (axes[1], "accuracy", "Accuracy"))
    for axis, key, title in panels:
        epochs = range(1, len(history[key]) + 1)
        axis.plot(epochs, history[key], marker=".", color="#0072b2", label="training (augmented)")
        axis.plot(epochs, history[f"val_{key}"], marker=".", color="#d55e00", label="held out")
        axis.set_title(title)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    axes[0].set_yscale("log")
    axes[1].set_ylim(top=1.005)
    axes[1].legend(loc="lower right")
    FigureCanvasAgg(figure).print_png(f"{path}.part")
    os.replace(f"{path}.part", path)
