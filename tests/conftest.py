"""What holds for every test: a clean environment, and no secret in any log or traceback."""

from __future__ import annotations

import gc
import logging
import re
import shutil
import signal
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

from datalab_facade.errors import DatalabError
from tests import secrets_for_tests
from tests.ways import KINDS, Way

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# What the simulator signs its URLs with differs from run to run.
_ANY_SIGNATURE = re.compile(r"X-Amz-Signature=[0-9a-f]{16,}")


# Where a shell starts the tests in the background, they and what they start would ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is collected stays until the end, so looking through it again and again finds nothing.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave the collected tests out of what the garbage collector looks through."""
    gc.freeze()
    gc.enable()


def leaks_in(text: str) -> list[str]:
    """Give the secrets in a text."""
    return [
        *(secret for secret in secrets_for_tests.ALL if secret in text),
        *_ANY_SIGNATURE.findall(text),
    ]


class _Ear(logging.Handler):
    """Listens to everything that anybody logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if leaks_in(text):
            self.leaks.append(f"{record.name}: {text}")


@pytest.fixture(autouse=True)
def no_secret_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which a secret reaches a log, or the text or traceback of an error."""
    ear = _Ear()
    errors: list[DatalabError] = []
    construct = DatalabError.__init__

    def recording_drift(self: DatalabError, message: str) -> None:
        construct(self, message)
        errors.append(self)

    monkeypatch.setattr(DatalabError, "__init__", recording_drift)
    root = logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    root.removeHandler(ear)
    assert not ear.leaks
    for error in errors:
        # What a traceback shows of frames is source, which takes long to find thousands of times.
        shown = traceback.TracebackException.from_exception(error, limit=0).format()
        text = "".join(shown) + repr(error) + repr(vars(error))
        assert not leaks_in(text), text


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    """Take away the handlers that a test, or an example of the documentation, gave our loggers.

    One whose stream is closed by then would write a traceback for each record of all other tests.
    """
    before = _our_loggers()
    yield
    for logger in _our_loggers():
        handlers, level = before.get(logger, ([], logging.NOTSET))
        logger.handlers[:] = handlers
        if logger.level != level:
            logger.setLevel(level)


def _our_loggers() -> dict[logging.Logger, tuple[list[logging.Handler], int]]:
    """Give our loggers with their handlers and levels."""
    return {
        logger: (logger.handlers[:], logger.level)
        for name, logger in logging.root.manager.loggerDict.items()
        if name.startswith("datalab_facade") and isinstance(logger, logging.Logger)
    }


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own settings out of the tests."""
    ours = ("DATALAB_API_KEY", "DATALAB_HOST")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (*ours, *proxies, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# Two cores shared with others make single examples slow now and then; shrinking
# is worth a minute, not five.
settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile("default")
# For `make mutants`, where the same few examples have to do for thousands of runs.
settings.register_profile(
    "mutants",
    deadline=None,
    max_examples=15,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture(params=KINDS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Do what the test says with the blocking and with the async client."""
    with Way(request.param) as way:
        yield way


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser of this machine, once for all tests of a file."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium on this machine, so no page was opened; install 'chromium'")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found)
        yield started
        started.close()
