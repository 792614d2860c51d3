"""One rate limiter for several processes, kept by a real Redis that comes and goes."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest
import redis
from redis.crc import key_slot

from datalab_facade import ConfigurationError, Datalab, InvalidArgumentError
from datalab_facade.integrations.redis_rate_limiter import RedisRateLimiter, RedisRateLimiterStore
from datalab_facade.rate_limiting.slot_queue import (
    Pace,
    SlotQueue,
    SlotRequest,
    StoreUnavailableError,
)
from datalab_facade.testing import (
    Fault,
)
from tests.conftest import leaks_in
from tests.heavy.conftest import RedisServer, free_port, until
from tests.heavy.waiters import (
    IN_SIX_SECONDS,
    NEVER_ENDS,
    PER_MINUTE,
    Waiters,
    check_what_an_outage_does,
    served,
    statuses,
)
from tests.secrets_for_tests import API_KEY, COOKIE

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]


def test_two_processes_that_share_a_limiter_see_no_429(redis_server: RedisServer) -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        outcomes = Waiters(server, {"redis": redis_server.url}, seconds=9).outcomes()
        seen = statuses(server)
    assert set(outcomes) == {"WaitTimeoutError"}
    assert 429 not in seen
    # And they get nearly all there is.
    assert len(seen) >= 0.8 * PER_MINUTE * 9 / 60


def test_two_processes_with_limiters_of_their_own_do_see_429() -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        waiters = Waiters(server, {}, seconds=30, max_retries=10)
        until(lambda: 429 in statuses(server))
        waiters.kill()


def test_redis_may_stop_and_start_meanwhile(redis_server: RedisServer) -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        waiters = Waiters(server, {"redis": redis_server.url}, seconds=20)
        check_what_an_outage_does(waiters, server, redis_server)


def test_a_refusal_that_one_process_sees_slows_down_both(redis_server: RedisServer) -> None:
    with served() as server:
        waiters = Waiters(server, {"redis": redis_server.url}, seconds=12, max_retries=10)
        requests = server.simulator.requests
        until(lambda: len(requests) > 60)
        server.simulator.inject(Fault.status(429, headers={"Retry-After": "6"}))
        until(lambda: 429 in statuses(server))
        [refused] = [request.at for request in requests if request.status == 429]
        outcomes = waiters.outcomes()
        times = [request.at for request in requests]
    assert set(outcomes) == {"WaitTimeoutError"}
    assert not [at for at in times if refused + 3.5 <= at < refused + 5.9]
    after = [at for at in times if refused + 6 <= at < refused + 8]
    assert 1 <= len(after) <= 0.75 * PER_MINUTE * 2 / 60


def test_redis_is_asked_once_for_each_request(redis_server: RedisServer) -> None:
    with served() as server:
        execution_id = server.simulator.start(NEVER_ENDS)
        rate_limiter = RedisRateLimiter(redis_server.url, 1_200)
        with Datalab(API_KEY, base_url=server.api_url, rate_limiter=rate_limiter) as client:
            for _ in range(100):
                client.executions.get(execution_id)
    with redis.Redis(port=redis_server.port) as client_of_redis:
        stats = client_of_redis.info("commandstats")
    assert isinstance(stats, dict)
    scripts = sum(
        stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval")
    )
    assert scripts <= 115


def ask(member: str = "a", limit: float = 200.0, **more: Any) -> SlotRequest:
    return SlotRequest(member=member, limit=limit, **more)


def test_threads_of_one_process_share_one_limiter(
    redis_server: RedisServer,
) -> None:
    with served() as server:
        execution_id = server.simulator.start(NEVER_ENDS)
        rate_limiter = RedisRateLimiter(redis_server.url, 600)
        with Datalab(API_KEY, base_url=server.api_url, rate_limiter=rate_limiter) as client:
            threads = [
                threading.Thread(
                    target=lambda: [client.executions.get(execution_id) for _ in range(10)]
                )
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(server.simulator.requests) == 40
        assert rate_limiter.remaining(time.monotonic()) <= 560


def test_redis_and_a_queue_in_memory_give_the_same_slots(redis_server: RedisServer) -> None:
    store, queue, random = RedisRateLimiterStore(redis_server.url, name="a"), SlotQueue(), Random(1)
    for _ in range(300):
        asked = ask(
            random.choice("abcd"),
            random.choice([200, 200, 600, 900]),
            count=random.randrange(4),
            urgent=random.choice([0, 0, 1, 30]),
            burst=66,
            within=random.choice([1e5, 1e5, -1.0]),
            brake=random.choice([None] * 30 + [0.0, 1.0]),
        )
        kept, like = store.acquire(asked), queue.acquire(asked, time.time())
        assert (kept.limit, kept.members) == (like.limit, like.members)
        assert kept.delays == pytest.approx(like.delays, abs=0.2)
        assert kept.urgent_delays == pytest.approx(like.urgent_delays, abs=0.2)
        assert kept.next_delay == pytest.approx(like.next_delay, abs=0.2)
        assert kept.urgent_next_delay == pytest.approx(like.urgent_next_delay, abs=0.2)
        assert kept.pause == pytest.approx(like.pause, abs=0.2)


def test_nobody_waits_because_the_clock_of_redis_steps_back(redis_server: RedisServer) -> None:
    store, hour = RedisRateLimiterStore(redis_server.url, name="clock"), 3_600
    before = [store.acquire(ask(member, count=10)) for member in "abc"][-1]
    with redis.Redis(port=redis_server.port) as client:
        # As if Redis had been an hour ahead until now.
        times = cast("dict[bytes, bytes]", client.hgetall(store.keys[0]))
        for name in ("read_at", "full_until", "paused_until", "slow_until", "limit_at"):
            client.hset(store.keys[0], name, str(float(times[name.encode()]) + hour))
        found = client.zrange(store.keys[1], 0, -1, withscores=True)
        for member, at in cast("list[tuple[bytes, float]]", found):
            client.zadd(store.keys[1], {member: at + hour})
    after = store.acquire(ask("a", count=1))
    assert after.delays == pytest.approx([before.next_delay], abs=0.5)
    assert after.members == 3


def test_the_smallest_of_different_limits_holds(redis_server: RedisServer) -> None:
    store = RedisRateLimiterStore(redis_server.url, name="limits")
    limits = [store.acquire(ask(limit=limit)).limit for limit in (1_200, 6.5, 200, 1_200)]
    assert limits == [1_200, 6.5, 6.5, 6.5]
    store.acquire(ask(limit=1_200, count=1))
    assert store.acquire(ask(limit=1_200)).next_delay == pytest.approx(Pace.of(6.5).spacing, 0.1)


def test_a_brake_is_kept_until_it_is_over_and_the_longer_one_holds(
    redis_server: RedisServer,
) -> None:
    store, pace = RedisRateLimiterStore(redis_server.url, name="brake"), Pace.of(200)
    store.acquire(ask(brake=30.0))
    store.acquire(ask(brake=1.0))
    reply = store.acquire(ask(count=1, within=20.0))
    assert reply.delays == ()
    assert reply.next_delay == pytest.approx(30, abs=0.5)
    other = RedisRateLimiterStore(redis_server.url, name="another")
    assert other.acquire(ask(count=1)).delays == (0.0,)
    other.acquire(ask(brake=0.0))
    slow = other.acquire(ask("b", count=2))
    assert slow.members == 2
    assert slow.delays[1] - slow.delays[0] == pytest.approx(2 * pace.spacing, rel=0.05)


def test_at_the_lowest_speed_there_is_still_a_slot(redis_server: RedisServer) -> None:
    store, pace = RedisRateLimiterStore(redis_server.url, name="slow"), Pace.of(200)
    for _ in range(6):
        store.acquire(ask(brake=0.001))
        time.sleep(0.002)
    first, second = store.acquire(ask(count=2)).delays
    assert second - first == pytest.approx(20 * pace.spacing, rel=0.05)


def test_a_redis_that_is_not_there_is_lost_and_its_password_is_said_to_nobody() -> None:
    url = f"redis://user:{COOKIE}@127.0.0.1:1/0"
    with pytest.raises(StoreUnavailableError, match=r"redis://127\.0\.0\.1:1/0") as caught:
        RedisRateLimiterStore(url, name="x").acquire(ask())
    assert not leaks_in(str(caught.value) + repr(RedisRateLimiter(url)))


CLUSTER = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
NAMES = ["default", "", "a}b", "}", "{x}", "team 7"]


def node(new_redis: Callable[..., RedisServer], name: str, *slots: int) -> RedisServer:
    """Start a node of a cluster that holds some of the slots."""
    bus = str(free_port())
    server = new_redis(*CLUSTER, "--cluster-config-file", name, "--cluster-port", bus)
    if slots:
        with redis.Redis(port=server.port) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
    return server


def cluster(new_redis: Callable[..., RedisServer]) -> list[RedisServer]:
    """Start a cluster of two nodes."""
    nodes = [node(new_redis, "a", 0, 8_191), node(new_redis, "b", 8_192, 16_383)]
    bus = nodes[1].options[-1]
    with redis.Redis(port=nodes[0].port) as client:
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, bus)
    until(lambda: all(map(is_up, nodes)))
    return nodes


def is_up(server: RedisServer) -> bool:
    with redis.Redis(port=server.port) as client:
        info = client.execute_command("CLUSTER", "INFO")
    return "cluster_state:ok" in str(info) and "cluster_known_nodes:2" in str(info)


@pytest.mark.parametrize("name", NAMES)
def test_all_keys_of_a_limiter_are_in_one_slot(redis_server: RedisServer, name: str) -> None:
    store = RedisRateLimiterStore(redis_server.url, name=name)
    store.acquire(ask(count=1, brake=0.0))
    with redis.Redis(port=redis_server.port) as client:
        keys = list(client.scan_iter())
        assert all(0 < cast("int", client.ttl(key)) < 600 for key in keys)
    assert len(keys) == 3
    assert len({key_slot(key) for key in keys}) == 1


def test_a_limiter_is_shared_whatever_node_of_a_cluster_is_named(
    new_redis: Callable[..., RedisServer],
) -> None:
    nodes = cluster(new_redis)
    for name in NAMES:
        first, second = (RedisRateLimiterStore(server.url, name=name) for server in nodes)
        queue = SlotQueue()
        for store, asked in ((first, ask("a", 60, count=3)), (second, ask("b", 60, count=1))):
            reply, like = store.acquire(asked), queue.acquire(asked, 0.0)
            assert reply.delays == pytest.approx(like.delays, abs=0.5)
            assert reply.members == like.members
        assert reply.delays[0] > 0
        second.acquire(ask(limit=60, brake=30.0))
        assert first.acquire(ask(limit=60)).pause == pytest.approx(30, abs=0.5)


def test_after_a_node_was_lost_the_one_that_was_named_is_asked_again(
    new_redis: Callable[..., RedisServer],
) -> None:
    nodes = cluster(new_redis)
    names = iter(range(100))
    while True:
        store = RedisRateLimiterStore(nodes[0].url, name=f"{next(names)}")
        if key_slot(store.keys[0].encode()) > 8_191:
            break
    assert store.acquire(ask(count=1)).delays
    nodes[1].stop()
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        store.acquire(ask(count=1))
    # It names the one that is lost still, or says that the cluster is down.
    with pytest.raises(StoreUnavailableError):
        store.acquire(ask(count=1))
    nodes[1].start()
    until(lambda: all(map(is_up, nodes)))
    assert store.acquire(ask(count=1)).delays


def lost_message(url: str) -> str:
    with pytest.raises(StoreUnavailableError) as lost:
        RedisRateLimiterStore(url, name="x").acquire(ask(count=1))
    return str(lost.value)


def test_what_redis_answers_is_said(new_redis: Callable[..., RedisServer]) -> None:
    locked = new_redis("--requirepass", "open-sesame")
    assert "answers: Authentication required" in lost_message(locked.url)
    wrong = lost_message(f"redis://:hunter2@127.0.0.1:{locked.port}/0")
    assert "answers: invalid username-password pair" in wrong
    # What Redis does not know it repeats, and some know no passwords.
    deaf = new_redis("--rename-command", "AUTH", "")
    message = lost_message(f"redis://:hunter2@127.0.0.1:{deaf.port}/0")
    assert "answers: " in message
    assert "hunter2" not in message
    down = node(new_redis, "down")
    assert "answers: Hash slot not served" in lost_message(down.url)


def test_a_key_that_something_else_uses_is_said(redis_server: RedisServer) -> None:
    store = RedisRateLimiterStore(redis_server.url, name="x")
    with redis.Redis(port=redis_server.port) as client:
        client.set(store.keys[0], "not a queue")
    with pytest.raises(StoreUnavailableError, match=r"answers: .*wrong kind of value"):
        store.acquire(ask(count=1))


def test_a_limiter_on_redis_pickles(redis_server: RedisServer) -> None:
    rate_limiter = pickle.loads(pickle.dumps(RedisRateLimiter(redis_server.url, 60, name="a")))
    assert repr(rate_limiter) == f"RedisRateLimiter({redis_server.url!r}, 60, 'a')"
    assert rate_limiter.requests_per_minute == 60


@pytest.mark.parametrize("wrong", ["localhost:6379", "http://localhost", ""])
def test_what_is_no_address_of_redis_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="redis://"):
        RedisRateLimiter(wrong)


@pytest.mark.parametrize("wrong", [0.0, 1.5, -1.0])
def test_a_share_that_makes_no_sense_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidArgumentError, match="fallback_share"):
        RedisRateLimiter("redis://localhost", fallback_share=wrong)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2#x@cache.example:6379/0",
        "redis://:12#hunter2@cache.example:6379/0",
        "redis://:hunter2/x@cache.example:6379/0",
        "redis://:hunter2?x@cache.example:6379/0",
        "redis://ada:hunter2@cache.example:port/0",
        "redis:/:hunter2@cache.example:6379/0",
        "ada:hunter2@cache.example:6379",
        "//:hunter2@cache.example",
        "http://:hunter2@cache.example",
        "redis://:hunter2@[cache",
        b"redis://:hunter2@cache.example",
    ],
)
def test_of_a_url_that_cannot_be_used_no_password_is_shown(url: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisRateLimiter(url)
    assert "hunter2" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize("password", ["p@ss", "p ss", "p%23ss", "p:ss"])
def test_a_password_is_in_no_repr_and_no_log(password: str) -> None:
    rate_limiter = RedisRateLimiter(f"redis://:{password}@127.0.0.1:1/0?socket_timeout=1")
    assert repr(rate_limiter) == "RedisRateLimiter('redis://127.0.0.1:1/0?…', 200, 'default')"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("?soket_timeout=1", "does not know: soket_timeout"),
        ("?ssl_cert_reqs=none", "does not know: ssl_cert_reqs"),
        ("?socket_timeout=soon", "is not a URL of Redis"),
    ],
)
def test_an_unknown_parameter_in_the_url_is_refused_at_once(parameters: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RedisRateLimiter(f"redis://cache.example:6379/0{parameters}")
