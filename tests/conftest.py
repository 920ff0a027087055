"""What every test stands on: the number of threads is pinned before a library counts the cores."""

from dlrun.cost import n_cores, pin_threads

pin_threads(n_cores())
