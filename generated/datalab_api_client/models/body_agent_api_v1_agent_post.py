from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types
from ..types import UNSET, File, FileTypes, Unset

T = TypeVar("T", bound="BodyAgentApiV1AgentPost")


@_attrs_define
class BodyAgentApiV1AgentPost:
    """
    Attributes:
        processor (str): A published agent processor address, e.g. 'cp_abc123' or 'cp_abc123@2.0'. Omit the version to
            run the newest published one.
        file_url (None | str | Unset): Optional file URL (http/https). If provided, the server will download and process
            it.
        verification_effort (str | Unset): How much verification the agent run does before it may finish. One of 'fast',
            'balanced', 'accurate'. Default: 'fast'.
        return_images (bool | Unset): Return the run's images inline as base64 (parse render shapes only). Default:
            False.
        skip_cache (bool | Unset): Skip the cache and re-run the request. Default: False.
        webhook_url (None | str | Unset): Optional webhook URL to call when the request is complete.
        processing_location (None | str | Unset):
        file (File | None | Unset): Input PDF, word document, powerpoint, or image file, uploaded as multipart form
            data. Images must be png, jpg, or webp format.
    """

    processor: str
    file_url: None | str | Unset = UNSET
    verification_effort: str | Unset = "fast"
    return_images: bool | Unset = False
    skip_cache: bool | Unset = False
    webhook_url: None | str | Unset = UNSET
    processing_location: None | str | Unset = UNSET
    file: File | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        processor = self.processor

        file_url: None | str | Unset
        if isinstance(self.file_url, Unset):
            file_url = UNSET
        else:
            file_url = self.file_url

        verification_effort = self.verification_effort

        return_images = self.return_images

        skip_cache = self.skip_cache

        webhook_url: None | str | Unset
        if isinstance(self.webhook_url, Unset):
            webhook_url = UNSET
        else:
            webhook_url = self.webhook_url

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
                "processor": processor,
            }
        )
        if file_url is not UNSET:
            field_dict["file_url"] = file_url
        if verification_effort is not UNSET:
            field_dict["verification_effort"] = verification_effort
        if return_images is not UNSET:
            field_dict["return_images"] = return_images
        if skip_cache is not UNSET:
            field_dict["skip_cache"] = skip_cache
        if webhook_url is not UNSET:
            field_dict["webhook_url"] = webhook_url
        if processing_location is not UNSET:
            field_dict["processing_location"] = processing_location
        if file is not UNSET:
            field_dict["file"] = file

        return field_dict

    def to_multipart(self) -> types.RequestFiles:
        files: types.RequestFiles = []

        files.append(("processor", (None, str(self.processor).encode(), "text/plain")))

        if not isinstance(self.file_url, Unset):
            if isinstance(self.file_url, str):
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))
            else:
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))

        if not isinstance(self.verification_effort, Unset):
            files.append(("verification_effort", (None, str(self.verification_effort).encode(), "text/plain")))

        if not isinstance(self.return_images, Unset):
            files.append(("return_images", (None, str(self.return_images).encode(), "text/plain")))

        if not isinstance(self.skip_cache, Unset):
            files.append(("skip_cache", (None, str(self.skip_cache).encode(), "text/plain")))

        if not isinstance(self.webhook_url, Unset):
            if isinstance(self.webhook_url, str):
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))
            else:
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))

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
        processor = d.pop("processor")

        def _parse_file_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        file_url = _parse_file_url(d.pop("file_url", UNSET))

        verification_effort = d.pop("verification_effort", UNSET)

        return_images = d.pop("return_images", UNSET)

        skip_cache = d.pop("skip_cache", UNSET)

        def _parse_webhook_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook_url = _parse_webhook_url(d.pop("webhook_url", UNSET))

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

        body_agent_api_v1_agent_post = cls(
            processor=processor,
            file_url=file_url,
            verification_effort=verification_effort,
            return_images=return_images,
            skip_cache=skip_cache,
            webhook_url=webhook_url,
            processing_location=processing_location,
            file=file,
        )

        body_agent_api_v1_agent_post.additional_properties = d
        return body_agent_api_v1_agent_post

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
