"""Whoever leaves many blocking uploads leaves at once, though storage says nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from datalab_facade import Datalab
from datalab_facade.testing import SimulatorServer
from tests.files.slow_taker import TAKES, Act, SlowTaker
from tests.outputs.conftest import until
from tests.outputs.test_interrupts import PROMPT, interrupted_when, no_worker_is_left
from tests.secrets_for_tests import API_KEY


@pytest.mark.parametrize("ending", ["Ctrl-C", "close", "an error"])
def test_all_transfers_end_at_once(real: SimulatorServer, taker: SlowTaker, ending: str) -> None:
    taker.does(TAKES, *[Act(status=None, ending="silence")] * 3)

    def all_arrived() -> bool:
        return len(taker.arrivals) == 4

    def sources() -> Iterator[tuple[str, bytes]]:
        for number in range(4):
            yield f"{number}.pdf", b"%PDF" * 1_000
        if ending == "an error":
            until(all_arrived)
            raise KeyError("mine")

    with Datalab(API_KEY, base_url=real.api_url) as client:
        uploads = client.files.upload_many(sources(), concurrency=5)
        if ending == "Ctrl-C":
            with interrupted_when(all_arrived):
                list(uploads)
        elif ending == "close":
            assert next(uploads).succeeded
            until(all_arrived)
            begun = time.monotonic()
            uploads.close()
            assert time.monotonic() - begun < PROMPT
        else:
            begun = time.monotonic()
            with pytest.raises(KeyError, match="mine"):
                list(uploads)
            assert time.monotonic() - begun < 2 * PROMPT
        assert no_worker_is_left()
