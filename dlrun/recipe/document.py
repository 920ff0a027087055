"""YAML text as plain values, with the line of every key, and numbers and words as in YAML 1.2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

INTEGER: Final = r"^[-+]?(0|[1-9][0-9_]*)$"
FLOAT: Final = r"^[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?$|^[-+]?\.(inf|Inf|INF)$"


@dataclass(frozen=True)
class Fault:
    """A fault of a recipe; `line` is None for a fault of the command line."""

    line: int | None
    text: str


@dataclass(frozen=True)
class Document:
    """A recipe's values as plain Python, and the line of each dotted key."""

    values: dict[str, Any]
    lines: dict[str, int]
    faults: tuple[Fault, ...]


class _Loader(yaml.SafeLoader):
    """Scalars as in YAML 1.2: `no`, `on` and dates are text, and `1e-3` is a number."""

    yaml_implicit_resolvers: dict[str, Any] = {}


for _tag, _pattern, _first in (
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", INTEGER, list("-+0123456789")),
    ("float", FLOAT, list("-+.0123456789")),
    ("merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def parse(text: str) -> Document:
    """Parse one YAML mapping; syntax errors become faults."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        return Document({}, {}, (_syntax_fault(error),))
    except yaml.reader.ReaderError as error:
        return Document({}, {}, (Fault(1, f"the file is not readable text: {error.reason}"),))
    if not isinstance(node, yaml.MappingNode):
        what = "the file is empty" if node is None else "the file does not hold a mapping"
        return Document({}, {}, (Fault(1, f"{what}. A recipe starts with `data:`"),))
    return _Builder(loader).document(node)


def parse_value(text: str) -> Any:
    """Parse one value as in a recipe.

    Raises:
        ValueError: the text is not YAML.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        message = f"{text!r} is not a value. Quote it, or write it as in a recipe"
        raise ValueError(message) from error
    return None if node is None else _Builder(loader).value(node, "")


class _Builder:
    """Turns a tree of YAML nodes into values, and collects lines and faults."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._lines: dict[str, int] = {}
        self._faults: list[Fault] = []
        self._open: set[int] = set()

    def document(self, node: yaml.MappingNode) -> Document:
        values = self.value(node, "")
        return Document(values, self._lines, tuple(self._faults))

    def value(self, node: yaml.Node, key: str) -> Any:
        if isinstance(node, yaml.CollectionNode):
            return self._collection(node, key)
        try:
            return self._loader.construct_object(node)
        except (yaml.MarkedYAMLError, ValueError) as error:
            reason = getattr(error, "problem", None) or str(error)
            self._faults.append(Fault(node.start_mark.line + 1, f"{key}: {reason}"))
            return None

    def _collection(self, node: yaml.CollectionNode, key: str) -> Any:
        if id(node) in self._open:
            self._faults.append(Fault(node.start_mark.line + 1, f"{key} contains itself"))
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, key)
            return [self._item(item, dotted(key, i)) for i, item in enumerate(node.value)]
        finally:
            self._open.remove(id(node))

    def _item(self, node: yaml.Node, key: str) -> Any:
        self._lines[key] = node.start_mark.line + 1
        return self.value(node, key)

    def _mapping(self, node: yaml.MappingNode, key: str) -> dict[Any, Any]:
        self._find_duplicates(node, key)
        self._loader.flatten_mapping(node)
        values: dict[Any, Any] = {}
        for name_node, value_node in node.value:
            name = self.value(name_node, key)
            path = dotted(key, name)
            self._lines[path] = name_node.start_mark.line + 1
            values[name if isinstance(name, str | int | float) else str(name)] = self.value(
                value_node, path
            )
        return values

    def _find_duplicates(self, node: yaml.MappingNode, key: str) -> None:
        first: dict[str, int] = {}
        for name_node, _ in node.value:
            line = name_node.start_mark.line + 1
            name = str(name_node.value)
            if name in first and name != "<<":
                text = (
                    f"{dotted(key, name)} is written twice, first on line {first[name]}. Keep one"
                )
                self._faults.append(Fault(line, text))
            first.setdefault(name, line)


def dotted(key: str, name: object) -> str:
    """Append a name to a dotted key."""
    return f"{key}.{name}" if key else str(name)


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    line = 1 if mark is None else mark.line + 1
    if error.context == "expected a single document in the stream":
        return Fault(line, "a second document starts here (`---`). Keep one recipe per file")
    problem = error.problem or "unreadable"
    context = f" {error.context}" if error.context else ""
    return Fault(line, f"not YAML: {problem}{context}")
