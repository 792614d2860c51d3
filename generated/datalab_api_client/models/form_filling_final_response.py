from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.form_filling_final_response_cost_breakdown_type_0 import FormFillingFinalResponseCostBreakdownType0
    from ..models.form_filling_final_response_versions_type_0 import FormFillingFinalResponseVersionsType0


T = TypeVar("T", bound="FormFillingFinalResponse")


@_attrs_define
class FormFillingFinalResponse:
    """
    Attributes:
        status (str): The status of the request. Should be 'complete' when the request is done.
        success (bool | None | Unset):
        error (None | str | Unset):
        output_format (None | str | Unset): Output format: 'pdf' or 'png'.
        output_base64 (None | str | Unset):
        fields_filled (list[str] | None | Unset):
        fields_not_found (list[str] | None | Unset):
        runtime (float | None | Unset):
        page_count (int | None | Unset):
        cost_breakdown (FormFillingFinalResponseCostBreakdownType0 | None | Unset):
        versions (FormFillingFinalResponseVersionsType0 | None | str | Unset):
    """

    status: str
    success: bool | None | Unset = UNSET
    error: None | str | Unset = UNSET
    output_format: None | str | Unset = UNSET
    output_base64: None | str | Unset = UNSET
    fields_filled: list[str] | None | Unset = UNSET
    fields_not_found: list[str] | None | Unset = UNSET
    runtime: float | None | Unset = UNSET
    page_count: int | None | Unset = UNSET
    cost_breakdown: FormFillingFinalResponseCostBreakdownType0 | None | Unset = UNSET
    versions: FormFillingFinalResponseVersionsType0 | None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.form_filling_final_response_cost_breakdown_type_0 import (
            FormFillingFinalResponseCostBreakdownType0,
        )
        from ..models.form_filling_final_response_versions_type_0 import FormFillingFinalResponseVersionsType0

        status = self.status

        success: bool | None | Unset
        if isinstance(self.success, Unset):
            success = UNSET
        else:
            success = self.success

        error: None | str | Unset
        if isinstance(self.error, Unset):
            error = UNSET
        else:
            error = self.error

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        else:
            output_format = self.output_format

        output_base64: None | str | Unset
        if isinstance(self.output_base64, Unset):
            output_base64 = UNSET
        else:
            output_base64 = self.output_base64

        fields_filled: list[str] | None | Unset
        if isinstance(self.fields_filled, Unset):
            fields_filled = UNSET
        elif isinstance(self.fields_filled, list):
            fields_filled = self.fields_filled

        else:
            fields_filled = self.fields_filled

        fields_not_found: list[str] | None | Unset
        if isinstance(self.fields_not_found, Unset):
            fields_not_found = UNSET
        elif isinstance(self.fields_not_found, list):
            fields_not_found = self.fields_not_found

        else:
            fields_not_found = self.fields_not_found

        runtime: float | None | Unset
        if isinstance(self.runtime, Unset):
            runtime = UNSET
        else:
            runtime = self.runtime

        page_count: int | None | Unset
        if isinstance(self.page_count, Unset):
            page_count = UNSET
        else:
            page_count = self.page_count

        cost_breakdown: dict[str, Any] | None | Unset
        if isinstance(self.cost_breakdown, Unset):
            cost_breakdown = UNSET
        elif isinstance(self.cost_breakdown, FormFillingFinalResponseCostBreakdownType0):
            cost_breakdown = self.cost_breakdown.to_dict()
        else:
            cost_breakdown = self.cost_breakdown

        versions: dict[str, Any] | None | str | Unset
        if isinstance(self.versions, Unset):
            versions = UNSET
        elif isinstance(self.versions, FormFillingFinalResponseVersionsType0):
            versions = self.versions.to_dict()
        else:
            versions = self.versions

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
            }
        )
        if success is not UNSET:
            field_dict["success"] = success
        if error is not UNSET:
            field_dict["error"] = error
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if output_base64 is not UNSET:
            field_dict["output_base64"] = output_base64
        if fields_filled is not UNSET:
            field_dict["fields_filled"] = fields_filled
        if fields_not_found is not UNSET:
            field_dict["fields_not_found"] = fields_not_found
        if runtime is not UNSET:
            field_dict["runtime"] = runtime
        if page_count is not UNSET:
            field_dict["page_count"] = page_count
        if cost_breakdown is not UNSET:
            field_dict["cost_breakdown"] = cost_breakdown
        if versions is not UNSET:
            field_dict["versions"] = versions

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.form_filling_final_response_cost_breakdown_type_0 import (
            FormFillingFinalResponseCostBreakdownType0,
        )
        from ..models.form_filling_final_response_versions_type_0 import FormFillingFinalResponseVersionsType0

        d = dict(src_dict)
        status = d.pop("status")

        def _parse_success(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        success = _parse_success(d.pop("success", UNSET))

        def _parse_error(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        error = _parse_error(d.pop("error", UNSET))

        def _parse_output_format(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        def _parse_output_base64(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        output_base64 = _parse_output_base64(d.pop("output_base64", UNSET))

        def _parse_fields_filled(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                fields_filled_type_0 = cast(list[str], data)

                return fields_filled_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        fields_filled = _parse_fields_filled(d.pop("fields_filled", UNSET))

        def _parse_fields_not_found(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                fields_not_found_type_0 = cast(list[str], data)

                return fields_not_found_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        fields_not_found = _parse_fields_not_found(d.pop("fields_not_found", UNSET))

        def _parse_runtime(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        runtime = _parse_runtime(d.pop("runtime", UNSET))

        def _parse_page_count(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        page_count = _parse_page_count(d.pop("page_count", UNSET))

        def _parse_cost_breakdown(data: object) -> FormFillingFinalResponseCostBreakdownType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                cost_breakdown_type_0 = FormFillingFinalResponseCostBreakdownType0.from_dict(data)

                return cost_breakdown_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(FormFillingFinalResponseCostBreakdownType0 | None | Unset, data)

        cost_breakdown = _parse_cost_breakdown(d.pop("cost_breakdown", UNSET))

        def _parse_versions(data: object) -> FormFillingFinalResponseVersionsType0 | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                versions_type_0 = FormFillingFinalResponseVersionsType0.from_dict(data)

                return versions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(FormFillingFinalResponseVersionsType0 | None | str | Unset, data)

        versions = _parse_versions(d.pop("versions", UNSET))

        form_filling_final_response = cls(
            status=status,
            success=success,
            error=error,
            output_format=output_format,
            output_base64=output_base64,
            fields_filled=fields_filled,
            fields_not_found=fields_not_found,
            runtime=runtime,
            page_count=page_count,
            cost_breakdown=cost_breakdown,
            versions=versions,
        )

        form_filling_final_response.additional_properties = d
        return form_filling_final_response

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
