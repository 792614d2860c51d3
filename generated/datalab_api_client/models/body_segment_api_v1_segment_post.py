from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types
from ..types import UNSET, File, FileTypes, Unset

T = TypeVar("T", bound="BodySegmentApiV1SegmentPost")


@_attrs_define
class BodySegmentApiV1SegmentPost:
    """
    Attributes:
        segmentation_schema (str): The JSON schema for document segmentation. Should contain segment names and
            descriptions for identifying page ranges of different document sections.
        file_url (None | str | Unset): Optional file URL. Provide either file/file_url or checkpoint_id.
        checkpoint_id (None | str | Unset):
        mode (str | Unset):  Default: 'fast'.
        max_pages (int | None | Unset):
        page_range (None | str | Unset):
        save_checkpoint (bool | Unset):  Default: False.
        skip_cache (bool | Unset):  Default: False.
        webhook_url (None | str | Unset): Optional webhook URL to call when the request is complete.
        workflowstepdata_id (int | None | Unset): Optional workflow step data ID to associate with this request.
        model_override_settings (None | str | Unset):
        processing_location (None | str | Unset): Optional residency region override (e.g. us, eu). When provided, use
            file_url or direct-upload; multipart uploads are rejected. When omitted, the request uses the team's configured
            residency and profile.
        file (File | None | Unset): Input PDF, word document, powerpoint, or image file, uploaded as multipart form
            data. Images must be png, jpg, or webp format.
    """

    segmentation_schema: str
    file_url: None | str | Unset = UNSET
    checkpoint_id: None | str | Unset = UNSET
    mode: str | Unset = "fast"
    max_pages: int | None | Unset = UNSET
    page_range: None | str | Unset = UNSET
    save_checkpoint: bool | Unset = False
    skip_cache: bool | Unset = False
    webhook_url: None | str | Unset = UNSET
    workflowstepdata_id: int | None | Unset = UNSET
    model_override_settings: None | str | Unset = UNSET
    processing_location: None | str | Unset = UNSET
    file: File | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        segmentation_schema = self.segmentation_schema

        file_url: None | str | Unset
        if isinstance(self.file_url, Unset):
            file_url = UNSET
        else:
            file_url = self.file_url

        checkpoint_id: None | str | Unset
        if isinstance(self.checkpoint_id, Unset):
            checkpoint_id = UNSET
        else:
            checkpoint_id = self.checkpoint_id

        mode = self.mode

        max_pages: int | None | Unset
        if isinstance(self.max_pages, Unset):
            max_pages = UNSET
        else:
            max_pages = self.max_pages

        page_range: None | str | Unset
        if isinstance(self.page_range, Unset):
            page_range = UNSET
        else:
            page_range = self.page_range

        save_checkpoint = self.save_checkpoint

        skip_cache = self.skip_cache

        webhook_url: None | str | Unset
        if isinstance(self.webhook_url, Unset):
            webhook_url = UNSET
        else:
            webhook_url = self.webhook_url

        workflowstepdata_id: int | None | Unset
        if isinstance(self.workflowstepdata_id, Unset):
            workflowstepdata_id = UNSET
        else:
            workflowstepdata_id = self.workflowstepdata_id

        model_override_settings: None | str | Unset
        if isinstance(self.model_override_settings, Unset):
            model_override_settings = UNSET
        else:
            model_override_settings = self.model_override_settings

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
                "segmentation_schema": segmentation_schema,
            }
        )
        if file_url is not UNSET:
            field_dict["file_url"] = file_url
        if checkpoint_id is not UNSET:
            field_dict["checkpoint_id"] = checkpoint_id
        if mode is not UNSET:
            field_dict["mode"] = mode
        if max_pages is not UNSET:
            field_dict["max_pages"] = max_pages
        if page_range is not UNSET:
            field_dict["page_range"] = page_range
        if save_checkpoint is not UNSET:
            field_dict["save_checkpoint"] = save_checkpoint
        if skip_cache is not UNSET:
            field_dict["skip_cache"] = skip_cache
        if webhook_url is not UNSET:
            field_dict["webhook_url"] = webhook_url
        if workflowstepdata_id is not UNSET:
            field_dict["workflowstepdata_id"] = workflowstepdata_id
        if model_override_settings is not UNSET:
            field_dict["model_override_settings"] = model_override_settings
        if processing_location is not UNSET:
            field_dict["processing_location"] = processing_location
        if file is not UNSET:
            field_dict["file"] = file

        return field_dict

    def to_multipart(self) -> types.RequestFiles:
        files: types.RequestFiles = []

        files.append(("segmentation_schema", (None, str(self.segmentation_schema).encode(), "text/plain")))

        if not isinstance(self.file_url, Unset):
            if isinstance(self.file_url, str):
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))
            else:
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))

        if not isinstance(self.checkpoint_id, Unset):
            if isinstance(self.checkpoint_id, str):
                files.append(("checkpoint_id", (None, str(self.checkpoint_id).encode(), "text/plain")))
            else:
                files.append(("checkpoint_id", (None, str(self.checkpoint_id).encode(), "text/plain")))

        if not isinstance(self.mode, Unset):
            files.append(("mode", (None, str(self.mode).encode(), "text/plain")))

        if not isinstance(self.max_pages, Unset):
            if isinstance(self.max_pages, int):
                files.append(("max_pages", (None, str(self.max_pages).encode(), "text/plain")))
            else:
                files.append(("max_pages", (None, str(self.max_pages).encode(), "text/plain")))

        if not isinstance(self.page_range, Unset):
            if isinstance(self.page_range, str):
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))
            else:
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))

        if not isinstance(self.save_checkpoint, Unset):
            files.append(("save_checkpoint", (None, str(self.save_checkpoint).encode(), "text/plain")))

        if not isinstance(self.skip_cache, Unset):
            files.append(("skip_cache", (None, str(self.skip_cache).encode(), "text/plain")))

        if not isinstance(self.webhook_url, Unset):
            if isinstance(self.webhook_url, str):
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))
            else:
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))

        if not isinstance(self.workflowstepdata_id, Unset):
            if isinstance(self.workflowstepdata_id, int):
                files.append(("workflowstepdata_id", (None, str(self.workflowstepdata_id).encode(), "text/plain")))
            else:
                files.append(("workflowstepdata_id", (None, str(self.workflowstepdata_id).encode(), "text/plain")))

        if not isinstance(self.model_override_settings, Unset):
            if isinstance(self.model_override_settings, str):
                files.append(
                    ("model_override_settings", (None, str(self.model_override_settings).encode(), "text/plain"))
                )
            else:
                files.append(
                    ("model_override_settings", (None, str(self.model_override_settings).encode(), "text/plain"))
                )

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
        segmentation_schema = d.pop("segmentation_schema")

        def _parse_file_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        file_url = _parse_file_url(d.pop("file_url", UNSET))

        def _parse_checkpoint_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        checkpoint_id = _parse_checkpoint_id(d.pop("checkpoint_id", UNSET))

        mode = d.pop("mode", UNSET)

        def _parse_max_pages(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        max_pages = _parse_max_pages(d.pop("max_pages", UNSET))

        def _parse_page_range(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        page_range = _parse_page_range(d.pop("page_range", UNSET))

        save_checkpoint = d.pop("save_checkpoint", UNSET)

        skip_cache = d.pop("skip_cache", UNSET)

        def _parse_webhook_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook_url = _parse_webhook_url(d.pop("webhook_url", UNSET))

        def _parse_workflowstepdata_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        workflowstepdata_id = _parse_workflowstepdata_id(d.pop("workflowstepdata_id", UNSET))

        def _parse_model_override_settings(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model_override_settings = _parse_model_override_settings(d.pop("model_override_settings", UNSET))

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

        body_segment_api_v1_segment_post = cls(
            segmentation_schema=segmentation_schema,
            file_url=file_url,
            checkpoint_id=checkpoint_id,
            mode=mode,
            max_pages=max_pages,
            page_range=page_range,
            save_checkpoint=save_checkpoint,
            skip_cache=skip_cache,
            webhook_url=webhook_url,
            workflowstepdata_id=workflowstepdata_id,
            model_override_settings=model_override_settings,
            processing_location=processing_location,
            file=file,
        )

        body_segment_api_v1_segment_post.additional_properties = d
        return body_segment_api_v1_segment_post

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
