"""The paces of a study, timed in a process of their own: TensorFlow takes its memory for good."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dlrun.errors import DlrunError

if TYPE_CHECKING:
    from dlrun.recipe.schema import Recipe
    from dlrun.study.forecast import Paces


def time_apart(recipe: Recipe) -> Paces:
    """Time a few fits of every candidate of a recipe in another process.

    Raises:
        DlrunError: the other process ended before it was done.
    """
    with TemporaryDirectory(prefix="dlrun-") as folder:
        question, answer = Path(folder, "recipe"), Path(folder, "paces")
        question.write_bytes(pickle.dumps(recipe))
        command = [sys.executable, "-m", "dlrun.study.apart", str(question), str(answer)]
        code = subprocess.run(command, check=False, env=dict(os.environ)).returncode
        if code:
            message = (
                f"{recipe.file.name}: the process that timed a few fits ended with code {code}, "
                "most likely for lack of memory. Leave budget out, or take fewer rows: "
                "data.max_rows"
            )
            raise DlrunError(message)
        paces: Paces = pickle.loads(answer.read_bytes())
        return paces


def main() -> None:
    """Time the recipe of the first file, and write its paces to the second."""
    from dlrun.study.forecast import time_candidates
    from dlrun.study.plan import prepare
    from dlrun.system.cost import pin_threads
    from dlrun.system.terminal import clean_output

    question, answer = map(Path, sys.argv[1:])
    pin_threads()
    with clean_output():
        try:
            paces = time_candidates(prepare(pickle.loads(question.read_bytes())))
        except KeyboardInterrupt:
            sys.exit(130)
    answer.write_bytes(pickle.dumps(paces))


if __name__ == "__main__":
    main()
