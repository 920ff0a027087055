"""Pydantic's errors as faults of a recipe, in the words of its keys."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from dlrun.recipe.aliases import KEY_ALIASES
from dlrun.recipe.document import Fault, dotted
from dlrun.system.text import nearest, suggest

WANTED: Final[dict[str, str]] = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dataclass_type": "a list or a mapping",
    "dict_type": "a mapping of settings",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping of settings",
    "string_type": "text",
    "too_short": "a list with at least one item",
    "tuple_type": "a list",
}
BOUNDS: Final[dict[str, str]] = {
    "greater_than": "gt",
    "greater_than_equal": "ge",
    "less_than": "lt",
    "less_than_equal": "le",
}
BOUND_WORDS: Final = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def explain(
    errors: Iterable[Mapping[str, Any]],
    values: Any,
    lines: Mapping[str, int],
    section: type[BaseModel],
    prefix: str = "",
) -> list[Fault]:
    """Turn pydantic's errors into one fault per key of the recipe.

    Args:
        errors: of `ValidationError.errors()`.
        values: the validated ones, to distinguish keys from branches of a union.
        lines: dotted key → line.
        section: the model that validated.
        prefix: the dotted key of `section`.
    """
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for error in errors:
        by_key.setdefault(".".join(map(str, _real_path(error, values))), []).append(error)
    return [
        Fault(line_of(dotted(prefix, key), lines), _sentence(key, prefix, found, section))
        for key, found in by_key.items()
        if not any(other.startswith(f"{key}.") for other in by_key)
    ]


def line_of(key: str, lines: Mapping[str, int]) -> int | None:
    """Return the line of a key or of the nearest section around it."""
    parts = key.split(".")
    for end in range(len(parts), 0, -1):
        line = lines.get(".".join(parts[:end]))
        if line is not None:
            return line or None
    return 1


def unknown_key(
    key: str, allowed: Iterable[str], owner: str = "", elsewhere: Iterable[str] = ()
) -> str:
    """Return the fault of an unknown key, with the setting that was probably meant.

    Args:
        key: the dotted key.
        allowed: the names of the settings beside it.
        owner: what the settings belong to, when that is not the section itself.
        elsewhere: dotted keys of the whole recipe, among which the name may be right.
    """
    names = list(allowed)
    what = f"a setting of {owner}" if owner else "a setting"
    return f"{key} is not {what}. {_suggestion(key, names, elsewhere)}"


def _suggestion(key: str, names: list[str], elsewhere: Iterable[str]) -> str:
    parent, _, name = key.rpartition(".")
    meant = KEY_ALIASES.get(name.lower())
    if meant is not None:
        meant_name = meant.rpartition(".")[2]
        short = meant.removeprefix(f"{parent}.")
        return f"Did you mean {meant_name if meant_name in names else short}?"
    moved = [path for path in elsewhere if path.rpartition(".")[2] == name]
    if moved and not nearest(name, names):
        return f"Did you mean {' or '.join(moved)}?"
    return suggest(name, sorted(names))


def _real_path(error: Mapping[str, Any], values: Any) -> tuple[Any, ...]:
    """Drop the names of union branches that pydantic mixes into the location."""
    path: list[Any] = []
    current = values
    location = error["loc"]
    for position, part in enumerate(location):
        if isinstance(current, Mapping) and part in current:
            current = current[part]
        elif isinstance(current, list) and isinstance(part, int) and part < len(current):
            current = current[part]
        elif error["type"] == "missing" and position == len(location) - 1:
            pass
        else:
            continue
        path.append(part)
    return tuple(path)


def _sentence(
    key: str, prefix: str, errors: list[Mapping[str, Any]], section: type[BaseModel]
) -> str:
    full = dotted(prefix, key) if key else prefix
    first = errors[0]
    kinds = {error["type"] for error in errors}
    if "extra_forbidden" in kinds:
        owner = section_at(section, key.split(".")[:-1])
        return unknown_key(full, owner.model_fields if owner else (), elsewhere=keys_of(section))
    if kinds == {"missing"}:
        return f"{full} is required"
    own = [error for error in errors if error["type"] == "value_error"]
    if own:
        return f"{full}: {own[0]['ctx']['error']}"
    wanted = " or ".join(dict.fromkeys(_wanted(error) for error in errors))
    return f"{full} is {_show(first['input'])}, but must be {wanted}"


def _wanted(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind == "literal_error":
        return str(error["ctx"]["expected"]).replace("'", "")
    if kind in BOUNDS:
        bound = BOUNDS[kind]
        return f"{BOUND_WORDS[bound]} {error['ctx'][bound]}"
    return WANTED.get(kind, str(error["msg"]))


def _show(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "empty" if value is None else repr(value)


def section_at(section: type[BaseModel], path: Iterable[str]) -> type[BaseModel] | None:
    """Return the section at a path of keys; positions in lists are skipped."""
    current: type[BaseModel] | None = section
    for name in path:
        if name.isdigit():
            continue
        if current is None or name not in current.model_fields:
            return None
        current = _section_in(current.model_fields[name].annotation)
    return current


def keys_of(section: type[BaseModel], prefix: str = "") -> list[str]:
    """List the dotted keys of a section and of the sections in it."""
    keys = []
    for name, field in section.model_fields.items():
        key = dotted(prefix, name)
        inner = _section_in(field.annotation)
        keys += [key] if inner is None else [key, *keys_of(inner, key)]
    return keys


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, Annotated, list):
        for part in get_args(annotation):
            found = _section_in(part)
            if found is not None:
                return found
    return None
