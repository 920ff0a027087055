"""Kinds of candidates: what known classes of estimators are, and how a recipe's side settles it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from dlrun.contract.candidate import Family, Kind, side_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class KnownClasses:
    """Classes of a package whose kind is known.

    Attributes:
        module: where they are defined, or a package around it.
        kind: of the candidates that they make.
        names: patterns of their names; any name where there are none.
    """

    module: str
    kind: Kind
    names: tuple[str, ...] = ()

    def has(self, module: str, name: str) -> bool:
        """Return whether a class is one of these."""
        is_within = f"{module}.".startswith(f"{self.module}.")
        return is_within and (
            not self.names or any(fnmatchcase(name, pattern) for pattern in self.names)
        )


KNOWN: Final = (
    KnownClasses("sklearn.neural_network", "network"),
    KnownClasses("aeon.classification.deep_learning", "network"),
    KnownClasses("aeon.regression.deep_learning", "network"),
    KnownClasses("keras", "network"),
    KnownClasses("pytabkit", "network", ("RealMLP*", "MLP*", "TabM*", "*TabR*", "Resnet*", "FTT*")),
    KnownClasses("pytorch_tabnet", "network"),
    KnownClasses("scikeras", "network"),
    KnownClasses("skorch", "network"),
    KnownClasses("tabicl", "pretrained"),
    KnownClasses("tabpfn", "pretrained"),
    KnownClasses("tabpfn_client", "pretrained"),
    KnownClasses("tabpfn_extensions", "pretrained"),
)
WRAPPED: Final = ("estimator", "regressor")  # attributes with the estimator that another is around


def settle(natural: Kind, side: Family | None) -> Kind:
    """Return the kind of a candidate: what it is by nature, unless the recipe names its side.

    A side that agrees with the nature changes nothing; one that does not makes it classic, or a
    network.
    """
    if side is None or side_of(natural) == side:
        return natural
    return "classic" if side == "classic" else "network"


def kind_of_estimator(estimator: Any) -> Kind:
    """Return what an estimator is by its class, the nearest known one it derives from.

    A pipeline is what its last step is, and an estimator around another one is what that is.
    """
    for each in _unwrapped(estimator):
        found = (_kind_of_class(one) for one in type(each).__mro__)
        if kind := next((kind for kind in found if kind), None):
            return kind
    return "classic"


def _kind_of_class(one: type) -> Kind | None:
    return next((row.kind for row in KNOWN if row.has(one.__module__, one.__name__)), None)


def _unwrapped(estimator: Any) -> Iterator[Any]:
    """Yield an estimator, the one that it is around, and so on."""
    seen: list[Any] = []
    while estimator is not None and all(each is not estimator for each in seen):
        yield estimator
        seen.append(estimator)
        estimator = _inner(estimator)


def _inner(estimator: Any) -> Any:
    steps: Sequence[tuple[str, Any]] | None = getattr(estimator, "steps", None)
    if steps:
        return steps[-1][1]
    wrapped: Iterable[Any] = (getattr(estimator, name, None) for name in WRAPPED)
    return next((each for each in wrapped if each is not None), None)
