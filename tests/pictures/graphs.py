"""Workflows worth a picture."""

from __future__ import annotations

import random

from datalab_facade.pictures.graph import Graph
from tests.pictures.scenes import HOSTILE

INVOICES = Graph.of(
    "Invoices",
    {
        "parse": ("marker_parse", []),
        "segment": ("marker_segment", ["parse"]),
        "classify": ("conditional", ["parse"]),
        "extract_invoice": ("marker_extract", ["segment", "classify"]),
        "extract_contract": ("marker_extract", ["segment", "classify"]),
        "translate": ("openai_translate", ["parse"]),
        "post_to_slack": ("slack", ["extract_invoice", "extract_contract", "translate"]),
    },
)
ONE = Graph.of("One step", {"parse": ("marker_parse", [])})
EMPTY = Graph.of("Nothing", {})
WRONG = Graph.of(
    "Wrong", {"a": ("k", ["c"]), "b": ("k", ["a"]), "c": ("k", ["b", "nowhere"]), "d": ("k", "d")}
)
HARMFUL = Graph.of(
    HOSTILE,
    {
        HOSTILE: (HOSTILE, ["\x00lost", HOSTILE]),
        "請求書" * 20: ("", [HOSTILE]),
        "": ("x" * 200, ["請求書" * 20]),
    },
)


def _forty() -> Graph:
    chance = random.Random(3)
    steps: dict[str, tuple[str, list[str]]] = {}
    for number in range(40):
        known = list(steps)[-8:]
        after = chance.sample(known, min(len(known), chance.choice([1, 1, 2])))
        steps[f"step_{number:02}"] = ("marker_parse", after if number > 3 else [])
    return Graph.of("Forty steps", steps)


ALL = {
    "invoices": INVOICES,
    "one": ONE,
    "empty": EMPTY,
    "wrong": WRONG,
    "harmful": HARMFUL,
    "forty": _forty(),
}
