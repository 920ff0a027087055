"""YAML text as plain values, with the line of every key, and numbers and words as in YAML 1.2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

INTEGER: Final = r"^[-+]?(0|[1-9][0-9_]*)$"
TAG: Final = "tag:yaml.org,2002:"
SCALARS: Final = ("null", "bool", "int", "float", "str")
COLLECTIONS: Final = ("map", "seq")
UNUSABLE: Final = re.compile("[\0\ud800-\udfff]")  # ends a C string, or cannot be written
MAX_VALUES: Final = 100_000  # keys and values of a recipe, those of an alias each time
MAX_DEPTH: Final = 32
TOO_LARGE: Final = (
    f"the recipe has more than {MAX_VALUES:,} values, those of its aliases each time. Is it data?"
)
TOO_DEEP: Final = f"this is nested more than {MAX_DEPTH} levels deep"
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
    except RecursionError:  # the parser's own depth
        return Document({}, {}, (Fault(1, TOO_DEEP),))
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, as in "\\UFFFFFFFF"
        return Document({}, {}, (Fault(1, f"not YAML: {error}"),))
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
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        message = f"{text!r} is not a value. Quote it, or write it as in a recipe"
        raise ValueError(message) from error
    builder = _Builder(loader)
    value = None if node is None else builder.value(node, "")
    if builder.faults:
        raise ValueError(builder.faults[0].text.removeprefix(": "))
    return value


class _Builder:
    """Turns a tree of YAML nodes into values, and collects lines and faults."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self.faults: list[Fault] = []
        self._lines: dict[str, int] = {}
        self._open: set[int] = set()
        self._n_values = 0

    def document(self, node: yaml.MappingNode) -> Document:
        values = self.value(node, "")
        return Document(values, self._lines, tuple(self.faults))

    def value(self, node: yaml.Node, key: str) -> Any:
        """Return the value of a node; faults on the way make it None.

        An alias is its node again: without a limit, a few lines can stand for billions of values.
        """
        self._n_values += 1
        if self._n_values >= MAX_VALUES:
            return self._refuse(node, TOO_LARGE) if self._n_values == MAX_VALUES else None
        tag = node.tag.removeprefix(TAG)
        if tag not in (SCALARS if isinstance(node, yaml.ScalarNode) else COLLECTIONS):
            shown = node.tag.replace(TAG, "!!")
            return self._refuse(node, f"{key}: a recipe has no values of the kind {shown}")
        if isinstance(node, yaml.CollectionNode):
            return self._collection(node, key)
        try:
            value = self._loader.construct_object(node)
        except (yaml.MarkedYAMLError, ValueError, LookupError):
            return self._refuse(node, f"{key}: {node.value[:40]!r} is no {tag}")
        if isinstance(value, str) and UNUSABLE.search(value):
            return self._refuse(node, f"{key}: {value[:40]!r} has a character that no name has")
        return value

    def _refuse(self, node: yaml.Node, text: str) -> None:
        self.faults.append(Fault(node.start_mark.line + 1, text))

    def _collection(self, node: yaml.CollectionNode, key: str) -> Any:
        if id(node) in self._open:
            return self._refuse(node, f"{key} contains itself")
        if len(self._open) == MAX_DEPTH:
            return self._refuse(node, f"{key[:80]}: {TOO_DEEP}")
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
        merges = [(each, value) for each, value in node.value if each.tag == f"{TAG}merge"]
        values: dict[Any, Any] = {}
        for _, value_node in merges:
            values = {**self._merged(value_node, key), **values}
        for name_node, value_node in node.value:
            if name_node.tag == f"{TAG}merge":
                continue
            if not isinstance(name_node, yaml.ScalarNode):
                self._refuse(name_node, f"{key}: a key is a word, not a list or a mapping")
                continue
            name = self.value(name_node, key)
            path = dotted(key, name)
            self._lines[path] = name_node.start_mark.line + 1
            values[name if isinstance(name, str | int | float) else str(name)] = self.value(
                value_node, path
            )
        return values

    def _merged(self, node: yaml.Node, key: str) -> dict[Any, Any]:
        """Return the mapping, or the mappings, that `<<` takes in; the first one wins."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[Any, Any] = {}
        for each in nodes:
            value = self.value(each, key)
            if isinstance(value, dict):
                merged = {**value, **merged}
            elif value is not None or isinstance(each, yaml.ScalarNode):
                self._refuse(each, f"{dotted(key, '<<')} takes in a mapping, or a list of mappings")
        return merged

    def _find_duplicates(self, node: yaml.MappingNode, key: str) -> None:
        first: dict[str, int] = {}
        for name_node, _ in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                continue  # which is a fault already
            line = name_node.start_mark.line + 1
            name = str(name_node.value)
            if name in first and name != "<<":
                text = (
                    f"{dotted(key, name)} is written twice, first on line {first[name]}. Keep one"
                )
                self.faults.append(Fault(line, text))
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
