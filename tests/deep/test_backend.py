"""The import of TensorFlow: silent when it works, and telling when it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.tf


def _run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_nothing_is_said_while_it_is_imported_and_first_used():
    done = _run(
        "from dlrun.deep.backend import keras, tf\n"
        "import sys\n"
        "keras.ops.matmul(tf.ones((2, 2)), tf.ones((2, 2)))\n"
        "print(keras.backend.backend(), tf.reduce_sum(tf.ones(3)).numpy())\n"
        "print('still heard', file=sys.stderr)\n"
    )
    assert (done.stdout, done.stderr) == ("tensorflow 3.0\n", "still heard\n")


def test_what_was_said_is_shown_when_the_import_fails():
    done = _run(
        "import os, sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tensorflow':\n"
        "            os.write(2, b'libcudart: wrong version\\n')\n"
        "            raise ImportError('DLL load failed')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "from dlrun.errors import TrainingError\n"
        "try:\n"
        "    import dlrun.deep.backend\n"
        "except TrainingError as error:\n"
        "    print(error)\n"
    )
    assert done.stdout == (
        "TensorFlow cannot be used: ImportError: DLL load failed\nlibcudart: wrong version\n"
    )
    assert done.stderr == ""
