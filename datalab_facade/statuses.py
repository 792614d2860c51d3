"""The words for how an execution, a step or a step run stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar


class Status(str):
    """How an execution or a step run stands: an open set of upper-case words.

    It is a string, so ``execution.status == "COMPLETED"`` just works. Documented
    are PENDING, QUEUED, IN_PROGRESS, COMPLETED and FAILED; the API reserves the
    right to add others. A word that is not known is kept as it came and counts
    as still running.

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
    FAILED: ClassVar[Status]
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
    def is_waiting(self) -> bool:
        """Whether the work has not begun."""
        return self in WAITING


for _word in ("PENDING", "QUEUED", "IN_PROGRESS", "COMPLETED", "FAILED"):
    setattr(Status, _word, Status(_word))
Status.UNKNOWN = Status("UNKNOWN")

KNOWN_WORDS: Mapping[str, Status] = {
    "PENDING": Status.PENDING,
    "QUEUED": Status.QUEUED,
    "IN_PROGRESS": Status.IN_PROGRESS,
    "COMPLETED": Status.COMPLETED,
    "FAILED": Status.FAILED,
    # Words of the API's first weeks (2025-10), still the official client's
    # defaults; reading COMPLETE as "still running" would mean waiting for ever.
    "PROCESSING": Status.IN_PROGRESS,
    "COMPLETE": Status.COMPLETED,
}
"""What each word that was seen so far means."""


def revived_status(word: str) -> Status:
    """Give the status that a pickle holds; this name is in pickles, so it stays."""
    known = Status.UNKNOWN if word == Status.UNKNOWN else KNOWN_WORDS.get(word)
    return known if known is not None and known == word else Status(word)


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED})
"""The statuses after which nothing more happens."""
WAITING = frozenset({Status.PENDING, Status.QUEUED})
"""The statuses before anything happens."""
