"""A request budget shared through Redis, for processes and machines (extra ``redis``).

The queue itself is kept by `throttled-py <https://pypi.org/project/throttled-py/>`_,
by its GCRA limiter: one number in Redis, moved on by one script, by the clock of the
Redis server. That clock is why it was chosen: ``limits`` and ``pyrate-limiter``, as
well kept, enter the time of each client into one list, so that machines whose clocks
differ by seconds take each other's requests for future or forgotten ones. GCRA also
tells how far the queue reaches, so that places can be given out ahead and in order,
where a window could only say no, to be asked again. It has regular releases, types,
and no dependency but redis-py.

What it has no notion of is a pause after a refusal, and how many take part; two
short scripts here add them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import unquote, urlsplit

from datalab_facade.errors import ConfigurationError
from datalab_facade.rate_limiting.leasing import Ask, Brake, Pace, Reply, StoreLost, speed_after
from datalab_facade.rate_limiting.local import DEFAULT_REQUESTS_PER_MINUTE
from datalab_facade.rate_limiting.shared import SharedRateLimiter
from datalab_facade.redaction import HIDDEN, can_be_shown, excerpt, redact_url

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import MovedError
    from redis.retry import Retry
    from throttled import RateLimiterType, Throttled, rate_limiter
    from throttled.store import RedisStore
except ModuleNotFoundError as missing:
    _message = "RedisRateLimiter needs throttled-py and redis: pip install 'datalab-facade[redis]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

if TYPE_CHECKING:
    from datalab_facade.clock import Clock

_T = TypeVar("_T")

_TIMEOUT = 1.0
_MEMBER_SECONDS = 60

# All other errors of Redis' client tell what Redis said.
_SILENT = (redis.ConnectionError, redis.TimeoutError)

# The limiter counts in whole units; at the lowest speed a place costs twenty times as much.
_UNITS = 20
_DAY = timedelta(days=1)

_LOOK = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], 2 * tonumber(ARGV[2]))
local left = redis.call('PTTL', KEYS[2])
local ramp = redis.call('GET', KEYS[2])
return {redis.call('ZCARD', KEYS[1]), left, ramp or '0'}
"""

