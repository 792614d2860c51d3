"""The addresses of an embedded Datalab, as text."""

from __future__ import annotations

from collections.abc import Mapping

from datalab_facade.cli.tables import facts, paragraph
from datalab_facade.pictures.terminal import BOLD, DIM, Terminal


def serving_text(addresses: Mapping[str, str], terminal: Terminal) -> str:
    """Show the addresses, and how to use them."""
    pairs = [
        ("API", addresses["api_url"]),
        ("control address", addresses["control_url"]),
        ("storage", addresses["storage_url"]),
    ]
    lines = [
        *paragraph("An embedded Datalab is running.", terminal, BOLD),
        *facts(pairs, terminal),
        "",
        *paragraph("In another terminal:", terminal),
        # Not wrapped, so that it can be copied.
        f"  export DATALAB_HOST={addresses['api_url']}",
        f"  export DATALAB_API_KEY={addresses['api_key']}",
        "  datalab-facade doctor",
        "",
        *paragraph("Ctrl-C stops it.", terminal, DIM),
    ]
    return "\n".join(lines)
