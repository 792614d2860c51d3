from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types
from ..types import UNSET, File, FileTypes, Unset

T = TypeVar("T", bound="BodyRunPipelineApiV1PipelinesPipelineIdRunPost")


@_attrs_define
class BodyRunPipelineApiV1PipelinesPipelineIdRunPost:
    """
    Attributes:
        file_url (None | str | Unset): Optional file URL (http/https). If provided, the server will download and process
            it.
        page_range (None | str | Unset): Page range to process, e.g. '0,2-4'.
        output_format (None | str | Unset): Output format: json, html, markdown, or chunks.
        run_evals (bool | Unset): Whether to run evaluation steps. Default: False.
        skip_cache (bool | Unset): Skip the executor cache and re-run all steps. Default: False.
        webhook_url (None | str | Unset): URL to POST when the execution completes.
        version (int | None | Unset): Pipeline version to execute. 0 = use draft steps, omit = active published, 1+ =
            that version.
        checkpoint_id (None | str | Unset):
        processing_location (None | str | Unset):
        file (File | None | Unset): Input PDF, word document, powerpoint, or image file, uploaded as multipart form
            data. Images must be png, jpg, or webp format.
    """

    file_url: None | str | Unset = UNSET
    page_range: None | str | Unset = UNSET
    output_format: None | str | Unset = UNSET
    run_evals: bool | Unset = False
    skip_cache: bool | Unset = False
    webhook_url: None | str | Unset = UNSET
    version: int | None | Unset = UNSET
    checkpoint_id: None | str | Unset = UNSET
    processing_location: None | str | Unset = UNSET
    file: File | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        file_url: None | str | Unset
        if isinstance(self.file_url, Unset):
            file_url = UNSET
        else:
            file_url = self.file_url

        page_range: None | str | Unset
        if isinstance(self.page_range, Unset):
            page_range = UNSET
        else:
            page_range = self.page_range

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        else:
            output_format = self.output_format

        run_evals = self.run_evals

        skip_cache = self.skip_cache

        webhook_url: None | str | Unset
        if isinstance(self.webhook_url, Unset):
            webhook_url = UNSET
        else:
            webhook_url = self.webhook_url

        version: int | None | Unset
        if isinstance(self.version, Unset):
            version = UNSET
        else:
            version = self.version

        checkpoint_id: None | str | Unset
        if isinstance(self.checkpoint_id, Unset):
            checkpoint_id = UNSET
        else:
            checkpoint_id = self.checkpoint_id

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
        field_dict.update({})
        if file_url is not UNSET:
            field_dict["file_url"] = file_url
        if page_range is not UNSET:
            field_dict["page_range"] = page_range
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if run_evals is not UNSET:
            field_dict["run_evals"] = run_evals
        if skip_cache is not UNSET:
            field_dict["skip_cache"] = skip_cache
        if webhook_url is not UNSET:
            field_dict["webhook_url"] = webhook_url
        if version is not UNSET:
            field_dict["version"] = version
        if checkpoint_id is not UNSET:
            field_dict["checkpoint_id"] = checkpoint_id
        if processing_location is not UNSET:
            field_dict["processing_location"] = processing_location
        if file is not UNSET:
            field_dict["file"] = file

        return field_dict

    def to_multipart(self) -> types.RequestFiles:
        files: types.RequestFiles = []

        if not isinstance(self.file_url, Unset):
            if isinstance(self.file_url, str):
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))
            else:
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))

        if not isinstance(self.page_range, Unset):
            if isinstance(self.page_range, str):
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))
            else:
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))

        if not isinstance(self.output_format, Unset):
            if isinstance(self.output_format, str):
                files.append(("output_format", (None, str(self.output_format).encode(), "text/plain")))
            else:
                files.append(("output_format", (None, str(self.output_format).encode(), "text/plain")))

        if not isinstance(self.run_evals, Unset):
            files.append(("run_evals", (None, str(self.run_evals).encode(), "text/plain")))

        if not isinstance(self.skip_cache, Unset):
            files.append(("skip_cache", (None, str(self.skip_cache).encode(), "text/plain")))

        if not isinstance(self.webhook_url, Unset):
            if isinstance(self.webhook_url, str):
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))
            else:
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))

        if not isinstance(self.version, Unset):
            if isinstance(self.version, int):
                files.append(("version", (None, str(self.version).encode(), "text/plain")))
            else:
                files.append(("version", (None, str(self.version).encode(), "text/plain")))

        if not isinstance(self.checkpoint_id, Unset):
            if isinstance(self.checkpoint_id, str):
                files.append(("checkpoint_id", (None, str(self.checkpoint_id).encode(), "text/plain")))
            else:
                files.append(("checkpoint_id", (None, str(self.checkpoint_id).encode(), "text/plain")))

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

        def _parse_file_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        file_url = _parse_file_url(d.pop("file_url", UNSET))

        def _parse_page_range(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        page_range = _parse_page_range(d.pop("page_range", UNSET))

        def _parse_output_format(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        run_evals = d.pop("run_evals", UNSET)

        skip_cache = d.pop("skip_cache", UNSET)

        def _parse_webhook_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook_url = _parse_webhook_url(d.pop("webhook_url", UNSET))

        def _parse_version(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        version = _parse_version(d.pop("version", UNSET))

        def _parse_checkpoint_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        checkpoint_id = _parse_checkpoint_id(d.pop("checkpoint_id", UNSET))

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

        body_run_pipeline_api_v1_pipelines_pipeline_id_run_post = cls(
            file_url=file_url,
            page_range=page_range,
            output_format=output_format,
            run_evals=run_evals,
            skip_cache=skip_cache,
            webhook_url=webhook_url,
            version=version,
            checkpoint_id=checkpoint_id,
            processing_location=processing_location,
            file=file,
        )

        body_run_pipeline_api_v1_pipelines_pipeline_id_run_post.additional_properties = d
        return body_run_pipeline_api_v1_pipelines_pipeline_id_run_post

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
