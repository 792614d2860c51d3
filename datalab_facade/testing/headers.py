"""HTTP headers as an immutable value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, cast

HeadersLike: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]]"


_SECRET: Final = frozenset({"x-api-key", "authorization", "cookie", "proxy-authorization"})


class Headers(Mapping[str, str]):
    """Immutable headers; names in lower case, looked up in any case.

    A name that occurs several times has its values joined by a comma;
    :attr:`raw` keeps the single pairs.
    """

    __slots__: tuple[str, ...] = ("_joined", "raw")

    raw: tuple[tuple[str, str], ...]
    """The pairs in order, names spelled as received (over sockets: in lower case)."""

    def __init__(self, headers: HeadersLike = ()) -> None:
        if isinstance(headers, Headers):
            self.raw = headers.raw
        else:
            # A mapping is also an iterable of its names; type checkers cannot tell the two apart.
            pairs = (
                cast("Mapping[str, str]", headers).items()
                if isinstance(headers, Mapping)
                else headers
            )
            self.raw = tuple(pairs)
        self._joined: dict[str, str] = {}
        for name, value in self.raw:
            key = name.lower()
            self._joined[key] = f"{self._joined[key]}, {value}" if key in self._joined else value

    def __getitem__(self, name: str) -> str:
        return self._joined[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._joined

    def __iter__(self) -> Iterator[str]:
        return iter(self._joined)

    def __len__(self) -> int:
        return len(self._joined)

    def __hash__(self) -> int:
        return hash(frozenset(self._joined.items()))

    def __repr__(self) -> str:
        return f"Headers({redact(self)!r})"

    def plus(self, headers: HeadersLike) -> Headers:
        """Return these headers and others after them; others replace those of the same name."""
        others = Headers(headers)
        return Headers((*(pair for pair in self.raw if pair[0] not in others), *others.raw))


def redact(headers: Headers) -> dict[str, str]:
    """Return headers as they may be shown: without keys."""
    return {name: "***" if name in _SECRET else value for name, value in headers.items()}
