"""What one setting changes: networks of a study that differ in one setting alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dlrun.contract.study import Study
from dlrun.errors import DlrunError
from dlrun.recipe.load import parse_recipe
from dlrun.recipe.schema import Model
from dlrun.recipe.training import Optimizer, Training
from dlrun.recipe.write import flat

FEWEST: Final = 3  # values of a setting
STACKS: Final = {"hidden": ("layers", "width"), "filters": ("blocks", "filters")}
"""Settings that list the sizes of layers: what their number and the first size are called."""
TITLES: Final = {"learning_rate.peak": "learning rate", "learning_rate.schedule": "schedule"}

Value = float | str
Settings = Mapping[str, Value]


@dataclass(frozen=True)
class SettingLine:
    """Networks that differ in the setting alone.

    Attributes:
        name: what these share and other lines do not, such as "relu"; empty for a single line.
        points: value of the setting and network, numbers in ascending order.
    """

    name: str
    points: tuple[tuple[Value, str], ...]


@dataclass(frozen=True)
class SettingEffect:
    """A setting and the networks by which its effect can be seen.

    Attributes:
        setting: its name in words.
        lines: one or more, each with at least three values.
        linked: settings that change with it, one value for each of its own.
    """

    setting: str
    lines: tuple[SettingLine, ...]
    linked: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Return whether all values are numbers."""
        return all(not isinstance(value, str) for value in self.values)

    @property
    def values(self) -> list[Value]:
        """Return the distinct values, numbers in ascending order, words as they come."""
        found = dict.fromkeys(value for line in self.lines for value, _ in line.points)
        return _in_order(found)


def read_settings(study: Study) -> dict[str, Settings]:
    """Return network → setting → value, from the recipe of a study; none where it is unreadable."""
    try:
        recipe = parse_recipe(study.read_text("recipe.yaml"), Path("recipe.yaml"))
    except DlrunError:  # of another version
        return {}
    return {
        model.title: {**_of_model(model), **_of_training(recipe.training_of(model))}
        for model in recipe.models
    }


def find_effects(networks: Mapping[str, Settings]) -> list[SettingEffect]:
    """Find the settings in which alone at least three networks differ.

    A setting whose networks are all among those of settings before it is left out: the numbers
    come first, then the settings with the most values.

    Args:
        networks: network → setting → value.
    """
    linked = _link(list(dict.fromkeys(_varied(networks))), networks)
    found = [effect for key in linked if (effect := _effect(key, linked, networks))]
    found.sort(key=lambda effect: (not effect.is_number, -len(effect.values)))
    seen: set[str] = set()
    kept = []
    for effect in found:
        names = {name for line in effect.lines for _, name in line.points}
        if not names <= seen:
            kept.append(effect)
        seen |= names
    return kept


def _varied(networks: Mapping[str, Settings]) -> Iterator[str]:
    """Yield the settings in which networks differ; one that some lack is such a setting."""
    for settings in networks.values():
        for key in settings:
            if len({other.get(key) for other in networks.values()}) > 1:
                yield key


def _link(varied: Sequence[str], networks: Mapping[str, Settings]) -> dict[str, list[str]]:
    """Return setting → those after it that have one value of their own for each of its values."""
    linked: dict[str, list[str]] = {}
    for key in varied:
        leader = next((each for each in linked if _is_paired(each, key, networks)), None)
        if leader:
            linked[leader].append(key)
        else:
            linked[key] = []
    return linked


def _is_paired(one: str, other: str, networks: Mapping[str, Settings]) -> bool:
    pairs = {(own.get(one), own.get(other)) for own in networks.values()}
    n_values = {len({pair[place] for pair in pairs}) for place in (0, 1)}
    return n_values == {len(pairs)} and len(pairs) >= FEWEST


def _effect(
    key: str, linked: Mapping[str, Sequence[str]], networks: Mapping[str, Settings]
) -> SettingEffect | None:
    others = [other for other in linked if other != key]
    groups: dict[tuple[Value | None, ...], list[tuple[Value, str]]] = defaultdict(list)
    for name, settings in networks.items():
        if key in settings:
            groups[tuple(map(settings.get, others))].append((settings[key], name))
    lines = {
        shared: points
        for shared, points in groups.items()
        if len(points) >= FEWEST and len({value for value, _ in points}) == len(points)
    }
    if not lines:
        return None
    differing = [place for place in range(len(others)) if len({each[place] for each in lines}) > 1]
    return SettingEffect(
        key,
        tuple(
            SettingLine(_name({others[place]: shared[place] for place in differing}), _line(points))
            for shared, points in lines.items()
        ),
        tuple(linked[key]),
    )


def _line(points: Sequence[tuple[Value, str]]) -> tuple[tuple[Value, str], ...]:
    ranks = {value: rank for rank, value in enumerate(_in_order([value for value, _ in points]))}
    return tuple(sorted(points, key=lambda point: ranks[point[0]]))


def _in_order(values: Any) -> list[Value]:
    known = list(values)
    return known if any(isinstance(value, str) for value in known) else sorted(known)


def _name(shared: Mapping[str, Value | None]) -> str:
    """Write what the networks of a line share: "relu", "width 64"."""
    return ", ".join(write_value(key, value) for key, value in shared.items() if value is not None)


def write_value(setting: str, value: Value) -> str:
    """Write a value of a setting: a word says what it is, a number does not."""
    if isinstance(value, str):
        return value
    count = f"{value:,g}" if isinstance(value, float) else f"{value:,}"
    singular = setting.removesuffix("s")
    if setting in ("layers", "blocks"):
        return f"{count} {singular if value == 1 else setting}"
    return f"{setting} {count}"


def _of_model(model: Model) -> dict[str, Value]:
    named = {"architecture": model.architecture, "features": ", ".join(model.features or [])}
    settings: dict[str, Value] = {key: value for key, value in named.items() if value}
    for key, value in flat(model.complete_settings).items():
        if key in STACKS and isinstance(value, list) and value:
            settings |= dict(zip(STACKS[key], (len(value), value[0]), strict=True))
        else:
            settings[_title(key)] = _plain(value)
    return settings


def _of_training(training: Training) -> dict[str, Value]:
    values = training.model_dump()
    del values["optimizer"]
    plain = {_title(key): _plain(value) for key, value in flat(values).items()}
    return {"optimizer": _write_optimizer(training.optimizer), **plain}


def _write_optimizer(optimizer: Optimizer) -> str:
    own = [f"{_title(key)} {value}" for key, value in optimizer.settings.items()]
    return ", ".join([optimizer.name, *own])


def _title(key: str) -> str:
    return TITLES.get(key, key.replace("_", " "))


def _plain(value: object) -> Value:
    """Return a number as it is, anything else as text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else str(value)  # type: ignore[return-value]
