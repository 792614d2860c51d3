from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types
from ..types import UNSET, File, FileTypes, Unset

T = TypeVar("T", bound="BodyFillApiV1FillPost")


@_attrs_define
class BodyFillApiV1FillPost:
    """
    Attributes:
        field_data (str): JSON string mapping field keys to values and descriptions. Format: {"field_key": {"value":
            "...", "description": "..."}}
        file_url (None | str | Unset): Optional file URL (http/https). If provided, the server will download and process
            it.
        context (None | str | Unset): Optional context to guide form filling (e.g., 'Initial hire for new employee').
        confidence_threshold (float | Unset): Minimum confidence for field matching (0.0-1.0). Fields below this
            threshold won't be filled. Default: 0.5.
        page_range (None | str | Unset):
        skip_cache (bool | Unset):  Default: False.
        processing_location (None | str | Unset):
        file (File | None | Unset): Input PDF, word document, powerpoint, or image file, uploaded as multipart form
            data. Images must be png, jpg, or webp format.
    """

    field_data: str
    file_url: None | str | Unset = UNSET
    context: None | str | Unset = UNSET
    confidence_threshold: float | Unset = 0.5
    page_range: None | str | Unset = UNSET
    skip_cache: bool | Unset = False
    processing_location: None | str | Unset = UNSET
    file: File | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        field_data = self.field_data

        file_url: None | str | Unset
        if isinstance(self.file_url, Unset):
            file_url = UNSET
        else:
            file_url = self.file_url

        context: None | str | Unset
        if isinstance(self.context, Unset):
            context = UNSET
        else:
            context = self.context

        confidence_threshold = self.confidence_threshold

        page_range: None | str | Unset
        if isinstance(self.page_range, Unset):
            page_range = UNSET
        else:
            page_range = self.page_range

        skip_cache = self.skip_cache

        processing_location: None | str | Unset
        if isinstance(self.processing_location, Unset):
            processing_location = UNSET
        else:
            processing_location = self.processing_location

        file: FileTypes | None | Unset
        if isinstance(self.file, Unset):
            file = UNSET
        elif isinstance(self.file, File):
            file = self.file.to_tuple()

        else:
            file = self.file

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "field_data": field_data,
            }
        )
        if file_url is not UNSET:
            field_dict["file_url"] = file_url
        if context is not UNSET:
            field_dict["context"] = context
        if confidence_threshold is not UNSET:
            field_dict["confidence_threshold"] = confidence_threshold
        if page_range is not UNSET:
            field_dict["page_range"] = page_range
        if skip_cache is not UNSET:
            field_dict["skip_cache"] = skip_cache
        if processing_location is not UNSET:
            field_dict["processing_location"] = processing_location
        if file is not UNSET:
            field_dict["file"] = file

        return field_dict

    def to_multipart(self) -> types.RequestFiles:
        files: types.RequestFiles = []

        files.append(("field_data", (None, str(self.field_data).encode(), "text/plain")))

        if not isinstance(self.file_url, Unset):
            if isinstance(self.file_url, str):
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))
            else:
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))

        if not isinstance(self.context, Unset):
            if isinstance(self.context, str):
                files.append(("context", (None, str(self.context).encode(), "text/plain")))
            else:
                files.append(("context", (None, str(self.context).encode(), "text/plain")))

        if not isinstance(self.confidence_threshold, Unset):
            files.append(("confidence_threshold", (None, str(self.confidence_threshold).encode(), "text/plain")))

        if not isinstance(self.page_range, Unset):
            if isinstance(self.page_range, str):
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))
            else:
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))

        if not isinstance(self.skip_cache, Unset):
            files.append(("skip_cache", (None, str(self.skip_cache).encode(), "text/plain")))

        if not isinstance(self.processing_location, Unset):
            if isinstance(self.processing_location, str):
                files.append(("processing_location", (None, str(self.processing_location).encode(), "text/plain")))
            else:
                files.append(("processing_location", (None, str(self.processing_location).encode(), "text/plain")))

        if not isinstance(self.file, Unset):
            if isinstance(self.file, File):
                files.append(("file", self.file.to_tuple()))
            else:
                files.append(("file", (None, str(self.file).encode(), "text/plain")))

        for prop_name, prop in self.additional_properties.items():
            files.append((prop_name, (None, str(prop).encode(), "text/plain")))

        return files

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        field_data = d.pop("field_data")

        def _parse_file_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        file_url = _parse_file_url(d.pop("file_url", UNSET))

        def _parse_context(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        context = _parse_context(d.pop("context", UNSET))

        confidence_threshold = d.pop("confidence_threshold", UNSET)

        def _parse_page_range(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        page_range = _parse_page_range(d.pop("page_range", UNSET))

        skip_cache = d.pop("skip_cache", UNSET)

        def _parse_processing_location(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        processing_location = _parse_processing_location(d.pop("processing_location", UNSET))

        def _parse_file(data: object) -> File | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, bytes):
                    raise TypeError()
                file_type_0 = File(payload=BytesIO(data))

                return file_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(File | None | Unset, data)

        file = _parse_file(d.pop("file", UNSET))

        body_fill_api_v1_fill_post = cls(
            field_data=field_data,
            file_url=file_url,
            context=context,
            confidence_threshold=confidence_threshold,
            page_range=page_range,
            skip_cache=skip_cache,
            processing_location=processing_location,
            file=file,
        )

        body_fill_api_v1_fill_post.additional_properties = d
        return body_fill_api_v1_fill_post

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
