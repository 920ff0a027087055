"""Settings of the command line, which override those of the file."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Final

from dlrun.recipe.aliases import KEY_ALIASES
from dlrun.recipe.document import Document, Fault, dotted, parse_value

# Keys that may have one plain value instead of a mapping, and the key in the mapping that it sets.
SHORTHANDS: Final = {"training.optimizer": "name", "training.learning_rate": "peak"}
CANDIDATE_NAMES: Final = {"model": ("name", "architecture"), "baselines": ("name", "estimator")}


def find_key(name: str) -> str | None:
    """Return the dotted key of a recipe that a word means, such as an option of another tool.

    >>> find_key("lr"), find_key("epochs"), find_key("verbose")
    ('training.learning_rate', 'training.epochs', None)
    """
    from dlrun.recipe.schema import Recipe

    word = name.replace("-", "_").casefold()
    if word in KEY_ALIASES:
        return KEY_ALIASES[word]
    sections = {key: field.annotation for key, field in Recipe.model_fields.items()}
    keys = [
        dotted(section, key)
        for section, kind in sections.items()
        for key in getattr(kind, "model_fields", ())
    ]
    return next((key for key in [*sections, *keys] if key.rpartition(".")[2] == word), None)


def override(document: Document, settings: Iterable[str]) -> Document:
    """Apply `key=value` settings to a document; settings that cannot be applied become faults."""
    values = copy.deepcopy(document.values)
    lines = dict(document.lines)
    faults = list(document.faults)
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals or not key:
            faults.append(Fault(None, f"{setting!r} is not an override. Write key=value"))
            continue
        try:
            changed = set_key(values, key, parse_value(text))
        except ValueError as error:
            faults.append(Fault(None, f"{key}: {error}"))
        else:
            lines[changed] = 0  # 0: from the command line
    return Document(values, lines, tuple(faults))


def set_key(values: dict[str, Any], key: str, value: Any) -> str:
    """Set one dotted key, creating its sections; return the key with positions in lists.

    Raises:
        ValueError: a section on the way has no settings, or a list no such candidate.
    """
    current: Any = values
    path = ""
    *sections, last = key.split(".")
    for name in sections:
        current, path = _descend(current, path, name)
    if isinstance(current, list):
        position = _position(current, path, last)
        current[position] = value
        return dotted(path, position)
    current[last] = value
    return dotted(path, last)


def _descend(current: Any, path: str, name: str) -> tuple[Any, str]:
    if isinstance(current, list):
        position = _position(current, path, name)
        if not isinstance(current[position], dict):
            current[position] = {"name": current[position]}
        return current[position], dotted(path, position)
    below = dotted(path, name)
    value = current.get(name)
    if value is None and below in CANDIDATE_NAMES:
        message = (
            f"{below} is not set, so there is nothing to change in it. Write {below} out first"
        )
        raise ValueError(message)
    if value is None:
        current[name] = {}
    elif isinstance(value, list) and below == "model" and len(value) == 1:
        return value[0], dotted(below, 0)
    elif not isinstance(value, dict | list):
        if below not in SHORTHANDS:
            message = f"{below} is {value!r}, which has no settings. Write {below} out first"
            raise ValueError(message)
        current[name] = {SHORTHANDS[below]: value}
    return current[name], below


def _position(items: list[Any], path: str, name: str) -> int:
    """Find a list item by its position, or a candidate by its name."""
    if name.isdigit() and int(name) < len(items):
        return int(name)
    titles = [title_of(item, path) for item in items]
    if name in titles:
        return titles.index(name)
    message = f"{path} has no {name!r}. Name one of {', '.join(titles)} as in {path}.{titles[0]}.…"
    raise ValueError(message)


def title_of(item: Any, path: str) -> str:
    """Return the name of a candidate of the list at a path, as `title` of its section does."""
    if not isinstance(item, dict):
        return str(item)
    keys = CANDIDATE_NAMES.get(path, ("name",))
    title = next((str(item[key]) for key in keys if item.get(key)), "?")
    is_own = item.get("name") and (item.get("estimator") or item.get("architecture"))
    features = [] if is_own else item.get("features") or []
    listed = features if isinstance(features, list) else [features]
    return "-".join([title, *map(str, listed)])
