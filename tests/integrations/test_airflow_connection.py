"""What a connection of Airflow says, and what Airflow is told about this package."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from typing import Any

import pytest

from datalab_facade import ConfigurationError, InvalidArgumentError
from datalab_facade.integrations.airflow.job_requests import whole_number
from datalab_facade.integrations.airflow.settings import ConnectionSettings, check_extra
from datalab_facade.integrations.airflow.timeouts import bounded, deadline_after, seconds_of
from tests.secrets_for_tests import API_KEY


def settings(**fields: Any) -> ConnectionSettings:
    given: dict[str, Any] = {
        "password": API_KEY,
        "host": None,
        "schema": None,
        "port": None,
        "extra": {},
    }
    return ConnectionSettings.of("my_datalab", **{**given, **fields})


def test_a_connection_with_a_key_alone_leads_to_datalab_with_its_published_rate_limit() -> None:
    assert settings() == ConnectionSettings(API_KEY, "https://www.datalab.to", 200.0)


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"host": "https://a.example"}, "https://a.example"),
        ({"host": "a.example"}, "https://a.example"),
        ({"host": "a.example", "port": 8443}, "https://a.example:8443"),
        ({"host": "127.0.0.1", "schema": "http", "port": 80}, "http://127.0.0.1:80"),
        ({"host": "https://a.example", "port": 1, "schema": "x"}, "https://a.example"),
    ],
)
def test_the_host_of_a_connection_is_an_address_or_a_name(
    fields: dict[str, Any], address: str
) -> None:
    assert settings(**fields).base_url == address


def test_the_extras_of_a_connection_set_the_rate_limit_and_allow_http() -> None:
    found = settings(extra={"requests_per_minute": 30, "allow_http": True, "other": 1})
    assert (found.requests_per_minute, found.allow_http) == (30.0, True)
    assert settings(extra={"requests_per_minute": None, "allow_http": None}) == settings()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": None}, "'my_datalab' has no API key; set it as the connection's password"),
        ({"password": ""}, "'my_datalab' has no API key"),
        ({"extra": {"requests_per_minute": "many"}}, "must be a number above 0, not 'many'"),
        ({"extra": {"requests_per_minute": 0}}, "must be a number above 0, not 0"),
        ({"extra": {"requests_per_minute": True}}, "must be a number above 0, not True"),
        ({"extra": {"requests_per_minute": float("inf")}}, "must be a number above 0"),
        ({"extra": {"requests_per_minute": 10**400}}, "must be a number above 0, not 1000"),
        ({"extra": {"requests_per_minute": "nan"}}, "must be a number above 0"),
        ({"extra": {"requests_per_minute": "-5"}}, "must be a number above 0"),
        ({"extra": {"allow_http": "yes"}}, "must be true or false, not 'yes'"),
        (
            {"extra": {"redis_url": ["redis://:pw@b.example"]}},
            "redis_url .* must be a string, not a list",
        ),
        ({"extra": {"rate_limiter_name": 1}}, "rate_limiter_name .* must be a string, not a int"),
    ],
)
def test_a_connection_that_cannot_be_used_says_what_to_set(
    fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        settings(**fields)


def test_the_extras_of_a_connection_that_is_a_uri_are_texts_and_are_read() -> None:
    found = settings(extra={"requests_per_minute": " 90 ", "allow_http": "True"})
    assert (found.requests_per_minute, found.allow_http) == (90.0, True)
    assert settings(extra={"allow_http": "false"}).allow_http is False
    assert settings(extra={"requests_per_minute": "", "allow_http": ""}) == settings()


@pytest.mark.parametrize("extra", [None, "", "{}", '{"other": 1}'])
def test_an_extra_that_is_a_json_object_is_fine(extra: str | None) -> None:
    check_extra("mine", extra)


@pytest.mark.parametrize(
    "extra", ['{"redis_url": "redis://:hidden@b"', "hidden", "[1]", "7", "{" * 3]
)
def test_an_extra_that_is_none_is_an_error_that_does_not_show_it(extra: str) -> None:
    with pytest.raises(
        ConfigurationError, match="The extra of the Airflow connection 'mine'"
    ) as it:
        check_extra("mine", extra)
    assert "hidden" not in str(it.value)
    assert it.value.__cause__ is None


def test_the_clients_of_a_connection_go_where_it_says() -> None:
    found = settings(host="https://a.example")
    with found.client() as client:
        assert "https://a.example" in repr(client)
    assert "https://a.example" in repr(found.async_client())
    assert API_KEY not in repr(found)


def test_the_extras_of_a_connection_may_name_a_redis_whose_password_is_not_shown() -> None:
    found = settings(extra={"redis_url": "redis://:pw@b.example/0", "rate_limiter_name": "mine"})
    assert (found.redis_url, found.rate_limiter_name) == ("redis://:pw@b.example/0", "mine")
    assert "pw" not in repr(found)
    empty = settings(extra={"redis_url": "", "rate_limiter_name": None})
    assert (empty.redis_url, empty.rate_limiter_name) == (None, "default")


def test_airflow_finds_the_provider_and_its_connection_type() -> None:
    [entry] = entry_points(group="apache_airflow_provider", name="provider_info")
    told = entry.load()()
    assert told["package-name"] == "datalab-facade"
    [connection] = told["connection-types"]
    assert connection["connection-type"] == "datalab"
    assert set(connection["conn-fields"]) == {
        "requests_per_minute",
        "redis_url",
        "rate_limiter_name",
        "allow_http",
    }


def test_telling_airflow_of_the_package_imports_neither_airflow_nor_a_client() -> None:
    script = (
        "import sys\n"
        "from datalab_facade.integrations.airflow.provider import get_provider_info\n"
        "get_provider_info()\n"
        "assert not {'airflow', 'httpx', 'asyncio'} & sys.modules.keys(), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], check=True)


def test_a_deadline_is_a_date_with_a_zone() -> None:
    found = datetime.fromisoformat(deadline_after(60))
    assert timedelta(0) <= datetime.now(UTC) + timedelta(seconds=60) - found < timedelta(seconds=30)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), timedelta(0), "60"])
def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout must be"):
        seconds_of(timeout)


def test_a_timeout_is_seconds_or_a_timedelta() -> None:
    assert seconds_of(90) == seconds_of(timedelta(seconds=90)) == 90.0


def test_a_wait_is_no_longer_than_what_airflow_allows_for_all_of_a_try() -> None:
    assert bounded(100, None, 50) == 100
    assert bounded(100, timedelta(seconds=90), 50) == 40
    assert bounded(30, timedelta(seconds=90), 50) == 30
    assert bounded(30, timedelta(seconds=90), 100) == 1


class Indexed:
    """A whole number of another library, such as NumPy's."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __index__(self) -> int:
        return self._number


@pytest.mark.parametrize(("given", "number"), [(7, 7), ("7", 7), (" 12\n", 12), (Indexed(8), 8)])
def test_a_number_may_come_out_of_a_template(given: object, number: int) -> None:
    assert whole_number("workflow_id", given) == number


@pytest.mark.parametrize("given", ["", "None", "1.0", None, 1.0, True, "٣", "-1", "9" * 5_000])
def test_what_is_no_number_is_refused_by_name(given: object) -> None:
    with pytest.raises(InvalidArgumentError, match="workflow_id must be a whole number"):
        whole_number("workflow_id", given)
