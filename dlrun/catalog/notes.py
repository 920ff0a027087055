"""The kinds of notes: the code by which a recipe mutes one, and the exact rule that gives it.

Codes are stable and never used twice, also when a kind is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from dlrun.catalog import training_notes
from dlrun.catalog.note_kind import NoteKind
from dlrun.contract.note import Note

EARLIER = NoteKind(
    "DLR000",
    "A note of an earlier version",
    "The study was tracked before notes had codes.",
)
# ------------------------------------------------------------------------- the files, DLR010 to 029

WRITTEN_FORMAT = NoteKind(
    "DLR010",
    "Numbers or dates that are not plain",
    "A column of texts is read as numbers or dates: at least 95 % of its values are numbers with "
    "one decimal mark, perhaps with separators of thousands and the sign of one currency or %, or "
    "dates of one format.",
)
MISSING_MARKERS = NoteKind(
    "DLR011",
    "Markers of missing values",
    "A column of numbers or dates has texts such as ?, -, n/a or none among its values.",
)
UNREAD_CELLS = NoteKind(
    "DLR012",
    "Cells that do not fit their column",
    "A column of texts is read as numbers or dates, and up to 5 % of its values, of 20 different "
    "texts at most, are none; they count as missing.",
)
FOUND_FORMAT = NoteKind(
    "DLR014",
    "A text table of another format",
    "The encoding is not UTF-8, the decimal mark is a comma, or the separator is not what the "
    "suffix says (a comma in .csv, a tab in .tsv), and the recipe does not set it.",
)
NO_HEADER = NoteKind(
    "DLR015",
    "A table without names of columns",
    "`data.header` is auto, and the first row is data: no word of it stands above numbers or "
    "dates, and most of its cells are numbers above numbers, dates above dates, words that occur "
    "in their column again, or texts of more than 5 words above such.",
)
NUMBERS_AS_NAMES = NoteKind(
    "DLR016",
    "Numbers as names of columns",
    "`data.header` is auto, and the numbers in the first row are years from 1800 to 2100 in rising "
    "order, or at least three whole numbers in even steps.",
)
MISSING_WORDS = NoteKind(
    "DLR017",
    "Words that count as missing",
    "A column of texts has cells such as NA, None or null (those that pandas takes for missing "
    "ones), or cells that `data.na` lists.",
)
DOWNLOADED = NoteKind(
    "DLR018",
    "A downloaded file",
    "`data.source` is an address.",
)
MANY_CATEGORIES = NoteKind(
    "DLR019",
    "A column of very many categories",
    "A category has more than 1,000 different values, or more than 50 of which more than half of "
    "the rows have one for themselves; a column that is different in every row is DLR057.",
)
NEARLY_NUMBERS = NoteKind(
    "DLR020",
    "Categories that are nearly numbers",
    "At least 80 % of the values of a column of texts are numbers, but fewer than 95 %, or the "
    "others are more than 20 different texts.",
)
AMBIGUOUS_FORMAT = NoteKind(
    "DLR013",
    "A format that could be another one",
    "As many values of a column fit another order of day and month, or another decimal mark, and "
    "would be other dates or numbers.",
)

UNREAD_MEMBERS = NoteKind(
    "DLR021",
    "Files in shards that are not read",
    "A .tar of samples has members whose extension is none of images, sounds, texts, .cls, .json "
    "and a few names of values, such as .id.",
)

# ---------------------------------------------------------------- what fits the data, DLR030 to 049

RANDOM_OVER_TIME = NoteKind(
    "DLR030",
    "A random split of rows in time",
    "The rows are split at random, and a column of dates, or of numbers called year, date or "
    "timestamp, orders them: none is missing, at least 10 differ, and the rows are sorted by it or "
    "it rises in even steps, one row each.",
    spoils_verdict=True,
)

DEFAULT_NETWORK = NoteKind(
    "DLR031",
    "A network by default",
    "The recipe has no `model`.",
)

NO_BETTER_THAN_NAIVE = NoteKind(
    "DLR032",
    "No better than an earlier value",
    "Rows are split by time, and a side is represented by a candidate whose mean test score is no "
    "better than that of `naive` or `seasonal_naive`.",
)

SAMPLED_CONTEXT = NoteKind(
    "DLR033",
    "A pretrained network takes a part of the table",
    "An estimator of a package of pretrained networks for tables gets more training rows than it "
    "takes, or `tabular_prior` more than 512 training rows or 100 columns.",
)

# -------------------------------------------------------------------------- the data, DLR050 to 079

GUESSED_TASK = NoteKind(
    "DLR050",
    "Whole numbers taken for classes",
    "The recipe sets no `task`, and the target holds more than 2 different whole numbers, but no "
    "more than 20 and than 5 % of the rows; more than 10 only where each stands in 5 rows.",
)
UNLISTED_COLUMNS = NoteKind(
    "DLR051",
    "Columns that are not used",
    "`data.features` is a mapping of types, and columns are neither in it nor in `data.exclude`.",
)
EMPTY_COLUMNS = NoteKind(
    "DLR052",
    "Columns without any value",
    "No row has a value there; the columns are dropped.",
)
NO_TARGET = NoteKind(
    "DLR053",
    "Rows without a target",
    "The target is missing there; the rows are dropped.",
)
SAMPLED_ROWS = NoteKind(
    "DLR054",
    "A sample of the rows",
    "`data.max_rows` is lower than the number of rows that have a target.",
)
INFINITE_VALUES = NoteKind(
    "DLR055",
    "Infinite values",
    "A column of numbers holds infinite values, which are taken as missing.",
)
CONSTANT_COLUMNS = NoteKind(
    "DLR056",
    "Constant columns",
    "All rows that have a value there have the same.",
)
IDENTIFIERS = NoteKind(
    "DLR057",
    "Columns that may identify rows",
    "A category is different in every row, or a number rises by 1 from each row to the next.",
)
LEAK = NoteKind(
    "DLR058",
    "A column that gives the target",
    "One column alone is enough, on at least 20 and at most 20,000 evenly spaced rows. Classes: "
    "each of its values (missing is one; on average at least 5 rows have the same) has rows of one "
    "class, or the rows, sorted by the column, fall into one block for each class; of the rows "
    "outside the largest class 2 % may differ. Numbers: the square of the correlation, or of that "
    "of the ranks, is at least .999, or the mean of the rows with the same value explains as much.",
    spoils_verdict=True,
)
DUPLICATES = NoteKind(
    "DLR059",
    "Duplicates across the parts",
    "At least one test row of the first split equals a training or validation row, in all columns "
    "and in the target.",
    spoils_verdict=True,
)
SCALED_IMAGES = NoteKind(
    "DLR060",
    "Images of another size",
    "At least one image does not have the column's common height and width.",
)
RESAMPLED_SOUNDS = NoteKind(
    "DLR061",
    "Sounds of another sample rate",
    "At least one sound does not have the column's common sample rate.",
)
CUT_SEQUENCES = NoteKind(
    "DLR062",
    "Sounds or series that are cut",
    "At least one sound or series is longer than the column's common length.",
)
STREAMED = NoteKind(
    "DLR063",
    "Training rows are streamed",
    "`data.stream` is true, or auto and the rows would take more than half of the free memory, as "
    "they are stored or decoded.",
)
NOT_STREAMED = NoteKind(
    "DLR064",
    "A large table that cannot be streamed",
    "`data.stream` is auto and the rows would take more than half of the free memory, but the "
    "recipe or its target needs all of them at once.",
)
SAMPLED_PARTS = NoteKind(
    "DLR065",
    "A part is a sample of the stream",
    "Rows are streamed, and the part has more of them, or more bytes of decoded images, sounds, "
    "series and texts, than are held in memory.",
)
SAMPLE_LEARNERS = NoteKind(
    "DLR066",
    "Candidates that learn from a sample",
    "A table of numbers, categories and dates is streamed, and an estimator has no `partial_fit`. "
    "Of a stream with images, sounds or texts: the features of all training rows have no room.",
)
MISSING_PACKAGES = NoteKind(
    "DLR067",
    "Baselines left out",
    "`baselines` is auto, and the package of a feature that one needs is not installed.",
)
UNSEARCHED = NoteKind(
    "DLR068",
    "Candidates that are not searched",
    "The recipe has `search`, and a candidate has no settings that are worth tuning, such as "
    "`dummy`, nor does `search.space` name any.",
)
INNER_FOLDS = NoteKind(
    "DLR069",
    "Settings are scored on inner folds",
    "`search.inner` is folds, or auto and splits have fewer than 300 validation rows on average, "
    "and the rows can be divided into inner folds.",
)


FEWER_LABELS = NoteKind(
    "DLR070",
    "Numbers of labels above those that there are",
    "`evaluation.learning_curve.labels` names numbers that reach or exceed the training and "
    "validation rows of a split. They are left out: all rows are the last point anyway.",
)

# -------------------------------------------------------- how the verdict is reached, DLR100 to 119
# -------------------------------------------------------------------- the comparison, DLR120 to 149

VARIED_CHOICE = NoteKind(
    "DLR100",
    "A side's best differs from split to split",
    "A side has several candidates, and not the same one of them is best on the validation rows of "
    "every split.",
)
UNEQUAL_BUDGETS = NoteKind(
    "DLR101",
    "Candidates were not tuned alike",
    "Settings were searched, and the budgets of the studies differ; or the candidate that "
    "represents a side on some split was not tuned; or, without `search.seconds`, a candidate "
    "tried fewer settings than `search.trials`; or, with it, both the seconds and the trials of a "
    "search, the mean of each side, differ by more than 10 %.",
)
STOPPED_STUDY = NoteKind(
    "DLR120",
    "A study was stopped early",
    "The study's run is killed or failed.",
)
DIFFERENT_DATA = NoteKind(
    "DLR121",
    "The studies' data differ",
    "Studies that are compared have the same splits and target, but other fingerprints of the "
    "data.",
)
FAILED_TRIALS = NoteKind(
    "DLR122",
    "A candidate failed",
    "A candidate has no score on at least one split.",
)
NO_VALIDATION = NoteKind(
    "DLR123",
    "No validation score to choose by",
    "A side has several candidates, and the one that represents it has no validation score.",
)
BETTER_ON_TEST = NoteKind(
    "DLR124",
    "Another candidate has the better test score",
    "A candidate with as many scores has a better mean test score than the one that represents "
    "its side.",
)
NO_BETTER_THAN_DUMMY = NoteKind(
    "DLR125",
    "No better than ignoring the columns",
    "A side is represented by `dummy`, or by a candidate whose mean test score is no better.",
)
CAPPED_EPOCHS = NoteKind(
    "DLR126",
    "A network that was cut short",
    "On more than half of its splits a network ran all of its `training.epochs`, and both the "
    "epoch that was kept and the one of the lowest validation loss are among the last tenth.",
    spoils_verdict=True,
)

BUSY_MACHINE = NoteKind(
    "DLR127",
    "The machine was busy",
    "A candidate's mean training took at least 0.5 s and more than 1.5 times its CPU seconds, both "
    "without start-up.",
)
BLEND_NOT_NAMED = NoteKind(
    "DLR130",
    "What the blend of both sides would give",
    "There is a blend of candidates of both sides, and it is not the verdict: it does not beat "
    "each side's choice and every candidate, or one side has less than a tenth of its weight.",
)

# ----------------------------------------------------------------- several data sets, DLR140 to 149

FEW_DATA_SETS = NoteKind(
    "DLR140",
    "Few data sets",
    "`dlrun bench` compares fewer than three data sets.",
)
NOT_RANKED = NoteKind(
    "DLR141",
    "Candidates without a rank",
    "`dlrun bench` compares data sets on some of which a candidate is missing, or failed on some "
    "split.",
)
SAME_ROWS = NoteKind(
    "DLR142",
    "Data sets of the same rows",
    "`dlrun bench` compares studies whose data have the same fingerprint.",
)

# --------------------------------------------------------------------------- the run, DLR200 to 219

BUDGET = NoteKind(
    "DLR200",
    "Made smaller to keep a budget",
    "The recipe has a `budget`. Before the start, trials of a search are cut down to 5, then "
    "repeats to 1, folds to 3 and then to 1, epochs to 5, and training rows to 500, until the "
    "study is expected to take at most 90 % of it. Where it could still take longer, were no "
    "network to stop early, the epochs are cut down to those that are expected.",
)

KEPT_VECTORS = NoteKind(
    "DLR201",
    "Vectors that are computed once",
    "A candidate learns from the vectors of a frozen pretrained network: by `features: embed`, or "
    "by `architecture: pretrained` with `train: head`.",
)

DECODED_CELLS = NoteKind(
    "DLR202",
    "Images and sounds that are decoded once",
    "Streamed rows have images or sounds. What is decoded of them is kept in the cache and "
    "read in every epoch, also by later studies, unless it would take more than half of the disk "
    "that is free, or cannot be written: then it is decoded anew in every epoch.",
)

_made = (*globals().values(), *vars(training_notes).values())
NOTES: Final = {kind.code: kind for kind in _made if isinstance(kind, NoteKind)}
"""Code → kind."""
SPOILING: Final = frozenset(code for code, kind in NOTES.items() if kind.spoils_verdict)


def unmuted(notes: Iterable[Note], muted: Collection[str]) -> tuple[Note, ...]:
    """Return the notes whose code is not muted."""
    return tuple(note for note in notes if note.code not in muted)
