"""The API key of a client, which may change while the client is used, for async code.

A key that changes is asked of a function of the caller's: when it is first needed, and again when
the API refuses it. All requests that wait for it at the same time share one answer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from datalab_facade.clock import Clock
from datalab_facade.errors import ConfigurationError
from datalab_facade.known_secrets import NO_ECHO
from datalab_facade.redaction import excerpt, redact_urls
from datalab_facade.transport.origin import Key, checked_key, key_timeout_error

# A timer may be so many seconds early.
_MOMENT = 0.001


class AsyncKeyHolder:
    """Holds the key, and asks for it.

    Args:
        api_key: The key, or the function that gives it.
        clock: Tells the time.
    """

    def __init__(self, api_key: str | Callable[[], object], clock: Clock) -> None:
        self._source = None if isinstance(api_key, str) else api_key
        self._clock = clock
        self._key = Key(api_key) if isinstance(api_key, str) else None
        self._asked = 0
        self._failure: ConfigurationError | None = None

    def renew_in_child(self) -> None:
        """Have a lock that nobody holds."""
        if self._source is not None:
            from datalab_facade.concurrency import AsyncLock  # for keys that change

            self._lock = AsyncLock()

    async def current(self, deadline: float) -> Key:
        """Return the key; the first time, ask for it.

        Raises:
            ConfigurationError: The function raised, or what it gave is not a key.
            APITimeoutError: It did not answer before the deadline.
        """
        return self._key or await self._ask(self._asked, deadline, why="")

    async def newer(self, refused: Key, deadline: float) -> Key | None:
        """Return the key that came after one that the API refused; None if there is none.

        The function is asked, unless it was since the refused key was returned.

        Raises:
            ConfigurationError: The function raised, or what it gave is not a key.
            APITimeoutError: It did not answer before the deadline.
        """
        if self._source is None:
            return None
        why = "The API refused the key (401), and "
        key = await self._ask(refused.asked, deadline, why=why)
        return key if key.text != refused.text else None

    async def _ask(self, asked: int, deadline: float, *, why: str) -> Key:
        """Ask for the key, unless it was asked for more often than so many times already."""
        if not await self._lock.acquire(self._left(deadline)):
            raise key_timeout_error(why)
        try:
            if self._asked == asked:
                await self._renew(deadline, why)
            if self._failure is not None:
                # Each who waited for it raises one of its own.
                failure = copy.copy(self._failure)
                raise failure from self._failure.__cause__
            assert self._key is not None
            return self._key
        finally:
            self._lock.release()

    async def _renew(self, deadline: float, why: str) -> None:
        from datalab_facade.concurrency import call_own_async  # for keys that change

        assert self._source is not None
        former = self._key
        try:
            answer = await call_own_async(self._source, self._left(deadline))
        except TimeoutError as error:
            if self._left(deadline) <= _MOMENT:
                raise key_timeout_error(why) from None
            self._failure = self._failed(error, why)
        except Exception as error:  # noqa: BLE001 - it is code of the caller's
            self._failure = self._failed(error, why)
        else:
            try:
                self._key = Key(checked_key(answer), asked=self._asked + 1, former=former)
                self._failure = None
            except ConfigurationError as error:
                self._failure = ConfigurationError(
                    f"{why}api_key, a function, gave no key. {error}"
                )
        self._asked += 1
        if self._failure is not None and former is not None:
            # Whoever gets it from now on, and finds it refused, asks again.
            self._key = Key(former.text, asked=self._asked, former=former)

    def _failed(self, error: Exception, why: str) -> ConfigurationError:
        echo = NO_ECHO if self._key is None else self._key.echo
        said = excerpt(redact_urls(echo.redact(str(error))))
        failure = ConfigurationError(
            f"{why}api_key, a function, raised {type(error).__name__}: {said or 'no details'}"
        )
        can_be_shown = said == str(error) and echo.may_show(error)
        failure.__cause__ = error if can_be_shown else None
        return failure

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - self._clock.monotonic())
