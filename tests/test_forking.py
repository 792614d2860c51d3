"""What a forked child finds free, whoever was busy with it in the parent."""

from __future__ import annotations

import _thread
import math
import threading

import pytest

from datalab_facade import forking
from datalab_facade.concurrency import Lock
from datalab_facade.forking import ProcessLock, renew_after_fork


def test_what_belongs_to_a_process_is_renewed_while_it_lives() -> None:
    class Owned:
        renewed = 0

        def renew_in_child(self) -> None:
            self.renewed += 1

    owned, gone = Owned(), Owned()
    renew_after_fork(owned)
    renew_after_fork(gone)
    del gone
    lock = ProcessLock()
    with lock:
        forking._renew_all()
        with lock:
            pass
        # As in a child, the one that was held is nobody's any more.
        lock._lock.acquire()
    assert owned.renewed == 1


def test_a_signal_that_comes_just_before_a_wait_for_a_lock_is_not_waited_out() -> None:
    lock = Lock()
    assert lock.acquire(1.0)
    # It does not wake who waits.
    threading.Timer(0.05, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        lock.acquire(math.inf)


def test_a_lock_that_is_waited_for_only_so_long_is_free_in_a_child() -> None:
    lock = Lock()
    assert lock.acquire(1.0)
    assert not lock.acquire(0.0)
    forking._renew_all()
    assert lock.acquire(0.0)
