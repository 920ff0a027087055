"""Train the network of `tabular_prior` on synthetic tables, and write its weights to a file.

python -m dlrun.deep.tabular_prior.pretrain weights.npz --minutes 60
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from dlrun.deep.backend import keras, tf
from dlrun.deep.tabular_prior.cells import CellScale, tokens_of
from dlrun.deep.tabular_prior.limits import GROUP, IDENTITY, MAX_CLASSES
from dlrun.deep.tabular_prior.network import new_network
from dlrun.deep.tabular_prior.synthetic import draw_table
from dlrun.deep.tabular_prior.weights import write_weights

SHAPES: Final = (
    (1, 32, 48), (1, 64, 48), (1, 128, 48), (2, 24, 48), (2, 48, 48), (2, 96, 48), (2, 192, 48),
    (3, 32, 48), (3, 64, 48), (3, 128, 48), (4, 48, 48), (4, 96, 48), (4, 160, 48),
    (6, 64, 48), (6, 128, 48), (8, 96, 48), (12, 80, 48),
)  # fmt: skip
"""Tokens, training rows and rows to classify of the tables of one step."""
CELLS: Final = 5_000
"""About as many cells are in one step."""
RATE: Final = 0.01
ADAM_SHARE: Final = 0.2
"""Of the rate, for weights that are no matrices."""
WARM_UP: Final = 0.02
"""Share of the time in which the learning rate rises; then it falls to zero in a line."""
REPORT_SECONDS: Final = 60


def draw_batch(generator: np.random.Generator) -> tuple[Any, ...]:
    """Draw tables of one shape: cells, identity, one-hot labels, and classes of the last rows.

    A class is -1 where no training row has it.
    """
    n_tokens, n_train, n_asked = SHAPES[generator.integers(len(SHAPES))]
    n_tables = max(1, round(CELLS / ((n_tokens + 1) * (n_train + n_asked))))
    cells, classes = [], []
    for _ in range(n_tables):
        n_columns = GROUP * n_tokens - int(generator.integers(GROUP))
        matrix, drawn = draw_table(generator, n_train + n_asked, n_columns)
        cells.append(tokens_of(CellScale.of(matrix[:n_train]).cells(matrix)))
        classes.append(drawn)
    y = np.stack(classes)
    labels = np.eye(MAX_CLASSES, dtype=np.float32)[y[:, :n_train]]
    asked = y[:, n_train:]
    is_known = np.take_along_axis(labels.any(axis=1), asked, axis=1)
    identity = generator.standard_normal((n_tables, n_tokens, IDENTITY)).astype(np.float32)
    return np.stack(cells), identity, labels, np.where(is_known, asked, -1)


def make_step(network: Any, optimizer: Any) -> Any:
    """Compile one update of the weights; it returns the loss of the batch."""

    def step(cells: Any, identity: Any, labels: Any, asked: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = network(cells, identity, labels)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(asked, 0), logits)
            is_known = tf.cast(asked >= 0, losses.dtype)
            loss = tf.reduce_sum(losses * is_known) / tf.reduce_sum(is_known)
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    signature = [
        tf.TensorSpec([None, None, None, None], tf.float32), tf.TensorSpec([None, None, IDENTITY]),
        tf.TensorSpec([None, None, MAX_CLASSES]), tf.TensorSpec([None, None], tf.int64),
    ]  # fmt: skip
    return tf.function(step, input_signature=signature)


def rate_at(progress: float) -> float:
    """Return the learning rate after a share of the time."""
    if progress < WARM_UP:
        return RATE * (0.01 + progress / WARM_UP)
    return RATE * max(0.0, 1 - progress)


def pretrain(network: Any, seconds: float, seed: int) -> Iterator[str]:
    """Train for a number of seconds by Muon (Jordan 2024); yield a line of progress a minute."""
    generator = np.random.default_rng(seed)
    optimizer = keras.optimizers.Muon(
        RATE, weight_decay=0.01, clipnorm=1.0, adam_lr_ratio=ADAM_SHARE
    )
    optimizer.build(network.trainable_variables)
    step = make_step(network, optimizer)
    start = reported = time.monotonic()
    losses: list[float] = []
    n_tables = 0
    while (elapsed := time.monotonic() - start) < seconds:
        batch = draw_batch(generator)
        optimizer.learning_rate.assign(rate_at(elapsed / seconds))
        losses.append(float(step(*map(tf.constant, batch))))
        n_tables += len(batch[0])
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            cpu = f"{elapsed / 60:.0f} minutes, {time.process_time() / 60:.1f} of the CPU"
            yield f"{cpu}, {n_tables:,} tables, loss {np.mean(losses):.4f}"
            losses = []


def main() -> None:
    """Read the command line, train, and keep the weights of every minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="the file to write (.npz)")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, default=64, help="of a token; a multiple of heads")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--blocks", type=int, default=3)
    given = parser.parse_args()
    keras.utils.set_random_seed(given.seed)
    network = new_network(given.width, given.heads, given.blocks)
    for line in pretrain(network, 60 * given.minutes, given.seed):
        print(line, flush=True)
        write_weights(network, given.weights)
    write_weights(network, given.weights)


if __name__ == "__main__":
    main()
