"""Public names that are imported when they are first used, and not before.

Defining the classes of the whole package takes longer than importing httpx, and
no program uses all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Give the ``__getattr__`` of a package whose names live in modules of their own.

    Args:
        package: The package's ``__name__``.
        homes: For each module of the package, the names that are found there,
            separated by spaces. The modules, or the packages that they are in, are
            attributes of the package, too.
    """
    within = {module.partition(".")[0] for module in homes}
    home_of = {name: module for module, names in homes.items() for name in names.split()}

    def __getattr__(name: str) -> object:  # noqa: N807 - it becomes just that
        if name in within:
            return import_module(f"{package}.{name}")
        module = home_of.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        value: object = getattr(import_module(f"{package}.{module}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__
