"""One budget for several processes, kept by a real Redis that comes and goes."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from datalab_facade import ConfigurationError, Datalab, InvalidArgumentError
from datalab_facade.integrations.redis_rate_limiter import RedisRateLimiter, RedisRateLimiterStore
from datalab_facade.rate_limiting.leasing import Ask, Brake, Ledger, Pace, StoreLost
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


def test_two_processes_that_share_a_budget_see_no_429(redis_server: RedisServer) -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        outcomes = Waiters(server, {"redis": redis_server.url}, seconds=9).outcomes()
        seen = statuses(server)
    assert set(outcomes) == {"WaitTimeoutError"}
    assert 429 not in seen
    # And they get nearly all there is.
    assert len(seen) >= 0.8 * PER_MINUTE * 9 / 60


def test_two_processes_with_budgets_of_their_own_do_see_429() -> None:
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


def test_redis_is_asked_for_several_places_at_a_time(redis_server: RedisServer) -> None:
    with served() as server:
        execution_id = server.simulator.start(NEVER_ENDS)
        rate_limiter = RedisRateLimiter(redis_server.url, 1_200)
        with Datalab(API_KEY, base_url=server.api_url, rate_limiter=rate_limiter) as client:
            for _ in range(120):
                client.executions.get(execution_id)
    with redis.Redis(port=redis_server.port) as client_of_redis:
        told = client_of_redis.info("commandstats")
    assert isinstance(told, dict)
    scripts = sum(
        told.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval")
    )
    assert scripts <= 50


def test_threads_of_one_process_share_one_budget(
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
        assert rate_limiter.left(time.monotonic()) <= 560


def test_redis_and_a_ledger_in_memory_keep_the_same_queue(redis_server: RedisServer) -> None:
    store, ledger = RedisRateLimiterStore(redis_server.url, name="same"), Ledger()
    pace = Pace.of(200)
    counts = [1, 3, 2, 4, 1, 6, 2]
    kept = [store.lease(Ask("a", count, pace)) for count in counts]
    like = [ledger.lease(Ask("a", count, pace), 0.0) for count in counts]
    for one, other in zip(kept, like, strict=True):
        assert one.places == pytest.approx(other.places, abs=0.1)
        assert one.retry == pytest.approx(other.retry, abs=0.1)
    assert any(not reply.places for reply in kept)


def test_a_brake_is_kept_until_it_is_over_and_the_longer_one_holds(
    redis_server: RedisServer,
) -> None:
    store, pace = RedisRateLimiterStore(redis_server.url, name="brake"), Pace.of(200)
    store.brake(Brake(30.0, 60.0))
    store.brake(Brake(1.0, 30.0))
    reply = store.lease(Ask("a", 1, pace))
    assert reply.places == ()
    assert reply.retry == pytest.approx(30, abs=0.5)
    other = RedisRateLimiterStore(redis_server.url, name="another")
    assert other.lease(Ask("a", 1, pace)).places == (0.0,)
    other.brake(Brake(0.0, 60.0))
    slow = other.lease(Ask("b", 2, pace))
    assert slow.members == 2
    assert slow.places[1] - slow.places[0] == pytest.approx(4 * pace.spacing, rel=0.05)


def test_at_the_lowest_speed_there_is_still_a_place(redis_server: RedisServer) -> None:
    store, pace = RedisRateLimiterStore(redis_server.url, name="slow"), Pace.of(200)
    store.brake(Brake(0.0, 130.0))
    first = store.lease(Ask("a", 1, pace))
    assert first.places
    second = store.lease(Ask("a", 1, pace))
    assert second.places or 0 < second.retry < 30 * pace.spacing


def test_a_redis_that_is_not_there_is_lost_and_its_password_is_told_to_nobody() -> None:
    url = f"redis://user:{COOKIE}@127.0.0.1:1/0"
    with pytest.raises(StoreLost, match=r"redis://127\.0\.0\.1:1/0") as caught:
        RedisRateLimiterStore(url, name="x").lease(Ask("a", 1, Pace.of(60)))
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
def test_all_keys_of_a_budget_are_in_one_slot(redis_server: RedisServer, name: str) -> None:
    store = RedisRateLimiterStore(redis_server.url, name=name)
    store.brake(Brake(0.0, 60.0))
    store.lease(Ask("a", 1, Pace.of(200)))
    with redis.Redis(port=redis_server.port) as client:
        keys = list(client.scan_iter())
    assert len(keys) == 3
    assert len({key_slot(key) for key in keys}) == 1


def test_a_budget_is_shared_whatever_node_of_a_cluster_is_named(
    new_redis: Callable[..., RedisServer],
) -> None:
    nodes = cluster(new_redis)
    for name in NAMES:
        first, second = (RedisRateLimiterStore(server.url, name=name) for server in nodes)
        ledger, pace = Ledger(), Pace.of(60)
        for store, asked in ((first, Ask("a", 3, pace)), (second, Ask("b", 1, pace))):
            reply, like = store.lease(asked), ledger.lease(asked, 0.0)
            assert reply.places == pytest.approx(like.places, abs=0.5)
            assert reply.members == like.members
        assert reply.places[0] > 0
        second.brake(Brake(30.0, 60.0))
        assert first.lease(Ask("a", 1, pace)).retry == pytest.approx(30, abs=0.5)


def test_after_a_node_was_lost_the_one_that_was_named_is_asked_again(
    new_redis: Callable[..., RedisServer],
) -> None:
    nodes = cluster(new_redis)
    names = iter(range(100))
    while True:
        store = RedisRateLimiterStore(nodes[0].url, name=f"{next(names)}")
        if key_slot(f"{store._tag}".encode()) > 8_191:
            break
    assert store.lease(Ask("a", 1, Pace.of(200))).places
    nodes[1].stop()
    with pytest.raises(StoreLost, match="does not answer"):
        store.lease(Ask("a", 1, Pace.of(200)))
    # It names the one that is lost still, or says that the cluster is down.
    with pytest.raises(StoreLost):
        store.lease(Ask("a", 1, Pace.of(200)))
    nodes[1].start()
    until(lambda: all(map(is_up, nodes)))
    assert store.lease(Ask("a", 1, Pace.of(200))).places


def lost_words(url: str) -> str:
    with pytest.raises(StoreLost) as lease:
        RedisRateLimiterStore(url, name="x").lease(Ask("a", 1, Pace.of(60)))
    with pytest.raises(StoreLost) as brake:
        RedisRateLimiterStore(url, name="x").brake(Brake(1.0, 1.0))
    assert str(lease.value) == str(brake.value)
    return str(lease.value)


def test_what_redis_answers_is_told(new_redis: Callable[..., RedisServer]) -> None:
    locked = new_redis("--requirepass", "open-sesame")
    assert "answers: Authentication required" in lost_words(locked.url)
    wrong = lost_words(f"redis://:hunter2@127.0.0.1:{locked.port}/0")
    assert "answers: invalid username-password pair" in wrong
    # What Redis does not know it repeats, and some know no passwords.
    deaf = new_redis("--rename-command", "AUTH", "")
    told = lost_words(f"redis://:hunter2@127.0.0.1:{deaf.port}/0")
    assert "answers: " in told
    assert "hunter2" not in told
    down = node(new_redis, "down")
    assert "answers: Hash slot not served" in lost_words(down.url)


def test_what_is_no_redis_is_told_to_answer(redis_server: RedisServer) -> None:
    with redis.Redis(port=redis_server.port) as client:
        client.set(RedisRateLimiterStore(redis_server.url, name="x")._keys[1], "no number")
        client.set(RedisRateLimiterStore(redis_server.url, name="x")._keys[0], "no set")
    with pytest.raises(StoreLost, match=r"answers: .*wrong kind of value"):
        RedisRateLimiterStore(redis_server.url, name="x").lease(Ask("a", 1, Pace.of(60)))


def test_a_budget_on_redis_pickles(redis_server: RedisServer) -> None:
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
