"""What a document request results in where no script says so: made from what was sent."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final, cast

from datalab_facade.testing.jsonvalue import JSON

JPEG: Final = bytes.fromhex(
    f"ffd8ffe000104a46494600010101004800480000ffdb004300{'ff' * 64}"
    f"ffc2000b080001000101011100ffc400141001{'00' * 16}ffda0008010100013f10ffd9"
)
"""A gray pixel."""

PDF: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
"""An empty page."""

_DEEPEST: Final = 40
_BOX: Final[list[JSON]] = [0.0, 0.0, 612.0, 792.0]
_POLYGON: Final[list[JSON]] = [[0.0, 0.0], [612.0, 0.0], [612.0, 792.0], [0.0, 792.0]]


def page_texts(name: str, pages: Sequence[int]) -> list[str]:
    """Return the text of each page."""
    return [
        f"# {name}\n\nPage {page}." if number == 0 else f"Page {page}."
        for number, page in enumerate(pages)
    ]


def join_pages(texts: Sequence[str], pages: Sequence[int], *, paginated: bool) -> str:
    """Return the text of all pages, perhaps with a rule and a number before each."""
    if not paginated:
        return "\n\n".join(texts)
    rules = (f"{{{page}}}" + "-" * 48 for page in pages)
    return "".join(f"\n\n{rule}\n\n{text}" for rule, text in zip(rules, texts, strict=True))


def as_html(markdown: str) -> str:
    """Return a text as HTML: its paragraphs, and its headings of the first level."""
    parts: list[str] = []
    for paragraph in markdown.split("\n\n"):
        text = paragraph.strip()
        if text.startswith("# "):
            parts.append(f"<h1>{escape(text[2:])}</h1>")
        elif text:
            parts.append(f"<p>{escape(text)}</p>")
    return "\n".join(parts)


def block_id(page: int) -> str:
    """Return the id of the block that holds the text of a page."""
    return f"/page/{page}/Text/0"


def as_tree(texts: Sequence[str], pages: Sequence[int]) -> dict[str, JSON]:
    """Return pages as a tree of blocks, the ``json`` format."""
    children: list[JSON] = [
        {
            "id": f"/page/{page}/Page/0",
            "block_type": "Page",
            "html": f"<content-ref src='{block_id(page)}'></content-ref>",
            "polygon": _POLYGON,
            "bbox": _BOX,
            "children": [{**_block(page, text), "children": None}],
            "images": None,
        }
        for page, text in zip(pages, texts, strict=True)
    ]
    return {"children": children, "block_type": "Document", "metadata": page_stats(pages)}


def as_chunks(texts: Sequence[str], pages: Sequence[int]) -> dict[str, JSON]:
    """Return pages as a flat list of blocks, the ``chunks`` format."""
    blocks: list[JSON] = [
        {**_block(page, text), "page": page} for page, text in zip(pages, texts, strict=True)
    ]
    info: dict[str, JSON] = {str(page): {"bbox": _BOX, "polygon": _POLYGON} for page in pages}
    return {"blocks": blocks, "page_info": info, "metadata": page_stats(pages)}


def page_stats(pages: Sequence[int]) -> dict[str, JSON]:
    """Return the metadata of a result."""
    return {"page_stats": [{"page_id": page, "num_blocks": 1} for page in pages]}


def _block(page: int, text: str) -> dict[str, JSON]:
    return {
        "id": block_id(page),
        "block_type": "Text",
        "html": as_html(text),
        "polygon": _POLYGON,
        "bbox": _BOX,
        "section_hierarchy": {},
        "images": {},
    }


def fit_schema(schema: JSON) -> JSON:
    """Return a value that fits a JSON Schema, the same for the same schema.

    >>> schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    >>> fit_schema(schema)
    {'total': 1.5}
    """
    return _fit(schema, "value", schema, frozenset())


def _fit(schema: JSON, name: str, root: JSON, around: frozenset[int]) -> JSON:
    """Fit a schema; one that stands inside of itself has no value, or there would be no end."""
    schema = _resolve(schema, root)
    if not isinstance(schema, Mapping) or id(schema) in around or len(around) > _DEEPEST:
        return None
    around |= {id(schema)}
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    for key in ("enum", "examples"):
        values = schema.get(key)
        if isinstance(values, list) and values:
            return cast("JSON", values[0])
    for key in ("anyOf", "oneOf", "allOf"):
        choices = schema.get(key)
        if isinstance(choices, list) and choices:
            real = [one for one in choices if _type(_resolve(one, root)) != "null"]
            return _fit((real or choices)[0], name, root, around)
    return _fit_type(schema, name, root, around)


def _fit_type(schema: Mapping[str, JSON], name: str, root: JSON, around: frozenset[int]) -> JSON:
    kind = _type(schema)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        return {key: _fit(value, key, root, around) for key, value in properties.items()}
    if kind == "array":
        item = _fit(schema.get("items", {"type": "string"}), name, root, around)
        return [] if item is None else [item]
    if kind == "string":
        return _FORMATTED.get(str(schema.get("format")), f"Sample {name}")
    return _SIMPLE.get(kind, f"Sample {name}")


_FORMATTED: Final[Mapping[str, str]] = {
    "date": "2025-10-22",
    "date-time": "2025-10-22T08:30:00Z",
    "time": "08:30:00Z",
    "email": "jane@example.com",
    "uri": "https://example.com/",
    "uuid": "3f2b8c1e-5a4d-4c6b-9e7f-0a1b2c3d4e5f",
}
_SIMPLE: Final[Mapping[str, JSON]] = {
    "number": 1.5,
    "integer": 1,
    "boolean": True,
    "null": None,
    "object": {},
}


def _type(schema: JSON) -> str:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(kind, list):
        return next((str(one) for one in kind if one != "null"), "null")
    return str(kind)


def _resolve(schema: JSON, root: JSON) -> JSON:
    for _ in range(_DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str):
            return schema
        schema = root
        for key in reference.removeprefix("#").split("/")[1:]:
            schema = schema.get(key) if isinstance(schema, Mapping) else None
    return None


def segment_names(schema: JSON) -> list[str]:
    """Return the names in a segmentation schema: of its segments, sections or properties."""
    if not isinstance(schema, Mapping):
        return []
    for key in ("segments", "sections", "properties"):
        found = schema.get(key)
        if isinstance(found, Mapping):
            return list(found)
        if isinstance(found, list):
            return list(_names(cast("list[JSON]", found)))
    return list(schema)


def _names(items: Sequence[JSON]) -> Iterator[str]:
    for item in items:
        yield str(item.get("name", "")) if isinstance(item, Mapping) else str(item)


def docx(text: str) -> bytes:
    """Return a DOCX whose paragraphs are the lines of a text."""
    paragraphs = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{escape(line, quote=False)}</w:t></w:r></w:p>'
        for line in "".join(char for char in text if char.isprintable() or char == "\n").split("\n")
    )
    parts = {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.wordprocessingml.document.main+xml"/></Types>'
        ),
        "_rels/.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
            'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
        ),
        "word/document.xml": (
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            f"<w:body>{paragraphs}</w:body></w:document>"
        ),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            # A fixed date, so that the same text gives the same bytes.
            entry = zipfile.ZipInfo(name, (2025, 10, 22, 8, 30, 0))
            archive.writestr(entry, '<?xml version="1.0" encoding="UTF-8"?>' + content)
    return file.getvalue()
