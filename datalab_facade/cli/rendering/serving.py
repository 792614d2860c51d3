"""Where an embedded Datalab is found, as text."""

from __future__ import annotations

from collections.abc import Mapping

from datalab_facade.cli.tables import facts, paragraph
from datalab_facade.pictures.terminal import BOLD, DIM, Terminal


def serving_text(about: Mapping[str, str], terminal: Terminal) -> str:
    """Tell where it is and how to talk to it."""
    pairs = [
        ("API", about["api_url"]),
        ("orders", about["control_url"]),
        ("storage", about["storage_url"]),
    ]
    lines = [
        *paragraph("An embedded Datalab is up.", terminal, BOLD),
        *facts(pairs, terminal),
        "",
        *paragraph("In another terminal:", terminal),
        # For copying, so it is not wrapped.
        f"  export DATALAB_HOST={about['api_url']}",
        f"  export DATALAB_API_KEY={about['api_key']}",
        "  datalab-facade doctor",
        "",
        *paragraph("Ctrl-C ends it.", terminal, DIM),
    ]
    return "\n".join(lines)
