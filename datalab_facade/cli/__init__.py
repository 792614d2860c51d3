"""The command line ``datalab-facade``; needs the extra ``datalab-facade[cli]``.

The only room that knows rich and click, and nothing of it is on the way to the client.
Commands get their values from a client; pure functions in
:mod:`~datalab_facade.cli.rendering` make text of them and
:mod:`~datalab_facade.cli.documents` makes JSON, so that what is shown can be tested
without a terminal. What the program ends with is in :mod:`~datalab_facade.cli.exits`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import NoReturn

from datalab_facade.cli.streams import guard_streams

_NEEDED = ("click", "rich")
_USAGE = 2


def main() -> NoReturn:
    """Run the program with the arguments of the process, and end the process."""
    guard_streams()
    if not all(map(find_spec, _NEEDED)):
        sys.stderr.write(
            "datalab-facade: the command line is not installed: pip install 'datalab-facade[cli]'\n"
        )
        sys.exit(_USAGE)
    from datalab_facade.cli.app import run

    sys.exit(run(sys.argv[1:]))
