"""From the spec of a network and the rows of one split to a trained network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import chain
from typing import Any, Final

from dlrun.catalog.architectures import is_function
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset
from dlrun.deep.architecture import build_architecture
from dlrun.deep.backbones.encodings import fit_pretrained
from dlrun.deep.backbones.fine_tuning import merge_adapters
from dlrun.deep.backbones.requests import (
    backbone_rate,
    fine_tunes,
    head_spec,
    pretrained_settings,
)
from dlrun.deep.backend import joint, keras, tf
from dlrun.deep.distributed.collective import CollectiveGroup, cluster_errors, worker_group
from dlrun.deep.distributed.strategy import check_shares, choose_strategy
from dlrun.deep.fitted import FittedNetwork
from dlrun.deep.frozen import FrozenNetwork
from dlrun.deep.inputs.augment import make_augmentations
from dlrun.deep.inputs.encoding import Encoding
from dlrun.deep.inputs.groups import FrameReader, fit_encodings, frame_reader
from dlrun.deep.network import Network, build_network
from dlrun.deep.objective import Objective, choose_objective
from dlrun.deep.precision import FLOAT16, precision
from dlrun.deep.random_state import seed_random_numbers, unchanged_random_state
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.training.device_data import TrainingData, encode_groups, encode_table
from dlrun.deep.training.evaluation import Evaluator
from dlrun.deep.training.layer_watch import make_watch, some_rows
from dlrun.deep.training.loop import Trainer
from dlrun.deep.training.optimizers import make_optimizer
from dlrun.deep.training.programs import shared_program
from dlrun.deep.training.streaming_data import StreamedRows, StreamShare, rows_of_window
from dlrun.deep.trial_steps import TrialSteps
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training
from dlrun.system.cost import startup
from dlrun.system.heap import release_freed_memory

N_MEASURED: Final = 256  # rows that tell the size of others


def train_network(
    spec: NetworkSpec, train: Dataset, validation: Dataset, context: FitContext
) -> FittedNetwork | FrozenNetwork:
    """Build and train a network, from the context's checkpoint if there is one.

    Raises:
        TrainingError: the network cannot be built or trained on these rows.
    """
    # 1 · random numbers and devices
    training, seed = spec.training, context.seed
    head = _train_head(spec, train, validation, seed)
    _reset_session(seed, deterministic=training.deterministic)
    if train.stream:
        release_freed_memory()
    strategy = choose_strategy(training.strategy)
    group = worker_group() if strategy is joint else None
    check_shares(training, strategy, len(train))

    # 2 · the network, fitted to the training rows
    pretrained = fit_pretrained(spec, train)
    if pretrained:
        seed_random_numbers(seed)  # those backbones that had to be built have drawn random numbers
    encodings = fit_encodings(train.columns, train.frame, spec.preprocessing, pretrained)
    objective = choose_objective(training, train.target, train.y)
    readers = {name: encoding.reader for name, encoding in pretrained.items()}
    make = partial(make_network, spec, train.columns, encodings, objective)
    trial = TrialSteps(spec, objective, train, readers, make, strategy.num_replicas_in_sync)
    with startup(), unchanged_random_state():
        policy = trial.choose_precision(context, group)
    with startup(), strategy.scope():
        network, optimizer = make(policy)
        for layer, values in zip(network.new_layers, head, strict=False):
            layer.set_weights(values)

    # 3 · the rows, read and encoded once
    reader = frame_reader(train.columns, network.reader, readers)
    encoded = encode_table(validation, reader, network, objective)
    share = _stream_share(training, strategy, group)
    rows = _training_data(train, reader, network, objective, seed, share)
    watched = None
    if context.watches_layers and strategy.num_replicas_in_sync == 1:
        watched = encode_table(some_rows(train, network), reader, network, objective)

    # 4 · the training
    every = pretrained_settings(spec.model).unfreeze_every if pretrained else 0
    is_known = not is_function(spec.model.architecture)
    is_shared = is_known and not pretrained and strategy.num_replicas_in_sync == 1
    with (
        cluster_errors() if group else _device_errors(),
        shared_program(network, objective, optimizer, training, is_shared=is_shared) as program,
    ):
        evaluator = Evaluator(network, program, objective, encoded, validation, spec.epoch_metrics)
        trainer = Trainer(
            program.network,
            objective,
            training,
            program.optimizer,
            strategy,
            seed,
            group,
            every,
            pads=is_known,
            compiled=program.steps,
            watch=make_watch(program, objective, watched) if watched else None,
        )
        best_epoch = trainer.run(rows, evaluator.evaluate, context)
    n_parameters = network.n_parameters
    merge_adapters(network.body)
    fitted = FittedNetwork(
        spec.name,
        train.columns,
        train.target,
        network.whole(),
        best_epoch,
        n_parameters,
        readers,
    )
    if not network.make_saved:
        return fitted
    saved = {name: encoding.saved.reader for name, encoding in pretrained.items()}
    return FrozenNetwork(fitted, network, saved)


def _train_head(
    spec: NetworkSpec, train: Dataset, validation: Dataset, seed: int
) -> list[list[Any]]:
    """Train the new layers of a network that is fine-tuned, on the vectors of the frozen backbone.

    Random ones would distort the pretrained weights before they have learned something (Kumar et
    al. 2022), and fine-tuning begins with all that the frozen backbone gives.

    Returns:
        The weights of each new layer; none where nothing is fine-tuned.
    """
    if not fine_tunes(spec, train.columns):
        return []
    frozen = head_spec(spec)
    fitted = train_network(frozen, train, validation, FitContext(seed))
    layers = fitted.new_layers if isinstance(fitted, FrozenNetwork) else []
    return [layer.get_weights() for layer in layers]


def make_network(
    spec: NetworkSpec,
    columns: Sequence[Column],
    encodings: Mapping[str, Encoding],
    objective: Objective,
    policy: str,
) -> tuple[Network, Any]:
    """Build a network with fresh weights, and its optimizer."""
    network = build(spec, columns, encodings, objective, policy)
    optimizer = make_optimizer(
        spec.training,
        scales_loss=policy == FLOAT16,
        slow=[*chain(*network.blocks)],
        share=backbone_rate(spec) / spec.training.learning_rate.peak,
    )
    return network, optimizer


def build(
    spec: NetworkSpec,
    columns: Sequence[Column],
    encodings: Mapping[str, Encoding],
    objective: Objective,
    policy: str = "float32",
) -> Network:
    """Build a network with fresh weights, under a Keras dtype policy.

    Raises:
        TrainingError: the architecture cannot be built on these columns.
    """
    architecture = partial(build_architecture, spec.model, spec.folder, trusted=spec.trusted)
    augmentations = make_augmentations(encodings, spec.preprocessing)
    with precision(policy):
        return build_network(columns, encodings, objective, architecture, augmentations)


def _training_data(
    train: Dataset,
    reader: FrameReader,
    network: Network,
    objective: Objective,
    seed: int,
    share: StreamShare,
) -> TrainingData:
    """Encode the training rows in memory, or stream all of them where these are a sample."""
    if train.stream is None:
        return encode_table(train, reader, network, objective)
    encode = partial(encode_groups, network=network, objective=objective)
    window = rows_of_window(reader.read(train.frame[:N_MEASURED]))
    return StreamedRows(train.stream, reader, encode, seed, window, share)


def _stream_share(training: Training, strategy: Any, group: CollectiveGroup | None) -> StreamShare:
    """Return which of the workers that train together reads the rows here."""
    if group is None:
        return StreamShare()
    n_workers = group.worker.n_workers
    n_fewest = strategy.num_replicas_in_sync // n_workers * training.accumulate
    return StreamShare(group.worker.index, n_workers, n_fewest)


def _reset_session(seed: int, *, deterministic: bool) -> None:
    """Free earlier networks, whose parts refer to each other, and seed all random numbers."""
    keras.backend.clear_session()
    seed_random_numbers(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    else:  # an earlier training may have asked for it; TensorFlow exports no way back
        import_module("tensorflow.python.framework.config").disable_op_determinism()


@contextmanager
def _device_errors() -> Iterator[None]:
    """Turn TensorFlow's errors of a device into a TrainingError."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        message = (
            "the device has not enough memory. Lower training.batch_size, and raise "
            "training.accumulate by as much; or lower the width"
        )
        raise TrainingError(message) from error
    except tf.errors.OpError as error:
        lines = [line for line in str(error.message).splitlines() if line.strip() == line != ""]
        reason = lines[-1] if lines else type(error).__name__
        message = f"a layer cannot work with the numbers that it gets: {reason}"
        raise TrainingError(message) from error
