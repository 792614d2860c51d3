"""Which addresses a host has, found in a time that is bounded.

The resolver of the operating system takes as long as it likes and cannot be
interrupted, so it works in a thread of its own, which whoever waits may leave.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, NamedTuple

import httpcore

from datalab_facade.forking import renew_after_fork
from datalab_facade.interrupting import wait_until_done

if TYPE_CHECKING:
    from concurrent.futures import Future

HEAD_START = 0.25
"""Seconds that an address has before the next one is tried beside it (RFC 8305)."""


class Address(NamedTuple):
    """One address of a host, as sockets take it."""

    family: int
    where: tuple[str | int, ...] | tuple[int, bytes]


class Resolver:
    """Finds addresses. Threads may share it."""

    def __init__(self) -> None:
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Forget lookups whose threads are the parent's."""
        self._under_way: dict[tuple[str, int], Future[list[Address]]] = {}

    def find(self, host: str, port: int, timeout: float | None) -> list[Address]:
        """Give the addresses of a host, those of its two families by turns.

        Raises:
            httpcore.ConnectError: It has none.
            httpcore.ConnectTimeout: None was found in time.
        """
        known = _literal(host, port)
        if known is not None:
            return [known]
        found = self.lookup(host, port)
        if not wait_until_done(found, timeout):
            raise httpcore.ConnectTimeout(f"no address of {host} was found in time")
        return found.result()

    async def find_async(self, host: str, port: int) -> list[Address]:
        """Do the same in an event loop, which need not wait for the thread when it ends.

        Raises:
            httpcore.ConnectError: The host has no address.
        """
        known = _literal(host, port)
        if known is not None:
            return [known]
        import asyncio  # importing it costs a third of importing httpx

        return await asyncio.wrap_future(self.lookup(host, port))

    def lookup(self, host: str, port: int) -> Future[list[Address]]:
        """Begin to look a host up, unless somebody else has and still does."""
        from concurrent.futures import Future  # imported where a name is looked up first

        found: Future[list[Address]] = Future()
        # Whoever stops waiting for it leaves it to the others.
        found.set_running_or_notify_cancel()
        under_way = self._under_way.setdefault((host, port), found)
        if under_way is found:
            # Of a host whose lookup hangs, however often it is asked for, one thread hangs.
            forget = partial(self._under_way.pop, (host, port), None)
            work = (found, host, port, forget)
            thread = threading.Thread(target=_look_up, args=work, name="datalab-dns", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no thread can be had
                forget()
                found.set_exception(httpcore.ConnectError(f"{host}: {error}"))
        return under_way


def _look_up(
    found: Future[list[Address]], host: str, port: int, forget: Callable[[], object]
) -> None:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = _by_turns([Address(entry[0], entry[4]) for entry in entries])
    except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
        forget()
        if isinstance(error, (OSError, UnicodeError)):
            failure = httpcore.ConnectError(f"{host}: {error}")
            # Why it is not found tells whether that may pass.
            failure.__cause__ = error
            found.set_exception(failure)
        else:
            found.set_exception(error)
    else:
        forget()
        found.set_result(addresses)


def _by_turns(addresses: list[Address]) -> list[Address]:
    # A machine whose IPv6 leads nowhere shall not try all of a host's before its IPv4.
    distinct = dict.fromkeys(addresses)
    first = [one for one in distinct if one.family == addresses[0].family]
    others = [one for one in distinct if one.family != addresses[0].family]
    return [one for one in chain(*zip_longest(first, others)) if one is not None]


def _literal(host: str, port: int) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return Address(socket.AF_INET, (host, port))
    if address.scope_id is not None:
        # What number an interface has, only the resolver knows, and it need not ask anybody.
        return None
    return Address(socket.AF_INET6, (host, port, 0, 0))
