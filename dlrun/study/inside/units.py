"""What the units of a network look for: the training rows that excite them, and their filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import nan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.contract.units import ExcitingRow, NetworkUnits, Unit, UnitColumn, UnitLayer
from dlrun.data.targets import target_kind
from dlrun.study.inside.activations import unwrapped
from dlrun.study.inside.pictures import filter_lines, filter_picture
from dlrun.study.inside.unit_columns import unusual_columns
from dlrun.study.inside.unit_views import (
    ShownRows,
    show_images,
    show_lines,
    show_sounds,
    show_words,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.dataset import Column, Dataset
    from dlrun.contract.inside import Inside
    from dlrun.deep.fitted import FittedNetwork
    from dlrun.deep.inside.filters import InputFilters
    from dlrun.deep.inside.layers import ChosenLayer
    from dlrun.deep.inside.units import LayerActivity
    from dlrun.study.inside.context import InsideContext

MAX_LAYERS: Final = 4
UNITS: Final = 6  # of a layer
ROWS: Final = 9  # of a unit
MOST_FILTERS: Final = 32
SAME: Final = 0.8  # correlation from which two units are alike
STRUCTURED: Final = ("image", "audio", "series", "text")  # kinds of columns that are shown
EMPTY: Final = ((),) * ROWS


def add_units(context: InsideContext, inside: Inside) -> Inside:
    """Add what the units of a network look for, as training rows show it, if rows may be shown."""
    if context.family != "deep" or not context.shows_rows:
        return inside
    from dlrun.deep.fitted import FittedNetwork

    rows = context.train_sample
    network, frame = unwrapped(context.fitted, rows.frame)
    if not isinstance(network, FittedNetwork):
        return inside
    return replace(inside, units=find_units(network, replace(rows, frame=frame)))


def find_units(network: FittedNetwork, rows: Dataset) -> NetworkUnits | None:
    """Find what the units of some layers look for; None where no layer can be reached.

    Of at most four layers, spread evenly over the depth, those six units are shown whose largest
    activation in a row the target explains best (linear regression on its classes or its value),
    each correlated by less than .8 with those before it.

    Args:
        network: that was trained.
        rows: training rows.
    """
    look = _UnitLook(network, rows)
    if not look.layers:
        return None
    return NetworkUnits(len(rows), tuple(look.describe()), look.filter_pictures())


def choose_units(peaks: NDArray[Any], told: NDArray[Any], n_units: int) -> list[int]:
    """Return the units that the target explains best and that differ.

    Args:
        peaks: (rows, units) the largest activation in each row.
        told: (units,) the share of its variance that the target explains; NaN where it is zero.
        n_units: at most; fewer where the others are constant.
    """
    varying = [int(unit) for unit in np.argsort(-told, kind="stable") if told[unit] >= 0]
    centred = peaks - peaks.mean(axis=0)
    scaled = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
    chosen: list[int] = []
    for unit in varying:
        if len(chosen) < n_units and not (scaled[:, chosen].T @ scaled[:, unit] >= SAME).any():
            chosen.append(unit)
    others = [unit for unit in varying if unit not in chosen]
    return sorted(chosen + others[: n_units - len(chosen)], key=varying.index)


def most_exciting(peaks: NDArray[Any]) -> NDArray[np.int64]:
    """Return the rows of the largest of some peaks, (rows,).

    Of equal ones the first alone, as far as there are enough others: rows in which a unit does
    exactly the same show the same, such as a word that is in many texts.
    """
    distinct = np.unique(-peaks, return_index=True)[1]
    if len(distinct) < ROWS:
        distinct = np.argsort(-peaks, kind="stable")
    return distinct[:ROWS]


def explained_by_target(peaks: NDArray[Any], indicators: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share of each unit's variance that the target explains, (units,), from 0 to 1.

    Args:
        peaks: (rows, units).
        indicators: (rows, classes) 0 or 1, or (rows, 1) of a number.

    Returns:
        NaN for units that are constant.
    """
    centred = (peaks - peaks.mean(axis=0)).astype(np.float64)
    told = indicators - indicators.mean(axis=0)
    fitted = told @ np.linalg.lstsq(told, centred, rcond=None)[0]
    total = (centred**2).sum(axis=0)
    is_varying = total > 1e-12 * np.maximum((peaks.astype(np.float64) ** 2).sum(axis=0), 1e-30)
    shares = np.full(len(total), nan)
    shares[is_varying] = (fitted**2).sum(axis=0)[is_varying] / total[is_varying]
    clipped: NDArray[np.float64] = np.clip(shares, 0, 1)
    return clipped


