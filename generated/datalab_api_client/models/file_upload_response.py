from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="FileUploadResponse")


@_attrs_define
class FileUploadResponse:
    """Response with presigned PUT URL for direct R2 upload.

    Attributes:
        file_id (int): Unique file ID (use this to confirm upload)
        upload_url (str): Presigned PUT URL to upload the file to
        reference (str): File reference in datalab://file-{id} format
        expires_in (int | Unset): URL expiry time in seconds Default: 3600.
    """

    file_id: int
    upload_url: str
    reference: str
    expires_in: int | Unset = 3600
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        file_id = self.file_id

        upload_url = self.upload_url

        reference = self.reference

        expires_in = self.expires_in

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "file_id": file_id,
                "upload_url": upload_url,
                "reference": reference,
            }
        )
        if expires_in is not UNSET:
            field_dict["expires_in"] = expires_in

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        file_id = d.pop("file_id")

        upload_url = d.pop("upload_url")

        reference = d.pop("reference")

        expires_in = d.pop("expires_in", UNSET)

        file_upload_response = cls(
            file_id=file_id,
            upload_url=upload_url,
            reference=reference,
            expires_in=expires_in,
        )

        file_upload_response.additional_properties = d
        return file_upload_response

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
