from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.initial_response_versions_type_0 import InitialResponseVersionsType0


T = TypeVar("T", bound="InitialResponse")


@_attrs_define
class InitialResponse:
    """
    Attributes:
        request_id (str): The ID of the request. This ID can be used to check the status of the request.
        request_check_url (str): The URL to check the status of the request and get results.
        success (bool | Unset): Whether the request was successful. Default: True.
        error (None | str | Unset): If the request was not successful, this will contain an error message.
        versions (InitialResponseVersionsType0 | None | str | Unset): A dictionary of the versions of the libraries used
            in the request.
    """

    request_id: str
    request_check_url: str
    success: bool | Unset = True
    error: None | str | Unset = UNSET
    versions: InitialResponseVersionsType0 | None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.initial_response_versions_type_0 import InitialResponseVersionsType0

        request_id = self.request_id

        request_check_url = self.request_check_url

        success = self.success

        error: None | str | Unset
        if isinstance(self.error, Unset):
            error = UNSET
        else:
            error = self.error

        versions: dict[str, Any] | None | str | Unset
        if isinstance(self.versions, Unset):
            versions = UNSET
        elif isinstance(self.versions, InitialResponseVersionsType0):
            versions = self.versions.to_dict()
        else:
            versions = self.versions

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "request_id": request_id,
                "request_check_url": request_check_url,
            }
        )
        if success is not UNSET:
            field_dict["success"] = success
        if error is not UNSET:
            field_dict["error"] = error
        if versions is not UNSET:
            field_dict["versions"] = versions

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.initial_response_versions_type_0 import InitialResponseVersionsType0

        d = dict(src_dict)
        request_id = d.pop("request_id")

        request_check_url = d.pop("request_check_url")

        success = d.pop("success", UNSET)

        def _parse_error(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        error = _parse_error(d.pop("error", UNSET))

        def _parse_versions(data: object) -> InitialResponseVersionsType0 | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                versions_type_0 = InitialResponseVersionsType0.from_dict(data)

                return versions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(InitialResponseVersionsType0 | None | str | Unset, data)

        versions = _parse_versions(d.pop("versions", UNSET))

        initial_response = cls(
            request_id=request_id,
            request_check_url=request_check_url,
            success=success,
            error=error,
            versions=versions,
        )

        initial_response.additional_properties = d
        return initial_response

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
