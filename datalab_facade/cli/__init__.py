"""The command line ``datalab-facade``; needs the extra ``datalab-facade[cli]``.

The only package that imports rich and click; the client never imports it. Commands get
values from a client. Pure functions turn them into text
(:mod:`~datalab_facade.cli.rendering`) and JSON (:mod:`~datalab_facade.cli.documents`), so
that the output can be tested without a terminal. Errors and exit codes are in
:mod:`~datalab_facade.cli.exits`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import NoReturn

from datalab_facade.cli.streams import guard_streams

_REQUIRED = ("click", "rich")
_USAGE = 2


def main() -> NoReturn:
    """Run the program with the arguments of the process, then end the process."""
    guard_streams()
    if not all(map(find_spec, _REQUIRED)):
        sys.stderr.write(
            "datalab-facade: the command line is not installed: pip install 'datalab-facade[cli]'\n"
        )
        sys.exit(_USAGE)
    from datalab_facade.cli.app import run

    sys.exit(run(sys.argv[1:]))