@dataclass(frozen=True)
class _Pick:
    """A unit that is shown.

    Attributes:
        rows: positions of those that excite it most.
        peaks: its largest activation in each.
        gradients: as of `UnitTracer.trace`.
    """

    number: int
    active: float
    told: float
    rows: NDArray[np.int64]
    peaks: NDArray[np.float32]
    gradients: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _UnitLook:
    """A network, and the rows that it is looked at with."""

    network: FittedNetwork
    rows: Dataset

    @cached_property
    def body(self) -> Any:
        """Return the Keras model of encoded groups."""
        return self.network.model.get_layer("dlrun_body")

    @cached_property
    def groups(self) -> dict[str, tuple[Column, ...]]:
        """Return the columns of each group."""
        from dlrun.deep.inputs.groups import group_columns

        return group_columns(self.network.columns)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Return group → the kind of its columns."""
        return {name: each[0].type for name, each in self.groups.items()}

    @cached_property
    def layers(self) -> list[ChosenLayer]:
        """Return layers with weights, evenly spread over the depth."""
        from dlrun.deep.inside.layers import choose_layers

        chosen = choose_layers(self.body)
        layers = [each for each in chosen if getattr(each.step.operation, "weights", None)]
        kept = np.linspace(0, len(layers) - 1, min(MAX_LAYERS, len(layers))).round().astype(int)
        return [layers[place] for place in kept]

    @cached_property
    def encoded(self) -> dict[str, NDArray[Any]]:
        """Return the encoded rows."""
        return self.network.encoded(self.rows.frame)

    @cached_property
    def filters(self) -> InputFilters | None:
        """Return the first filters on the input."""
        from dlrun.deep.inside.filters import first_filters

        return first_filters(self.body, self.kinds)

    def filter_pictures(self) -> tuple[str, ...]:
        """Return pictures of the first filters, if they have two sides."""
        if self.filters is None or not self.filters.are_pictures:
            return ()
        return tuple(map(filter_picture, self.filters.kernels[:MOST_FILTERS]))

    def describe(self) -> Iterator[UnitLayer]:
        """Yield the layers with their units."""
        from dlrun.deep.inside.units import measure_activity
        from dlrun.deep.training.device_data import chunks

        outputs = [layer.output for layer in self.layers]
        activities = measure_activity(self.body, outputs, chunks(self.encoded, self.body))
        for layer, activity in zip(self.layers, activities, strict=True):
            if picks := self._pick(layer, activity):
                yield self._describe_layer(layer, picks, activity.peaks.shape[1])

    def _pick(self, layer: ChosenLayer, activity: LayerActivity) -> list[_Pick]:
        from dlrun.deep.inside.units import UnitTracer

        target, peaks = self.rows.target, activity.peaks
        kind = target_kind(target.task)
        told = explained_by_target(peaks, kind.indicators(self.rows.y, range(len(target.labels))))
        tracer = UnitTracer(self.body, layer.output, self.kinds)
        picks = []
        for unit in choose_units(peaks, told, UNITS):
            rows = most_exciting(peaks[:, unit])
            gradients = tracer.trace({k: each[rows] for k, each in self.encoded.items()}, unit)
            active = float(activity.active[unit])
            picks.append(_Pick(unit, active, float(told[unit]), rows, peaks[rows, unit], gradients))
        return picks

    def _describe_layer(self, layer: ChosenLayer, picks: list[_Pick], n_units: int) -> UnitLayer:
        seen = [name for name in picks[0].gradients if self.kinds[name] in STRUCTURED]
        group = seen[0] if seen else ""
        shown = [self._show(group, pick) for pick in picks]
        units = map(self._describe_unit, picks, shown, map(partial(self._kernel, layer), picks))
        return UnitLayer(
            layer.step.operation.name,
            layer.step.kind,
            n_units,
            self.groups[group][0].name if group else "",
            shown[0].form,
            shown[0].sides,
            tuple(units),
        )

    def _kernel(self, layer: ChosenLayer, pick: _Pick) -> NDArray[np.float32] | None:
        """Return the filter of a unit on the input, if it has one."""
        if self.filters and self.filters.belong_to(layer.output):
            kernel: NDArray[np.float32] = self.filters.kernels[pick.number]
            return kernel
        return None

    def _describe_unit(
        self, pick: _Pick, shown: ShownRows, kernel: NDArray[np.float32] | None
    ) -> Unit:
        is_plane = self.filters is not None and self.filters.are_pictures
        return Unit(
            number=pick.number,
            active=pick.active,
            told_by_target=pick.told,
            rows=self._exciting_rows(pick, shown),
            filter=filter_picture(kernel) if kernel is not None and is_plane else "",
            filter_lines=filter_lines(kernel) if kernel is not None and not is_plane else (),
            sheet=shown.sheet,
            columns=self._columns(pick) if shown.form == "table" else (),
        )

    def _exciting_rows(self, pick: _Pick, shown: ShownRows) -> tuple[ExcitingRow, ...]:
        rows = self.rows.take(pick.rows)
        kind, predictions = target_kind(rows.target.task), self.network.predict(rows.frame)
        texts = kind.row_texts(rows.y, predictions, rows.target.labels)
        return tuple(
            ExcitingRow(int(row_id), truth, float(peak), box, words, lines)
            for row_id, (truth, _), peak, box, words, lines in zip(
                rows.row_ids, texts, pick.peaks, shown.boxes,
                shown.words or EMPTY, shown.lines or EMPTY, strict=False,
            )
        )  # fmt: skip

    def _show(self, group: str, pick: _Pick) -> ShownRows:
        """Show the rows by one column; without a column they are shown as rows of a table."""
        if not group:
            return ShownRows("table", ((),) * len(pick.rows))
        column, kind = self.groups[group][0], self.kinds[group]
        sizes, encoded = pick.gradients[group], self.encoded[group][pick.rows]
        cells = self.rows.frame[column.name].iloc[pick.rows]
        if kind == "image":
            return show_images([*cells], sizes)
        if kind == "text":
            return show_words(*self._tokens(group, cells), sizes)
        if not sizes.shape[1]:  # a pretrained network has made a vector of it
            return ShownRows("table", ((),) * len(pick.rows))
        steps, mask = np.split(encoded, [sizes.shape[-1]], axis=-1)
        lengths = mask.sum(axis=(1, 2)) if mask.size else np.full(len(steps), steps.shape[1])
        is_spectrogram = kind == "audio" and sizes.shape[-1] > 1
        return (show_sounds if is_spectrogram else show_lines)(steps, sizes, lengths)

    def _tokens(self, group: str, texts: Iterable[str]) -> tuple[list[list[str]], str]:
        """Return the tokens that the network reads of texts, and what stands between them."""
        from dlrun.deep.inputs.text import find_tokenizer

        if group in self.network.readers:
            return [text.split() for text in texts], " "
        tokenizer, length = find_tokenizer(self.groups[group][0].name, self.network.model)
        joint = "" if tokenizer.split == "character" else " "
        return [
            [each.decode() if isinstance(each, bytes) else each for each in found]
            for found in (tokenizer.tokens(text, length) for text in texts)
        ], joint

    def _columns(self, pick: _Pick) -> tuple[UnitColumn, ...]:
        gradients = pick.gradients.get("number")
        names = [column.name for column in self.groups.get("number", ())]
        means = [] if gradients is None else gradients.mean(axis=0).tolist()
        weights = dict(zip(names, means, strict=False))
        return unusual_columns(self.network.columns, self.rows.frame, pick.rows, weights)
