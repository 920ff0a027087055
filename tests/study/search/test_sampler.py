"""Samplers: values within their space, the same again when told the same, none known twice."""

from __future__ import annotations

from math import isnan, nan

import pytest

from dlrun.contract.search import Dimension
from dlrun.study.search.sampler import Sampler, Settings, ask_new, grid_values, make_sampler

SPACE = {
    "rate": Dimension(log=(1e-4, 1e-1)),
    "share": Dimension(range=(0.0, 0.5)),
    "width": Dimension(log=(8, 256)),
    "depth": Dimension(range=(1, 4)),
    "hidden": Dimension(choices=([64], [128, 128], None)),
}
DEFAULT = {"rate": 1e-3, "share": 0.1, "width": 128, "depth": 2, "hidden": [128, 128]}
NAMES = ("tpe", "cmaes", "qmc", "random", "grid")


def sampler(name: str, seed: int = 1, space=SPACE, default: Settings = DEFAULT) -> Sampler:
    return make_sampler(name, space, seed, lower_is_better=True, default=(default, 1.0))


def proposals(sampler: Sampler, n: int) -> list[Settings]:
    """Ask and tell; every seventh trial fails."""
    found = []
    for number in range(n):
        settings = sampler.ask()
        assert settings is not None
        found.append(settings)
        sampler.tell(nan if number % 7 == 3 else abs(settings.get("share", 0.1) - 0.3))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_proposals_are_in_the_space_and_a_function_of_seed_and_scores(name: str) -> None:
    found = proposals(sampler(name), 16)
    for settings in found:
        assert list(settings) == list(SPACE)
        assert 1e-4 <= settings["rate"] <= 1e-1
        assert 0 <= settings["share"] <= 0.5
        assert type(settings["width"]) is int
        assert 8 <= settings["width"] <= 256
        assert settings["depth"] in (1, 2, 3, 4)
        assert settings["hidden"] in ([64], [128, 128], None)
    assert found == proposals(sampler(name), 16)
    assert found != proposals(sampler(name, seed=2), 16)


@pytest.mark.parametrize("name", ["tpe", "cmaes"])
def test_samplers_that_learn_come_near_the_best(name: str) -> None:
    space = {key: SPACE[key] for key in ("rate", "share")}
    found = proposals(sampler(name, space=space), 60)
    early, late = ([abs(each["share"] - 0.3) for each in part] for part in (found[:15], found[45:]))
    assert sum(late) < 0.6 * sum(early)


def test_the_default_is_told_where_all_its_values_are_known() -> None:
    """It changes what follows; values that are unknown or outside the space are no trial."""
    found = proposals(sampler("tpe"), 14)
    bare = proposals(sampler("tpe", default={}), 14)
    assert found != bare
    for strange in ({"rate": 10.0}, {"hidden": "auto"}, {"share": True}, {"width": "auto"}):
        assert proposals(sampler("tpe", default={**DEFAULT, **strange}), 14) == bare


def test_a_grid_has_the_ends_of_ranges_and_all_choices() -> None:
    assert grid_values(Dimension(log=(0.01, 100.0))) == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert grid_values(Dimension(range=(0.0, 1.0))) == [0, 0.25, 0.5, 0.75, 1]
    assert grid_values(Dimension(range=(1, 3))) == [1, 2, 3]
    assert grid_values(Dimension(choices=("a", None))) == ["a", None]


def test_a_grid_proposes_every_combination_once() -> None:
    space = {"a": Dimension(choices=(1, 2, 3)), "b": Dimension(range=(0.0, 1.0))}
    grid = sampler("grid", space=space)
    found = proposals(grid, 15)
    assert len({tuple(each.items()) for each in found}) == 15
    assert found != sorted(found, key=lambda each: (each["a"], each["b"]))
    assert grid.ask() is None


def test_a_huge_grid_is_not_written_out() -> None:
    space = {f"s{number}": Dimension(range=(0.0, 1.0)) for number in range(20)}
    assert len(proposals(sampler("grid", space=space), 20)) == 20


@pytest.mark.parametrize("name", NAMES)
def test_known_settings_are_proposed_no_more_until_there_are_no_others(name: str) -> None:
    space = {"depth": Dimension(range=(1, 3)), "hidden": Dimension(choices=("a", "b"))}
    asked = sampler(name, space=space, default={})
    known: list[tuple[Settings, float]] = [({"depth": 1, "hidden": "a"}, 0.5)]
    while (settings := ask_new(asked, known)) is not None:
        known.append((settings, nan if len(known) == 2 else 0.5))
        asked.tell(known[-1][1])
    assert len({tuple(each.items()) for each, _ in known}) == len(known) >= 5
    assert sum(isnan(score) for _, score in known) == 1
