from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="FileUploadConfirmResponse")


@_attrs_define
class FileUploadConfirmResponse:
    """Response after confirming upload.

    Attributes:
        file_id (int): File ID
        reference (str): File reference in datalab://file-{id} format
        message (str): Confirmation message
        success (bool | Unset): Whether the confirmation was successful Default: True.
    """

    file_id: int
    reference: str
    message: str
    success: bool | Unset = True
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        file_id = self.file_id

        reference = self.reference

        message = self.message

        success = self.success

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "file_id": file_id,
                "reference": reference,
                "message": message,
            }
        )
        if success is not UNSET:
            field_dict["success"] = success

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        file_id = d.pop("file_id")

        reference = d.pop("reference")

        message = d.pop("message")

        success = d.pop("success", UNSET)

        file_upload_confirm_response = cls(
            file_id=file_id,
            reference=reference,
            message=message,
            success=success,
        )

        file_upload_confirm_response.additional_properties = d
        return file_upload_confirm_response

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
