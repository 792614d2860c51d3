from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="FileMetadataResponse")


@_attrs_define
class FileMetadataResponse:
    """
    Attributes:
        file_id (int): Unique file ID
        original_filename (str):
        reference (str): File reference in datalab://file-{id} format
        upload_status (str):
        content_type (None | str | Unset):
        file_size (int | None | Unset):
        created (None | str | Unset):
    """

    file_id: int
    original_filename: str
    reference: str
    upload_status: str
    content_type: None | str | Unset = UNSET
    file_size: int | None | Unset = UNSET
    created: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        file_id = self.file_id

        original_filename = self.original_filename

        reference = self.reference

        upload_status = self.upload_status

        content_type: None | str | Unset
        if isinstance(self.content_type, Unset):
            content_type = UNSET
        else:
            content_type = self.content_type

        file_size: int | None | Unset
        if isinstance(self.file_size, Unset):
            file_size = UNSET
        else:
            file_size = self.file_size

        created: None | str | Unset
        if isinstance(self.created, Unset):
            created = UNSET
        else:
            created = self.created

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "file_id": file_id,
                "original_filename": original_filename,
                "reference": reference,
                "upload_status": upload_status,
            }
        )
        if content_type is not UNSET:
            field_dict["content_type"] = content_type
        if file_size is not UNSET:
            field_dict["file_size"] = file_size
        if created is not UNSET:
            field_dict["created"] = created

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        file_id = d.pop("file_id")

        original_filename = d.pop("original_filename")

        reference = d.pop("reference")

        upload_status = d.pop("upload_status")

        def _parse_content_type(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        content_type = _parse_content_type(d.pop("content_type", UNSET))

        def _parse_file_size(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        file_size = _parse_file_size(d.pop("file_size", UNSET))

        def _parse_created(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        created = _parse_created(d.pop("created", UNSET))

        file_metadata_response = cls(
            file_id=file_id,
            original_filename=original_filename,
            reference=reference,
            upload_status=upload_status,
            content_type=content_type,
            file_size=file_size,
            created=created,
        )

        file_metadata_response.additional_properties = d
        return file_metadata_response

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
