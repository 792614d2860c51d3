"""The paths of saved outputs: harmless, distinct, and the same for each call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from datalab_facade.arguments import checked_iterable, named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.manifest import FILE_NAME as MANIFEST_NAME
from datalab_facade.redaction import redact_name
from datalab_facade.transfers.naming import distinct_names, suffix_of

OutputKey: TypeAlias = tuple[str, str | None]
"""The step and the file key of an output, redacted."""


def assign_paths(execution: Execution, steps: Iterable[str] | None) -> list[tuple[Output, str]]:
    """Assign each output a path below the execution's folder."""
    chosen = list(execution.steps) if steps is None else list(checked_iterable("steps", steps))
    unknown = [name for name in chosen if name not in list(execution.steps)]
    if unknown:
        known = ", ".join(repr(redact_name(name)) for name in execution.steps) or "none"
        raise InvalidArgumentError(
            f"Step {named(unknown[0])} does not exist; the steps are: {known}"
        )
    names = distinct_names(map(redact_name, execution.steps), taken=[MANIFEST_NAME])
    folders = dict(zip(execution.steps, names, strict=True))
    assigned: list[tuple[Output, str]] = []
    by_step: dict[str, list[Output]] = {}
    for output in execution.outputs:
        by_step.setdefault(output.step, []).append(output)
    for step in dict.fromkeys(chosen):
        outputs = by_step.get(step, [])
        names = distinct_names(_stem(output) for output in outputs)
        assigned.extend(
            (output, f"{folders[step]}/{name}{_suffix(output)}")
            for output, name in zip(outputs, names, strict=True)
        )
    return assigned


def key_of(output: Output) -> OutputKey:
    """Return what tells an output from the others of its execution."""
    file_key = output.file_key
    return redact_name(output.step), redact_name(file_key) if file_key is not None else None


def _stem(output: Output) -> str:
    # File names are seen by more people than should see a presigned URL.
    stem = redact_name(output.file_key) if output.file_key else "output"
    # .part is the name of unfinished downloads; an output must not look like one.
    return f"{stem}-file" if stem.lower().endswith(".part") else stem


def _suffix(output: Output) -> str:
    # Every file has a suffix, so two different stems never become the same name.
    suffix = suffix_of(output.url)
    return suffix if suffix and suffix != ".part" else ".bin"
