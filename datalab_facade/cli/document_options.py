"""The options of the commands on documents.

The spellings of marker and of Datalab's own program work, too; help does not show them.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click

from datalab_facade.cli.arguments import TIMEOUT

if TYPE_CHECKING:
    from datalab_facade.runs.run_options import RunOptions

_Command = TypeVar("_Command", bound=Callable[..., object])
_Decorate = Callable[[Any], Any]

ALIASES: Final = frozenset(
    {
        "--checkpoint-id",
        "--disable-image-captions",
        "--disable-image-extraction",
        "--field-data",
        "--include-scores",
        "--max-concurrent",
        "--output-dir",
        "--output-format",
        "--page-schema",
        "--paginate-output",
        "--schema-id",
        "--segmentation-schema",
    }
)
"""The spellings that neither help nor errors show."""


class _Option(click.Option):
    """An option whose aliases are neither in its help nor in errors."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return click.Option.get_help_record(self._shown(), ctx)

    def get_error_hint(self, ctx: click.Context | None) -> str:
        return click.Option.get_error_hint(self._shown(), ctx)

    def _shown(self) -> click.Option:
        shown = copy.copy(self)
        shown.opts = [name for name in self.opts if name not in ALIASES]
        return shown


def _text(*names: str, metavar: str, help: str) -> _Decorate:  # noqa: A002 - click's name
    return click.option(*names, cls=_Option, metavar=metavar, help=help)


def _file(*names: str, metavar: str, help: str) -> _Decorate:  # noqa: A002 - click's name
    return click.option(*names, cls=_Option, type=click.Path(), metavar=metavar, help=help)


def _flag(*names: str, help: str) -> _Decorate:  # noqa: A002 - click's name
    return click.option(*names, cls=_Option, is_flag=True, help=help)


def _number(*names: str, help: str) -> _Decorate:  # noqa: A002 - click's name
    kind = click.IntRange(min=1)
    return click.option(*names, cls=_Option, type=kind, metavar="N", help=help)


OUTPUT: Final = click.option(
    "-o",
    "--output",
    "--output-dir",
    "output",
    cls=_Option,
    metavar="PATH",
    type=click.Path(),
    help="The folder for the results. A single result may go into a file, such as a.md.",
)
FILE_OUTPUT: Final = click.option(
    "-o",
    "--output",
    "output",
    metavar="FILE",
    required=True,
    type=click.Path(),
    help="The new file; an existing one is replaced. For an existing folder OUT: OUT/NAME/NAME.*.",
)
_FORMAT: Final = _text(
    "--format",
    "--output-format",
    "output_format",
    metavar="NAMES",
    help="One or several of markdown, html, json and chunks, separated by commas.",
)
_MODE: Final = _text(
    "--mode", "mode", metavar="MODE", help="How it is parsed: fast, balanced or accurate."
)
PAGE_RANGE: Final = _text(
    "--page-range", "page_range", metavar="PAGES", help="Pages such as 0,5-10; the first is 0."
)
_MAX_PAGES: Final = _number("--max-pages", "max_pages", help="The most pages to process.")
_PAGINATE: Final = _flag(
    "--paginate",
    "--paginate-output",
    "paginate",
    help="Put a horizontal line with the page number between pages.",
)
_SKIP_CACHE: Final = _flag(
    "--skip-cache", "skip_cache", help="Process it again even if Datalab has a cached result."
)
_SAVE_CHECKPOINT: Final = _flag(
    "--save-checkpoint",
    "save_checkpoint",
    help="Keep the parsed document for a later extract or segment.",
)
_CHECKPOINT: Final = _flag(
    "--checkpoint",
    "--checkpoint-id",
    "from_checkpoint",
    help="SOURCE is the checkpoint of an earlier result; nothing is parsed again.",
)
_LOCATION: Final = _text(
    "--processing-location",
    "processing_location",
    metavar="REGION",
    help="Where it is processed, such as us or eu.",
)
_SET: Final = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Any other field of the API. VALUE is JSON, or else text. Repeatable.",
)
DRY_RUN: Final = click.option(
    "--dry-run", is_flag=True, help="Only show what would be sent, and the price if it is known."
)

RETRIES: Final = (
    click.option(
        "--max-cost",
        type=click.FloatRange(min=0, min_open=True),
        metavar="DOLLARS",
        help="Submit nothing more once the total may exceed this; needs -o.",
    ),
    click.option(
        "--retry-failed",
        is_flag=True,
        help="Submit failed documents again; this costs money again; needs -o.",
    ),
    click.option(
        "--retry-unknown",
        is_flag=True,
        help="Submit again what may be submitted already; this may cost twice; needs -o.",
    ),
)

