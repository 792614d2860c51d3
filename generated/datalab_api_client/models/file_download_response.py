from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="FileDownloadResponse")


@_attrs_define
class FileDownloadResponse:
    """Response with presigned download URL.

    Attributes:
        download_url (str): Presigned URL for downloading the file
        expires_in (int): URL expiry time in seconds
        file_id (int): File ID
        original_filename (str): Original filename
    """

    download_url: str
    expires_in: int
    file_id: int
    original_filename: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        download_url = self.download_url

        expires_in = self.expires_in

        file_id = self.file_id

        original_filename = self.original_filename

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "download_url": download_url,
                "expires_in": expires_in,
                "file_id": file_id,
                "original_filename": original_filename,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        download_url = d.pop("download_url")

        expires_in = d.pop("expires_in")

        file_id = d.pop("file_id")

        original_filename = d.pop("original_filename")

        file_download_response = cls(
            download_url=download_url,
            expires_in=expires_in,
            file_id=file_id,
            original_filename=original_filename,
        )

        file_download_response.additional_properties = d
        return file_download_response

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