_BRAKE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
end
"""


class RedisRateLimiter(SharedRateLimiter):
    """One request budget for all processes that name the same Redis and the same budget.

    ::

        limiter = RedisRateLimiter("redis://cache.internal:6379/0", requests_per_minute=200)
        with Datalab(rate_limiter=limiter) as client:
            ...

    Blocking and async clients may share it. It pickles, with its URL, and so with the
    password if that holds one.

    What it promises is told by :class:`~datalab_facade.rate_limiting.SharedRateLimiter`: no minute
    sees more requests than the limit; a 429 that one process sees slows all of them
    down; where Redis is lost, each goes on with a small share of the limit.

    Args:
        url: Where Redis is: ``redis://``, ``rediss://`` or ``unix://``, as redis-py
            reads it. Of a cluster, any of its nodes.
        requests_per_minute: The limit for all together; the same in all processes.
        name: Which budget: one for each API key.
        fallback_share: The share of the limit that this process takes while Redis
            is lost; by default half of the limit divided by the number of processes
            that used it in the last minute, or a tenth where that is not known.
        clock: What tells the time, the same as that of the clients; for tests.

    Raises:
        ConfigurationError: The URL, the limit or the share makes no sense. Nothing
            is sent yet.
    """

    def __init__(
        self,
        url: str,
        requests_per_minute: float = DEFAULT_REQUESTS_PER_MINUTE,
        *,
        name: str = "default",
        fallback_share: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        store = RedisRateLimiterStore(url, name=name)
        super().__init__(store, requests_per_minute, fallback_share=fallback_share, clock=clock)
        self._shown = f"RedisRateLimiter({store.address!r}, {requests_per_minute:g}, {name!r})"
        self._made_of = (url, requests_per_minute, name, fallback_share)

    def __reduce__(
        self,
    ) -> tuple[Callable[..., RedisRateLimiter], tuple[str, float, str, float | None]]:
        return revived_redis_rate_limiter, self._made_of

    def __repr__(self) -> str:
        return self._shown


def revived_redis_rate_limiter(
    url: str, requests_per_minute: float, name: str, fallback_share: float | None
) -> RedisRateLimiter:
    """Make the budget that a pickle holds; this name is in pickles, so it stays."""
    return RedisRateLimiter(url, requests_per_minute, name=name, fallback_share=fallback_share)


class RedisRateLimiterStore:
    """Keeps the queue of a shared budget in Redis.

    Args:
        url: Where Redis is.
        name: Which budget.

    Raises:
        ConfigurationError: It is no URL of Redis.
    """

    def __init__(self, url: str, *, name: str) -> None:
        if not isinstance(url, str):
            raise ConfigurationError(f"The URL of Redis is a text, and not a {type(url).__name__}")
        self.address = redact_url(url)
        if not can_be_shown(url):
            # What Redis would make of it is another host, and another password.
            raise ConfigurationError(
                f"The URL of Redis cannot be read: {self.address}. Write it as "
                f"redis://host.example:6379/0; what is no letter or digit in the password is "
                f"percent-encoded: %23 for #"
            )
        self._url = url
        # The parts of a key in braces are what a cluster goes by: so all keys of a budget
        # are on one of its nodes, as scripts need them to be.
        self._tag = f"{{budget:{name}}}"
        self._keys = [f"datalab-facade:{self._tag}:{part}" for part in ("members", "brake")]
        try:
            self._connect(url)
        except Exception:  # noqa: BLE001 - what it says may hold the password
            raise ConfigurationError(
                f"{self.address!r} is no URL of Redis; write redis://host:6379/0"
            ) from None

    def _connect(self, url: str) -> None:
        # A connection that Redis has closed meanwhile is opened anew, once; whoever asked
        # goes on without an answer until then.
        again = Retry(NoBackoff(), 1)
        self._connected = url
        self._client = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=again
        )
        self._throttled_store = RedisStore(
            server=url,
            options={
                "SOCKET_TIMEOUT": _TIMEOUT,
                "SOCKET_CONNECT_TIMEOUT": _TIMEOUT,
                "CONNECTION_POOL_KWARGS": {"retry": again},
            },
        )
        self._poll = self._client.register_script(_LOOK)
        self._brake = self._client.register_script(_BRAKE)

    def lease(self, asked: Ask) -> Reply:
        """Queue places, all that were asked for or none.

        Raises:
            StoreLost: Redis cannot be reached, or says no.
        """
        return self._asked(lambda: self._lease(asked))

    def brake(self, brake: Brake) -> None:
        """Pause the queue and slow it down; the longer of two brakes holds.

        Raises:
            StoreLost: Redis cannot be reached, or says no.
        """
        milliseconds = max(1, round(1_000 * (brake.pause + brake.ramp)))
        self._asked(lambda: self._brake(keys=self._keys[1:], args=[milliseconds, brake.ramp]))

    def _asked(self, ask: Callable[[], _T]) -> _T:
        try:
            try:
                return ask()
            except MovedError as moved:
                # Only one node of a cluster holds the budget, and this one says which.
                self._reconnect(_elsewhere(self._connected, moved.host, moved.port))
                return ask()
        except Exception as error:  # noqa: BLE001 - also what is below Redis' client
            raise self._lost(error) from None

    def _reconnect(self, url: str) -> None:
        self._client.close()
        self._connect(url)

    def _lease(self, asked: Ask) -> Reply:
        told = cast(
            "tuple[int, int, bytes]",
            self._poll(keys=self._keys, args=[asked.member, _MEMBER_SECONDS]),
        )
        members, brake = told[0], _brake_left(told[1] / 1_000, float(told[2]))
        if brake is not None and brake.pause > 0:
            return Reply(retry=brake.pause, brake=brake, members=members)
        pace, speed = asked.pace, speed_after(brake)
        cost = round(asked.count * _UNITS / speed)
        state = self._queue(pace, cost).limit(cost=cost)
        if state.limited:
            return Reply(retry=state.state.retry_after, brake=brake, members=members)
        unit = pace.spacing / _UNITS
        ahead = max(0.0, state.state.reset_after - cost * unit)
        return Reply(pace.places(ahead, asked.count, speed), 0.0, brake, members)

    def _queue(self, pace: Pace, cost: int) -> Throttled:
        units = _UNITS / pace.spacing
        ahead = round((pace.horizon / pace.spacing + pace.at_once) * _UNITS)
        # What costs more than there is room for is let in when nothing is ahead of it.
        quota = rate_limiter.per_duration(
            _DAY, round(_DAY.total_seconds() * units), max(ahead, cost)
        )
        return Throttled(
            key=self._tag,
            using=RateLimiterType.GCRA.value,
            quota=quota,
            store=self._throttled_store,
            key_prefix="datalab-facade",
        )

    def _lost(self, error: Exception) -> StoreLost:
        self._reconnect(self._url)
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, (redis.RedisError, OSError)):
            cause = cause.__cause__
        if cause is None or type(cause) in _SILENT or isinstance(cause, OSError):
            return StoreLost(f"Redis at {self.address} does not answer ({type(error).__name__})")
        return StoreLost(f"Redis at {self.address} answers: {self._said(cause)}")

    def _said(self, error: BaseException) -> str:
        # A Redis that does not know a command repeats what came with it.
        said = str(error).partition(", with args")[0]
        found = urlsplit(self._url)
        for secret in (found.password, found.username):
            for form in filter(None, (secret and unquote(secret), secret)):
                said = said.replace(form, HIDDEN)
        return excerpt(said) or type(error).__name__


def _elsewhere(url: str, host: str, port: int) -> str:
    """Give the URL of another node, where all else is the same."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    # A node that does not know its name means the host that was asked.
    host = host or parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{login}{at}{named}:{port}").geturl()


def _brake_left(left: float, ramp: float) -> Brake | None:
    if left <= 0:
        return None
    return Brake(max(0.0, left - ramp), min(left, ramp))
