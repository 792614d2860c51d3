# Generated from async_borrowed_pool.py by scripts/unasync.py; change that file, not this one.
"""The connections of a client, lent to a client for another key, for blocking code."""

from __future__ import annotations

from datalab_facade.errors import ClientStateError
from datalab_facade.transport.network.connection_pool import (
    Connection,
    ConnectionPool,
)
from datalab_facade.transport.origin import Server


class BorrowedPool(ConnectionPool):
    """Uses the connections of another pool, and closes none of them.

    Args:
        lender: The pool; when it is closed, this one can no longer be used either.
    """

    def __init__(self, lender: ConnectionPool) -> None:
        self._lender = lender
        self._closed = False

    def check(self) -> None:
        """See that requests can be sent, and from here.

        Raises:
            ClientStateError: This client or the lender is closed, or the connections belong to
                another process, or to another event loop.
        """
        if self._closed:
            raise ClientStateError("The client is closed; make a new one")
        self._lender.check()

    def take(self, server: Server) -> Connection:
        """Return a connection that nobody uses; it must be put back or closed."""
        return self._lender.take(server)

    def put_back(self, connection: Connection) -> None:
        """Give a connection back whose answer was read to its end."""
        self._lender.put_back(connection)

    def close(self) -> None:
        """Use the connections no longer; they stay open."""
        self._closed = True
