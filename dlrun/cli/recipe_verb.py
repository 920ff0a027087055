"""A verb that takes a recipe: an option that is a key of the recipe is explained."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from dlrun.errors import UsageError


class RecipeVerb(TyperCommand):
    """A command whose keys of the recipe are overrides, `training.epochs=5`, and no options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse arguments; name the key that an unknown option means.

        Raises:
            UsageError: there is no such option, but such a key.
        """
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            option = getattr(error, "option_name", None)  # of click's NoSuchOption
            if option is None:
                raise
            from dlrun.recipe.overrides import find_key

            key = find_key(option.lstrip("-"))
            if key is None:
                raise
            message = (
                f"dlrun {ctx.info_name} has no option {option}. Keys of the recipe are written "
                f"without dashes: {key}={_value(given, option)}"
            )
            raise UsageError(message) from error


def _value(arguments: list[str], option: str) -> str:
    """Return what follows an option, or stands behind its equals sign."""
    for argument, following in zip(arguments, [*arguments[1:], "…"], strict=True):
        if argument == option:
            return following
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return "…"
