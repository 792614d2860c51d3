"""What travels also travels the way that clusters send it."""

from __future__ import annotations

import pickle

import cloudpickle
import pytest

from datalab_facade import Datalab, ExecutionHandle
from tests.pickling.samples import plain, travellers

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("name", travellers())
def test_a_value_arrives_whole_by_cloudpickle(name: str) -> None:
    value = travellers()[name]
    arrived = pickle.loads(cloudpickle.dumps(value))
    assert plain(arrived) == plain(value)


def test_a_function_that_holds_a_handle_travels() -> None:
    handle = Datalab(api_key="none").executions.handle(123)
    told = pickle.loads(cloudpickle.dumps(lambda: handle))()
    assert isinstance(told, ExecutionHandle)
    assert told == handle
