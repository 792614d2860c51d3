"""The status of an execution, a step or a step run, in the words of the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

AGGREGATED = "aggregated"
"""The file key of a run over all files of an execution at once."""


class Status(str):
    """How an execution or a step run stands: an open set of upper-case words.

    It is a string, so ``execution.status == "COMPLETED"`` just works. Documented
    are PENDING, QUEUED, IN_PROGRESS, COMPLETED and FAILED, and for pipelines
    COMPLETED_WITH_ERRORS and SKIPPED, too; the API reserves the right to add others. A word
    that is not known is kept as it came and counts as still running.

    >>> Status.parse("completed").is_terminal
    True
    >>> Status.parse("Unheard_of"), Status.parse("Unheard_of").is_known
    ('Unheard_of', False)
    """

    __slots__ = ()

    PENDING: ClassVar[Status]
    QUEUED: ClassVar[Status]
    IN_PROGRESS: ClassVar[Status]
    COMPLETED: ClassVar[Status]
    COMPLETED_WITH_ERRORS: ClassVar[Status]
    """Of a pipeline's execution: it has ended, and some of its steps failed."""
    FAILED: ClassVar[Status]
    SKIPPED: ClassVar[Status]
    """Of a pipeline's step: it was not needed, or an earlier one failed."""
    UNKNOWN: ClassVar[Status]
    """Ours, not the API's: the server said nothing."""

    @classmethod
    def parse(cls, word: str) -> Status:
        """Give the status that a word of the server means, in any letter case."""
        return KNOWN_WORDS.get(word) or KNOWN_WORDS.get(word.strip().upper()) or cls(word)

    def __reduce__(self) -> tuple[Callable[[str], Status], tuple[str]]:
        # A documented word is one object, wherever it has been.
        return revived_status, (str(self),)

    @property
    def is_known(self) -> bool:
        """Whether the word is documented or was seen before."""
        return self in KNOWN_WORDS

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self in TERMINAL

    @property
    def is_failure(self) -> bool:
        """Whether the work has ended badly."""
        return self in FAILURES

    @property
    def is_waiting(self) -> bool:
        """Whether the work has not begun."""
        return self in WAITING


_WORDS = (
    "PENDING",
    "QUEUED",
    "IN_PROGRESS",
    "COMPLETED",
    "COMPLETED_WITH_ERRORS",
    "FAILED",
    "SKIPPED",
)
for _word in _WORDS:
    setattr(Status, _word, Status(_word))
Status.UNKNOWN = Status("UNKNOWN")

KNOWN_WORDS: Mapping[str, Status] = {
    **{word: getattr(Status, word) for word in _WORDS},
    # Words of the API's first weeks (2025-10), still the official client's
    # defaults; reading COMPLETE as "still running" would mean waiting for ever.
    "PROCESSING": Status.IN_PROGRESS,
    "COMPLETE": Status.COMPLETED,
    # Pipelines have words of their own for the same.
    "RUNNING": Status.IN_PROGRESS,
    "DISPATCHED": Status.QUEUED,
}
"""What each word that was seen so far means."""


def revived_status(word: str) -> Status:
    """Give the status that a pickle holds; this name is in pickles, so it stays."""
    known = Status.UNKNOWN if word == Status.UNKNOWN else KNOWN_WORDS.get(word)
    return known if known is not None and known == word else Status(word)


TERMINAL = frozenset(
    {Status.COMPLETED, Status.COMPLETED_WITH_ERRORS, Status.FAILED, Status.SKIPPED}
)
"""The statuses after which nothing more happens."""
FAILURES = frozenset({Status.FAILED})
"""The statuses that say that the work ended badly; they are among the terminal ones."""
WAITING = frozenset({Status.PENDING, Status.QUEUED})
"""The statuses before anything happens."""