_PAGES: Final = (PAGE_RANGE, _MAX_PAGES, _SKIP_CACHE)
_FIELDS: Final[Mapping[str, tuple[_Decorate, ...]]] = {
    "convert": (
        _FORMAT,
        _MODE,
        *_PAGES,
        _PAGINATE,
        _flag(
            "--no-images",
            "--disable-image-extraction",
            "disable_image_extraction",
            help="Do not extract images.",
        ),
        _flag(
            "--no-captions",
            "--disable-image-captions",
            "disable_image_captions",
            help="Do not write captions of images.",
        ),
        _text(
            "--extras",
            "extras",
            metavar="NAMES",
            help="Extra features, such as chart_understanding,extract_links.",
        ),
        _SAVE_CHECKPOINT,
    ),
    "extract": (
        _file(
            "--schema",
            "--page-schema",
            "--schema-id",
            "schema",
            metavar="SCHEMA",
            help="What to extract: a JSON file, MODULE:CLASS, or the id of a stored schema.",
        ),
        click.option(
            "--schema-version",
            type=click.IntRange(min=1),
            metavar="N",
            help="The version of the stored schema.",
        ),
        _text(
            "--extraction-mode",
            "extraction_mode",
            metavar="MODE",
            help="How it is extracted, which decides the price: turbo, fast, balanced, accurate.",
        ),
        _flag(
            "--scores",
            "--include-scores",
            "include_scores",
            help="Ask for a score of each field, and wait up to a minute for them.",
        ),
        _MODE,
        *_PAGES,
        _SAVE_CHECKPOINT,
        _CHECKPOINT,
    ),
    "segment": (
        _file(
            "--segments",
            "--segmentation-schema",
            "segments",
            metavar="FILE",
            help="A JSON file with the names of segments and what they mean.",
        ),
        click.option(
            "--segment",
            "named_segments",
            metavar="NAME=MEANING",
            multiple=True,
            help="A segment and what it means. Repeatable. Without any, Datalab finds them.",
        ),
        _MODE,
        *_PAGES,
        _SAVE_CHECKPOINT,
        _CHECKPOINT,
    ),
    "fill": (
        _file(
            "--fields",
            "--field-data",
            "fields",
            metavar="FILE",
            help="A JSON file with the names of fields and their values; - is standard input.",
        ),
        _text("--context", "context", metavar="TEXT", help="What the form is about."),
        click.option(
            "--confidence-threshold",
            type=click.FloatRange(0, 1),
            metavar="0-1",
            help="The least confidence with which a field is filled in.",
        ),
        PAGE_RANGE,
        _SKIP_CACHE,
    ),
    "track-changes": (_FORMAT, *_PAGES, _PAGINATE),
    "create": (
        _text(
            "--format",
            "--output-format",
            "output_format",
            metavar="NAME",
            help="The format of the document; the default is docx.",
        ),
    ),
    "agent": (
        _text(
            "--processor",
            "processor",
            metavar="ID",
            help="The published agent processor, such as cp_abc123, or cp_abc123@2.0.",
        ),
        _text(
            "--verification-effort",
            "verification_effort",
            metavar="EFFORT",
            help="How much it verifies before it ends: fast, balanced or accurate.",
        ),
        _flag(
            "--return-images", "return_images", help="Include the images of the run in the result."
        ),
        _SKIP_CACHE,
    ),
    "suggest-schemas": (),
    "run": (
        click.option(
            "--pipeline-version",
            type=click.IntRange(min=0),
            metavar="N",
            help="The version to run; 0 is the draft. The default is the published one.",
        ),
        _FORMAT,
        PAGE_RANGE,
        _SKIP_CACHE,
    ),
}


def field_options(verb: str) -> Callable[[_Command], _Command]:
    """Return a decorator that gives a command the options of a verb's task."""
    return _all_of((*_FIELDS[verb], _LOCATION, _SET))


@attrs.frozen(kw_only=True)
class RunSettings:
    """The options of a run; None stands for the default."""

    timeout: float | None = None
    concurrency: int | None = None
    max_cost: float | None = None
    """The most that it may cost, in dollars."""
    retry_failed: bool = False
    retry_unknown: bool = False

    def options(self) -> RunOptions:
        """Return the options as the library takes them."""
        found: RunOptions = {
            "retry_failed": self.retry_failed,
            "retry_unknown": self.retry_unknown,
        }
        if self.timeout is not None:
            found["timeout"] = self.timeout
        if self.concurrency is not None:
            found["concurrency"] = self.concurrency
        if self.max_cost is not None:
            found["max_cost_cents"] = self.max_cost * 100
        return found


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of several sources; those of a run are ``run_settings``."""

    @functools.wraps(command)
    def with_settings(
        *args: object,
        timeout: float | None,
        concurrency: int | None,
        max_cost: float | None,
        retry_failed: bool,
        retry_unknown: bool,
        **options: object,
    ) -> None:
        run_settings = RunSettings(
            timeout=timeout,
            concurrency=concurrency,
            max_cost=max_cost,
            retry_failed=retry_failed,
            retry_unknown=retry_unknown,
        )
        command(*args, run_settings=run_settings, **options)

    return _all_of(
        (
            OUTPUT,
            click.option(
                "--concurrency",
                "--max-concurrent",
                "concurrency",
                cls=_Option,
                type=click.IntRange(min=1),
                metavar="N",
                help="How many documents are processed at the same time.",
            ),
            TIMEOUT,
            *RETRIES,
            click.option(
                "--skip-existing", is_flag=True, hidden=True, help="Not needed; of marker."
            ),
            click.option(
                "--fail-on",
                type=click.Choice(["failure", "never"]),
                default="failure",
                help="Exit with code 1 if a document fails, which is the default, or never.",
            ),
            DRY_RUN,
        )
    )(with_settings)


def _all_of(options: tuple[_Decorate, ...]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
