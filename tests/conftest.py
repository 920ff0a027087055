"""What every test stands on: a pinned number of threads, and signals that are heard."""

import os
import signal
from tempfile import mkdtemp

from hypothesis import settings

from dlrun.system.cost import n_cores, pin_threads

pin_threads(n_cores())

os.environ["DLRUN_CACHE_DIR"] = mkdtemp(prefix="dlrun-tests-")  # not the user's own

# A job in the background, as of nohup or of a CI server, starts with these ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A loaded machine is no reason for a property to fail.
settings.register_profile("dlrun", deadline=None)
settings.load_profile("dlrun")
