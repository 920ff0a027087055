"""The failures that dlrun expects, each one clear message and an exit code.

DlrunError                 one message on stderr, no traceback
├── UsageError        (2)  the command line asks for something that is not there
├── RecipeError       (2)  the recipe file: every fault at once, each with file:line
├── DataError         (2)  the data: a missing file, column, class; an undecodable value
├── ExtraError        (2)  an optional package is missing; names the extra to install
├── WeightsError      (2)  weights of a pretrained network are not here, and cannot be had
├── TrackingError     (1)  the MLflow store cannot be reached, read or written
├── TrainingError     (1)  a candidate could not be fitted
├── ClusterError     (75)  a worker of a joint training is lost; the same command goes on
└── ComparisonError   (2)  runs that must not be compared, such as different splits

Anything else that escapes is a bug and keeps its traceback.
"""


class DlrunError(Exception):
    """Tell the user what is wrong: where, what was received, what is allowed, what to do."""

    exit_code = 2


class UsageError(DlrunError):
    """The command line asks for something that is not there."""


class RecipeError(DlrunError):
    """The recipe is not valid; the message has one line per fault."""


class DataError(DlrunError):
    """The data cannot be used as the recipe says."""


class ExtraError(DlrunError):
    """An optional package is missing."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed. Run: pip install 'dlrun[{extra}]'")


class WeightsError(DlrunError):
    """Weights of a pretrained network are not on this disk, and cannot be had."""


class TrackingError(DlrunError):
    """The MLflow store cannot be reached, read or written."""

    exit_code = 1


class TrainingError(DlrunError):
    """A candidate could not be fitted."""

    exit_code = 1


class ClusterError(DlrunError):
    """A worker is lost, or cannot be reached: nothing is wrong with the study.

    The code is sysexits' EX_TEMPFAIL, by which whoever supervises the workers knows that the same
    commands, given again, are worth a try.
    """

    exit_code = 75


class ComparisonError(DlrunError):
    """The runs must not be compared with each other."""
