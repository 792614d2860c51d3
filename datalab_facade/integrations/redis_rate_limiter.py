"""A rate limiter that processes and machines share through Redis (extra ``redis``).

The queue is kept by one script in Redis, run by an atomic action of
`throttled-py <https://pypi.org/project/throttled-py/>`_ on its store. Its algorithm is that of the
library's own GCRA limiter, by the clock of the Redis server. The library's own script does not
know what one answer has to decide at once here: a pause after a 429, the smallest of several
limits, how many processes take part. And it stands still for as long as the server's clock has
stepped back.

``limits`` and ``pyrate-limiter`` enter the time of each client into one list, so that machines
whose clocks differ by seconds take each other's requests for future or forgotten ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import unquote, urlsplit

import attrs

from datalab_facade.errors import ConfigurationError
from datalab_facade.rate_limiting.local import (
    DEFAULT_REQUESTS_PER_MINUTE,
    MINUTE,
    REPAYING,
    REPAYMENT,
)
from datalab_facade.rate_limiting.shared import SharedRateLimiter
from datalab_facade.rate_limiting.slot_queue import (
    LIFETIME,
    LONGEST_RAMP,
    RAMP,
    STRAY,
    Pace,
    SlotReply,
    SlotRequest,
    StoreUnavailableError,
)
from datalab_facade.redaction import REDACTED, can_be_shown, excerpt, redact_url

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import MovedError
    from redis.retry import Retry
    from throttled.store import BaseRedisAtomicAction, BaseStoreBackend, RedisStore
    from throttled.store import RedisStoreBackend as Backend
except ModuleNotFoundError as missing:
    _message = "RedisRateLimiter needs throttled-py and redis: pip install 'datalab-facade[redis]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

if TYPE_CHECKING:
    from datalab_facade.clock import Clock

_E = TypeVar("_E", bound=BaseException)

_TIMEOUT = 1.0
_PARTS = "queue", "members", "slots"
_UNKNOWN_PARAMETER = re.compile(r"unexpected keyword argument '(\w+)'")

# All other errors of Redis' client say what Redis answered.
_SILENT = (redis.ConnectionError, redis.TimeoutError)

# What SlotQueue does, line by line. KEYS: the queue (a hash), the members (a sorted set), the slots
# of the last minute (a sorted set).
# ARGV: the fields of the request and of the pace as JSON. (Redis answers a command with many
# arguments by a protocol error, rather than say that the password is missing.)
_ACQUIRE = f"""
local MINUTE, RAMP, LONGEST_RAMP = {MINUTE}, {RAMP}, {LONGEST_RAMP!r}
local REPAYING, REPAYMENT, LEEWAY = {REPAYING!r}, {REPAYMENT!r}, {LIFETIME + STRAY!r}
local asked = cjson.decode(ARGV[1])
local limit, spacing, burst, brake = asked.limit, asked.spacing, asked.even_burst, asked.brake
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000

local kept = redis.call('HMGET', KEYS[1], 'read_at', 'full_until', 'paused_until', 'slow_until',
  'limit_at', 'epoch', 'limit', 'spacing', 'burst', 'owing_until', 'given', 'credit')
for i = 1, 12 do kept[i] = tonumber(kept[i] or nil) end
local back = math.max(0, (kept[1] or now) - now)
local full_until, paused_until = kept[2] and kept[2] - back, (kept[3] or 0) - back
local slow_until, limit_at = (kept[4] or 0) - back, (kept[5] or 0) - back
local epoch = kept[6] or now
local owing_until, given, credit = (kept[10] or 0) - back, kept[11] or 0, kept[12] or 1e9

if back > 0 then
  for key = 2, 3 do
    local seen = redis.call('ZRANGE', KEYS[key], 0, -1, 'WITHSCORES')
    for i = 1, #seen, 2 do redis.call('ZADD', KEYS[key], seen[i + 1] - back, seen[i]) end
  end
end
redis.call('ZADD', KEYS[2], now, asked.member)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - MINUTE)
if kept[7] and limit > kept[7] and limit_at >= now - MINUTE then
  limit, spacing, burst = kept[7], kept[8], kept[9]
else
  if kept[7] and limit < kept[7] then redis.call('DEL', KEYS[3]) end
  limit_at = now
end
local most = math.max(1, math.floor(limit))
local window = MINUTE * math.max(1, 1 / (limit < 1 and limit or most)) + LEEWAY

if brake then
  local slow_for = math.max(0, slow_until - math.max(now, paused_until))
  if brake > 0 and now >= paused_until then slow_for = slow_for + RAMP end
  paused_until = math.max(paused_until, now + math.min(brake, MINUTE))
  slow_until = paused_until + math.min(math.max(slow_for, RAMP), LONGEST_RAMP)
  epoch, credit = now, 0
end

