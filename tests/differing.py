"""Studies of networks that differ in their width or their activation."""

from __future__ import annotations

from dataclasses import replace

from reported import make

NETWORK = '- {{architecture: mlp, name: "{}", hidden: [{}], activation: {}}}'


def tracked(scores, networks, **facts):
    """Make a study whose candidates have these scores; `networks` are width and activation."""
    study = make(*scores, **facts)
    metric, trials = study.metrics[0], study.trials
    models = "\n".join(NETWORK.format(name, *settings) for name, settings in networks.items())
    wave = 1 + 0.01 * (trials["step"] - trials["step"].mean())
    family = trials["candidate"].map(lambda name: "deep" if name in networks else "classic")
    values = trials["candidate"].map(scores) * wave
    text = f"data: {{source: formula:runge}}\nmodel:\n{models}\n"
    return replace(
        study,
        trials=trials.assign(**{metric: values, "family": family}),
        texts=study.texts | {"recipe.yaml": text},
    )


WIDTHS = {"w1": (1, "tanh"), "w4": (4, "tanh"), "w1024": (1024, "tanh")}
ERRORS = {"w1": 0.8, "w4": 0.3, "w1024": 0.016, "svm": 0.05, "forest": 0.02, "dummy": 1.0}
