"""A recipe file with overrides as a frozen `Recipe`, or all of its faults at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.errors import RecipeError
from dlrun.recipe.aliases import KEY_ALIASES
from dlrun.recipe.document import Document, Fault, dotted, parse
from dlrun.recipe.errors import explain, line_of, unknown_key
from dlrun.recipe.layer_list import check_layers
from dlrun.recipe.overrides import override, title_of
from dlrun.recipe.schema import Model, Recipe
from dlrun.recipe.training import Training

MAX_BYTES: Final = 2**20
MAX_FAULTS: Final = 50  # that are shown
SUFFIXES: Final = (".yaml", ".yml", ".json", "")


def load_recipe(
    path: Path, overrides: Iterable[str] = (), *, trusted: Iterable[str] = ()
) -> Recipe:
    """Read, override and validate a recipe.

    Args:
        path: the YAML file.
        overrides: `key=value` settings; they win over the file.
        trusted: modules that it may name beside those in its folder and the known packages.

    Raises:
        RecipeError: the file cannot be read, or has faults; all of them, one per line.
    """
    return parse_recipe(_read(path), path, overrides, trusted=trusted)


def parse_recipe(
    text: str, file: Path, overrides: Iterable[str] = (), *, trusted: Iterable[str] = ()
) -> Recipe:
    """Override and validate a recipe given as YAML text.

    Args:
        text: YAML, of which JSON is a part.
        file: its name in errors; relative sources start in its folder.
        overrides: as in `load_recipe`.
        trusted: as in `load_recipe`.

    Raises:
        RecipeError: the recipe has faults; all of them, one per line.
    """
    document = override(parse(text), overrides)
    values, lines = _normalise(document)
    faults = [*document.faults]
    recipe: Recipe | None = None
    if values:
        try:
            recipe = Recipe.model_validate(values)
        except ValidationError as error:
            faults += explain(error.errors(), values, lines, Recipe)
        faults += _candidate_faults(values, lines)
    if faults or recipe is None:
        is_single = isinstance(document.values.get("model"), dict)
        raise RecipeError(_message(file.name, faults, is_single=is_single))
    named = recipe.model_copy(update={"name": recipe.name or file.stem})
    named._file = file.absolute()
    named._lines = lines
    named._trusted = frozenset(trusted)
    return named


def _read(path: Path) -> str:
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        message = (
            f"{path} is not a recipe, which is a YAML file. If it holds the data, write one for "
            f"it: dlrun init {path} --target COLUMN"
        )
        raise RecipeError(message)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)  # of a device there is no end
        if len(content) > MAX_BYTES:
            message = f"{path}: larger than {MAX_BYTES:,} bytes. A recipe is a small YAML file"
            raise RecipeError(message)
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        near = ", ".join(sorted(other.name for other in path.parent.glob("*.y*ml"))) or "none"
        message = f"{path}: no such recipe. Recipes in that folder: {near}"
        raise RecipeError(message) from None
    except IsADirectoryError:
        message = f"{path} is a folder. Name a recipe in it"
        raise RecipeError(message) from None
    except UnicodeDecodeError:
        message = f"{path}: not UTF-8 text. A recipe is a YAML file"
        raise RecipeError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise RecipeError(message) from None


def _normalise(document: Document) -> tuple[dict[str, Any], dict[str, int]]:
    """Drop empty sections, and make a single model a list of one."""
    values = {key: value for key, value in document.values.items() if value is not None}
    lines = dict(document.lines)
    if isinstance(values.get("model"), dict):
        values["model"] = [values["model"]]
        for key, line in document.lines.items():
            if key.startswith("model."):
                lines[f"model.0.{key.removeprefix('model.')}"] = line
    return values, lines


def _candidate_faults(values: Mapping[str, Any], lines: Mapping[str, int]) -> list[Fault]:
    """Check what depends on another key: an architecture's settings, a model's training."""
    faults: list[Fault] = []
    models = values.get("model", [])
    for position, model in enumerate(models if isinstance(models, list) else []):
        if isinstance(model, dict):
            key = f"model.{position}"
            faults += _architecture_faults(model, key, lines)
            faults += _training_faults(values.get("training"), model.get("training"), key, lines)
    faults += _duplicate_names(values, lines)
    return faults


def _architecture_faults(model: dict[str, Any], key: str, lines: Mapping[str, int]) -> list[Fault]:
    title = str(model.get("architecture"))
    row = ARCHITECTURES.get(title)
    if row is None:
        return [
            Fault(
                line_of(dotted(key, name), lines), unknown_key(dotted(key, name), ["architecture"])
            )
            for name in model
            if "architecture" not in model and KEY_ALIASES.get(name) == "model.architecture"
        ]
    settings = {name: value for name, value in model.items() if name not in Model.model_fields}
    allowed = [*row.settings.model_fields, *Model.model_fields]
    faults = [
        Fault(line_of(dotted(key, name), lines), unknown_key(dotted(key, name), allowed, title))
        for name in settings
        if name not in allowed
    ]
    settings = {name: value for name, value in settings.items() if name in allowed}
    found = _faults_of(row.settings, settings, key, lines)
    if title == "layers" and not found:
        try:
            check_layers(settings["layers"])
        except ValueError as error:
            where = line_of(dotted(key, "layers"), lines)
            found = [
                Fault(where, f"{dotted(key, 'layers')}: {line}") for line in str(error).splitlines()
            ]
    return faults + found


def _training_faults(
    common: object, own: object, key: str, lines: Mapping[str, int]
) -> list[Fault]:
    if not isinstance(own, dict) or not own:
        return []
    base = common if isinstance(common, dict) else {}
    own_faults = _faults_of(Training, {**base, **own}, dotted(key, "training"), lines)
    common_faults = {
        fault.text for fault in _faults_of(Training, base, dotted(key, "training"), lines)
    }
    return [fault for fault in own_faults if fault.text not in common_faults]


def _faults_of(
    section: type[BaseModel], values: Mapping[str, Any], prefix: str, lines: Mapping[str, int]
) -> list[Fault]:
    try:
        section.model_validate(values)
    except ValidationError as error:
        return explain(error.errors(), values, lines, section, prefix)
    return []


def _duplicate_names(values: Mapping[str, Any], lines: Mapping[str, int]) -> list[Fault]:
    models = values.get("model", [])
    titles: set[str] = set()
    faults = []
    for position, model in enumerate(models if isinstance(models, list) else []):
        if not isinstance(model, dict) or not model.get("architecture"):
            continue  # which is a fault already
        title = title_of(model, "model")
        if title in titles:
            key = f"model.{position}"
            text = f"{key}: a second model is called {title!r}. Give it a name of its own"
            faults.append(Fault(line_of(key, lines), text))
        titles.add(title)
    return faults


def _message(file: str, faults: list[Fault], *, is_single: bool) -> str:
    """Return the faults in the order of lines; a single model is `model`, not `model.0`."""
    ordered = sorted(faults, key=lambda fault: fault.line or 0)
    lines = [
        f"{file}:{fault.line}: {fault.text}" if fault.line else f"command line: {fault.text}"
        for fault in ordered
    ]
    n_more = len(lines) - MAX_FAULTS
    text = "\n".join([*lines[:MAX_FAULTS], *([f"and {n_more:,} more faults"] * (n_more > 0))])
    return text.replace("model.0", "model") if is_single else text
