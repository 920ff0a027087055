"""The recipes that come with dlrun."""

from pathlib import Path


def shipped_recipes() -> list[Path]:
    """Return the recipes' files: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_recipes", package.parent / "recipes"):
        found = sorted(folder.glob("*.yaml"))
        if found:
            return found
    return []
