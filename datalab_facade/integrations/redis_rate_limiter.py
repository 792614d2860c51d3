"""A rate limiter shared through Redis, for processes and machines (extra ``redis``).

The GCRA limiter of `throttled-py <https://pypi.org/project/throttled-py/>`_ keeps the
queue: one number in Redis, advanced by one script with the clock of the Redis server.
That clock is why it was chosen: ``limits`` and ``pyrate-limiter``, which are maintained
as well, write each client's time into one list, so machines whose clocks differ by
seconds misjudge each other's requests. GCRA also reports how far the queue reaches, so
slots can be leased ahead and in order; a window could only refuse a request, to be
repeated later. throttled-py has regular releases, types, and no dependency but redis-py.

It does not support a pause after a 429, and does not count the processes; two short
scripts here add both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from datalab_facade.errors import ConfigurationError
from datalab_facade.rate_limiting.leasing import Ask, Brake, Pace, Reply, StoreLost, speed_after
from datalab_facade.rate_limiting.local import DEFAULT_REQUESTS_PER_MINUTE
from datalab_facade.rate_limiting.shared import SharedRateLimiter
from datalab_facade.redaction import can_be_shown, redact_url

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
    from throttled import RateLimiterType, Throttled, rate_limiter
    from throttled.store import RedisStore
except ModuleNotFoundError as missing:
    _message = "RedisRateLimiter needs throttled-py and redis: pip install 'datalab-facade[redis]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

if TYPE_CHECKING:
    from datalab_facade.clock import Clock

_TIMEOUT = 1.0
_MEMBER_SECONDS = 60

# The limiter counts in whole units; at the lowest speed a slot costs twenty times as much.
_UNITS = 20
_DAY = timedelta(days=1)

_COUNT_MEMBERS = """
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
    """A rate limiter for all processes that use the same Redis and the same name.

    ::

        limiter = RedisRateLimiter("redis://cache.internal:6379/0", requests_per_minute=200)
        with Datalab(rate_limiter=limiter) as client:
            ...

    Blocking and async clients may share it. Its pickle contains the URL, and so the
    password if the URL has one.

    It keeps the promises of :class:`~datalab_facade.rate_limiting.SharedRateLimiter`: no
    minute has more requests than the limit; a 429 in one process slows all of them down;
    if Redis is lost, each process continues with a small share of the limit.

    Args:
        url: The URL of Redis: ``redis://``, ``rediss://`` or ``unix://``, as redis-py
            reads it.
        requests_per_minute: The limit for all together; the same in all processes.
        name: The name of the limit; use one for each API key.
        fallback_share: The share of the limit for this process while Redis is lost; by
            default half of the limit divided by the number of processes in the last
            minute, or a tenth if that number is unknown.
        clock: The clock, the same as that of the clients; for tests.

    Raises:
        ConfigurationError: The URL is wrong.
        InvalidArgumentError: The limit or the share is wrong.
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
        self._repr = f"RedisRateLimiter({store.address!r}, {requests_per_minute:g}, {name!r})"
        self._made_of = (url, requests_per_minute, name, fallback_share)

    def __reduce__(
        self,
    ) -> tuple[Callable[..., RedisRateLimiter], tuple[str, float, str, float | None]]:
        return revived_redis_rate_limiter, self._made_of

    def __repr__(self) -> str:
        return self._repr


def revived_redis_rate_limiter(
    url: str, requests_per_minute: float, name: str, fallback_share: float | None
) -> RedisRateLimiter:
    """Rebuild a rate limiter from its pickle. Pickles contain this name, so it stays."""
    return RedisRateLimiter(url, requests_per_minute, name=name, fallback_share=fallback_share)


class RedisRateLimiterStore:
    """Keeps the queue of a shared rate limiter in Redis.

    Args:
        url: The URL of Redis.
        name: The name of the limit.

    Raises:
        ConfigurationError: ``url`` is not a URL of Redis.
    """

    def __init__(self, url: str, *, name: str) -> None:
        # A connection that Redis has closed is reopened once; more retries would delay the
        # caller, who can continue without an answer.
        retry = Retry(NoBackoff(), 1)
        if not isinstance(url, str):
            raise ConfigurationError(
                f"The URL of Redis must be a string, not a {type(url).__name__}"
            )
        self.address = redact_url(url)
        if not can_be_shown(url):
            # redis-py would read another host and another password from it.
            raise ConfigurationError(
                f"The URL of Redis cannot be read: {self.address}. Write it as "
                f"redis://host.example:6379/0, and percent-encode special characters in the "
                f"password, such as %23 for #"
            )
        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=retry
            )
        except Exception:  # noqa: BLE001 - its message may hold the password
            raise ConfigurationError(
                f"{self.address!r} is not a URL of Redis; use one such as redis://host:6379/0"
            ) from None
        self._throttled_store = RedisStore(
            server=url,
            options={
                "SOCKET_TIMEOUT": _TIMEOUT,
                "SOCKET_CONNECT_TIMEOUT": _TIMEOUT,
                "CONNECTION_POOL_KWARGS": {"retry": retry},
            },
        )
        self._name = name
        self._keys = [f"datalab-facade:budget:{name}:{part}" for part in ("members", "brake")]
        self._count_members = self._redis.register_script(_COUNT_MEMBERS)
        self._brake = self._redis.register_script(_BRAKE)

    def lease(self, asked: Ask) -> Reply:
        """Queue slots: all of the requested number, or none.

        Raises:
            StoreLost: Redis cannot be reached, or reports an error.
        """
        try:
            return self._lease(asked)
        except Exception as error:  # noqa: BLE001 - also errors below the Redis client
            raise self._lost(error) from None

    def brake(self, brake: Brake) -> None:
        """Pause the queue and slow it down; the longer of two brakes applies.

        Raises:
            StoreLost: Redis cannot be reached, or reports an error.
        """
        milliseconds = max(1, round(1_000 * (brake.pause + brake.ramp)))
        try:
            self._brake(keys=self._keys[1:], args=[milliseconds, brake.ramp])
        except Exception as error:  # noqa: BLE001
            raise self._lost(error) from None

    def _lease(self, asked: Ask) -> Reply:
        counts = cast(
            "tuple[int, int, bytes]",
            self._count_members(keys=self._keys, args=[asked.member, _MEMBER_SECONDS]),
        )
        members, brake = counts[0], _brake_left(counts[1] / 1_000, float(counts[2]))
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
        # A request larger than the horizon is accepted if the queue is empty.
        quota = rate_limiter.per_duration(
            _DAY, round(_DAY.total_seconds() * units), max(ahead, cost)
        )
        return Throttled(
            key=self._name,
            using=RateLimiterType.GCRA.value,
            quota=quota,
            store=self._throttled_store,
            key_prefix="datalab-facade:budget",
        )

    def _lost(self, error: Exception) -> StoreLost:
        return StoreLost(f"Redis at {self.address} does not answer ({type(error).__name__})")


def _brake_left(left: float, ramp: float) -> Brake | None:
    if left <= 0:
        return None
    return Brake(max(0.0, left - ramp), min(left, ramp))
