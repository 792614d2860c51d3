"""Mocks that ``unittest.mock.create_autospec`` makes of the clients."""

from __future__ import annotations

import inspect
import pydoc
import re
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, create_autospec, patch

import pytest

from datalab_facade import (
    AsyncDatalab,
    AsyncExecutionHandle,
    Datalab,
    DriftReport,
    Execution,
    ExecutionHandle,
    NotFoundError,
    Status,
)
from datalab_facade.executions.resource import Executions

DONE = Execution(id=7, status=Status.COMPLETED)

each_client = pytest.mark.parametrize("kind", [Datalab, AsyncDatalab])
PARTS = [name for name, value in vars(Datalab).items() if isinstance(value, cached_property)]


@each_client
@pytest.mark.parametrize("part", PARTS)
def test_each_method_of_each_resource_has_the_signature_of_the_real_one(
    kind: type, part: str
) -> None:
    mock = getattr(create_autospec(kind, instance=True), part)
    with_key = getattr(kind("a-key"), part)
    methods = inspect.getmembers_static(type(with_key), inspect.isfunction)
    names = [name for name, _ in methods if not name.startswith("_")]
    assert names
    for name in names:
        with pytest.raises(TypeError, match=r"unexpected keyword|too many positional"):
            getattr(mock, name)(*range(50), no_such_argument=1)
        asked: Any = getattr(with_key, name)
        assert inspect.iscoroutinefunction(asked) == isinstance(getattr(mock, name), AsyncMock)
    with pytest.raises(AttributeError):
        _ = mock.no_such_method


def test_a_mock_returns_and_raises_what_a_test_says() -> None:
    client = create_autospec(Datalab, instance=True)
    client.executions.result.return_value = DONE
    client.executions.get.side_effect = NotFoundError("No such execution")
    client.drift = DriftReport(counts={})
    assert client.executions.result(7, timeout=60) == DONE
    client.executions.result.assert_called_once_with(7, timeout=60)
    with pytest.raises(NotFoundError, match="No such execution"):
        client.executions.get(7)
    with pytest.raises(TypeError, match="job"):
        client.executions.get()
    assert isinstance(client, Datalab)
    assert isinstance(client.executions, Executions)
    assert isinstance(client.drift, DriftReport)


def test_the_values_of_a_client_are_mocked_by_their_types() -> None:
    client = create_autospec(Datalab, instance=True)
    assert isinstance(client.drift, DriftReport)
    client.duration_model.to_dict.return_value = {}
    assert client.duration_model.to_dict() == {}


@pytest.mark.parametrize("kind", [ExecutionHandle, AsyncExecutionHandle])
def test_a_handle_is_mocked_with_its_signatures(kind: type) -> None:
    handle = create_autospec(kind, instance=True)
    handle.id = 7
    with pytest.raises(TypeError):
        handle.result(60)
    with pytest.raises(AttributeError):
        _ = handle.no_such_method


@pytest.mark.asyncio
async def test_the_methods_of_an_async_mock_are_awaited() -> None:
    client = create_autospec(AsyncDatalab, instance=True)
    client.executions.result.return_value = DONE
    client.executions.watch.return_value.__aiter__.return_value = ["a change"]
    assert await client.executions.result(7) == DONE
    assert [change async for change in client.executions.watch(7)] == ["a change"]


def test_a_client_that_the_code_makes_itself_is_mocked_where_it_is_found() -> None:
    module: Any = SimpleNamespace(Datalab=Datalab)
    with patch.object(module, "Datalab", autospec=True) as mocked:
        client = mocked.return_value
        client.__enter__.return_value = client
        client.executions.result.return_value = DONE
        with module.Datalab("a-key", max_retries=3) as made:
            assert made.executions.result(7) == DONE
        with pytest.raises(TypeError):
            module.Datalab("a-key", "another")


@each_client
def test_help_says_what_each_property_is(kind: type) -> None:
    text = pydoc.plain(pydoc.render_doc(kind))
    for name, value in vars(kind).items():
        if isinstance(value, cached_property | property) and not name.startswith("_"):
            first = (inspect.getdoc(value) or "").splitlines()[0]
            assert re.search(rf"\| +{name}\b.*\n \| +{re.escape(first)}", text), name


@each_client
def test_a_real_client_has_its_own_resources(kind: type) -> None:
    one, other = kind("a-key"), kind("a-key")
    for part in PARTS:
        assert getattr(one, part) is getattr(one, part)
        assert getattr(one, part) is not getattr(other, part)
    assert inspect.getdoc(inspect.getattr_static(kind, "executions"))
    assert str(one.drift) == "no drift seen"