full_until = full_until or now
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - window)
credit = credit + math.max(0, (now - math.max(full_until, paused_until)) / spacing)
credit = math.min(math.max(0, asked.burst - burst), credit)
local function take(wanted, urgent)
  local delays = {{}}
  while true do
    local start = math.max(full_until, paused_until, now)
    full_until = start
    local slow_for = math.max(0, slow_until - start)
    local step = spacing * 2 ^ (slow_for / RAMP)
    local at = math.max(now, start - (slow_for > 0 and 0 or (burst - 1) * step))
    local in_burst = urgent and slow_for == 0 and at > now and credit >= 1
    if in_burst then at = now end
    local oldest = redis.call('ZREVRANGE', KEYS[3], most - 1, most - 1, 'WITHSCORES')
    if oldest[2] then at = math.max(at, oldest[2] + window) end
    if #delays == wanted or at - now > asked.within then return delays, at - now end
    delays[#delays + 1] = string.format('%.6f', at - now)
    given = given + 1
    redis.call('ZADD', KEYS[3], at, given)
    if in_burst then
      credit = credit - 1
      owing_until = math.max(owing_until, now) + REPAYMENT * spacing
    else
      full_until = math.max(start, at) + step * (now < owing_until and REPAYING or 1)
    end
  end
end
local urgent_delays, urgent_next = take(asked.urgent, true)
local delays, next_delay = take(asked.count, false)

redis.call('HSET', KEYS[1], 'read_at', now, 'full_until', full_until, 'paused_until', paused_until,
  'slow_until', slow_until, 'limit_at', limit_at, 'epoch', epoch, 'limit', limit,
  'spacing', spacing, 'burst', burst, 'owing_until', owing_until,
  'given', given, 'credit', credit)
local kept_for = math.ceil(math.max(full_until, slow_until, owing_until, now) - now + 2 * MINUTE)
redis.call('EXPIRE', KEYS[1], kept_for)
redis.call('EXPIRE', KEYS[2], kept_for)
redis.call('EXPIRE', KEYS[3], kept_for)
local function text(number) return string.format('%.6f', number) end
local answer = {{text(next_delay), text(math.max(0, paused_until - now)), text(epoch),
  string.format('%.17g', limit), redis.call('ZCARD', KEYS[2]), text(urgent_next), #urgent_delays}}
for i = 1, #urgent_delays do answer[#answer + 1] = urgent_delays[i] end
for i = 1, #delays do answer[#answer + 1] = delays[i] end
return answer
"""


class RedisRateLimiter(SharedRateLimiter):
    """One rate limiter for all processes that name the same Redis and the same limiter.

    ::

        limiter = RedisRateLimiter("redis://cache.internal:6379/0", requests_per_minute=200)
        with Datalab(rate_limiter=limiter) as client:
            ...

    Blocking and async clients may share it. It pickles, with its URL, and so with the
    password if that holds one.

    What it promises is described at :class:`~datalab_facade.rate_limiting.SharedRateLimiter`: no
    minute sees more requests than the limit; a 429 that one process sees slows all of them
    down; the smallest of several limits holds; where Redis is lost, each process goes on with a
    small share of the limit.

    Redis must not evict its keys: set ``maxmemory-policy noeviction``. A limiter has three small
    keys, in one slot of a cluster, which expire some minutes after the last request.

    Args:
        url: Where Redis is: ``redis://``, ``rediss://`` or ``unix://``, as redis-py
            reads it. Of a cluster, any of its nodes.
        requests_per_minute: The limit for all together; the same in all processes.
        name: Which limiter: one for each API key.
        fallback_share: The share of the limit that this process takes while Redis
            is lost; by default half of the limit divided by the number of processes
            that used it in the last minute, or a tenth where that is not known.
        burst: How many calls may go at once after a pause, of all processes together; by default a
            third of the limit, as of :class:`~datalab_facade.LocalRateLimiter`.
        clock: What tells the time, the same as that of the clients; for tests.

    Raises:
        ConfigurationError: redis-py cannot read the URL, or does not know a parameter in it.
            Nothing is sent yet.
        InvalidArgumentError: The limit, the share or the burst makes no sense.
    """

    def __init__(
        self,
        url: str,
        requests_per_minute: float = DEFAULT_REQUESTS_PER_MINUTE,
        *,
        name: str = "default",
        fallback_share: float | None = None,
        burst: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        store = RedisRateLimiterStore(url, name=name)
        super().__init__(
            store, requests_per_minute, fallback_share=fallback_share, burst=burst, clock=clock
        )
        self._shown = f"RedisRateLimiter({store.address!r}, {requests_per_minute:g}, {name!r})"
        self._made_of = (url, requests_per_minute, name, fallback_share, burst)

    def __reduce__(
        self,
    ) -> tuple[Callable[..., RedisRateLimiter], tuple[str, float, str, float | None, int | None]]:
        return revived_redis_rate_limiter, self._made_of

    def __repr__(self) -> str:
        return self._shown


def revived_redis_rate_limiter(
    url: str,
    requests_per_minute: float,
    name: str,
    fallback_share: float | None,
    burst: int | None = None,
) -> RedisRateLimiter:
    """Make the limiter that a pickle holds; this name is in pickles, so it stays."""
    return RedisRateLimiter(
        url, requests_per_minute, name=name, fallback_share=fallback_share, burst=burst
    )


class RedisRateLimiterStore:
    """Keeps the queue of a shared rate limiter in Redis.

    Args:
        url: Where Redis is.
        name: Which limiter.

    Raises:
        ConfigurationError: It is not a URL of Redis.
    """

    def __init__(self, url: str, *, name: str) -> None:
        if not isinstance(url, str):
            raise ConfigurationError(f"The URL of Redis must be a str, not {type(url).__name__}")
        self.address = redact_url(url)
        if not can_be_shown(url):
            # What Redis would make of it is another host, and another password.
            raise ConfigurationError(
                f"The URL of Redis cannot be read: {self.address}. Write it as "
                f"redis://host.example:6379/0; percent-encode what is not a letter or a digit in "
                f"the password: %23 for #"
            )
        self._url = url
        # A cluster goes by the part of a key in braces: so all keys of a limiter are on one of its
        # nodes, as scripts need them to be.
        self.keys = [f"datalab-facade:{{limiter:{name}}}:{part}" for part in _PARTS]
        try:
            # Made and thrown away, since what it refuses would come out only with the first use.
            redis.ConnectionPool.from_url(url).make_connection()
            self._connect(url)
        except TypeError as error:
            unknown = _UNKNOWN_PARAMETER.search(str(error))
            raise ConfigurationError(
                f"The URL of Redis {self.address!r} has a parameter that redis-py does not know"
                + (f": {unknown.group(1)}" if unknown else "")
            ) from None
        except Exception:  # noqa: BLE001 - its message may hold the password
            raise ConfigurationError(
                f"{self.address!r} is not a URL of Redis; write redis://host:6379/0"
            ) from None

    def _connect(self, url: str) -> None:
        self._connected = url
        store = RedisStore(
            server=url,
            options={
                "REUSE_CONNECTION": False,
                "SOCKET_TIMEOUT": _TIMEOUT,
                "SOCKET_CONNECT_TIMEOUT": _TIMEOUT,
                # A connection that Redis has closed meanwhile is opened anew, once.
                "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1)},
            },
        )
        # The library's types know numbers only.
        self._action = cast("_AcquireAction", store.make_atomic(_AcquireAction))

    def acquire(self, request: SlotRequest) -> SlotReply:
        """Take slots for a process.

        Raises:
            StoreUnavailableError: Redis cannot be reached, or refuses.
        """
        pace = Pace.of(request.limit)
        fields = attrs.asdict(request) | {"spacing": pace.spacing, "even_burst": pace.burst}
        asked = json.dumps({name: value for name, value in fields.items() if value is not None})
        try:
            try:
                answer = self._action.do(self.keys, [asked])
            except Exception as error:
                moved = _cause(error, MovedError)
                if moved is None:
                    raise
                # Only one node of a cluster holds the limiter, and this one says which.
                self._connect(_elsewhere(self._connected, moved.host, moved.port))
                answer = self._action.do(self.keys, [asked])
        except Exception as error:  # noqa: BLE001 - also what is below Redis' client
            raise self._unavailable(error) from None
        next_delay, pause, epoch, limit, members, urgent_next, urgent, *delays = answer
        return SlotReply(
            delays=tuple(delays[int(urgent) :]),
            urgent_delays=tuple(delays[: int(urgent)]),
            urgent_next_delay=urgent_next,
            next_delay=next_delay,
            pause=pause,
            epoch=epoch,
            limit=limit,
            members=int(members),
        )

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        if self._connected != self._url:
            self._connect(self._url)
        cause = _cause(error, redis.RedisError) or _cause(error, OSError)
        if cause is None or type(cause) in _SILENT or isinstance(cause, OSError):
            named = type(cause or error).__name__
            return StoreUnavailableError(f"Redis at {self.address} does not answer ({named})")
        return StoreUnavailableError(f"Redis at {self.address} answers: {self._redacted(cause)}")

    def _redacted(self, error: BaseException) -> str:
        # A Redis that does not know a command repeats what came with it.
        message = str(error).partition(", with args")[0]
        parts = urlsplit(self._url)
        for secret in (parts.password, parts.username):
            for form in filter(None, (secret and unquote(secret), secret)):
                message = message.replace(form, REDACTED)
        return excerpt(message) or type(error).__name__


class _AcquireAction(BaseRedisAtomicAction):
    """Runs the script."""

    TYPE = "acquire"

    def __init__(self, backend: BaseStoreBackend) -> None:
        super().__init__(backend)
        self._acquire = cast("Backend", backend).get_client().register_script(_ACQUIRE)

    def do(self, keys: Sequence[str], args: Sequence[float | str] | None) -> tuple[float, ...]:
        values = cast("list[str]", self._acquire(keys, args))
        return tuple(float(value) for value in values)


def _cause(error: BaseException, kind: type[_E]) -> _E | None:
    """Return the first error of a kind among an error and its causes."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__
    return cause


def _elsewhere(url: str, host: str, port: int) -> str:
    """Return the URL of another node, where all else is the same."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    # A node that does not know its name means the host that was asked.
    host = host or parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{login}{at}{named}:{port}").geturl()
