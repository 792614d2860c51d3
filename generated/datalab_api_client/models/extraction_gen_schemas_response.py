from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.extraction_gen_schemas_response_suggestions_type_0 import ExtractionGenSchemasResponseSuggestionsType0


T = TypeVar("T", bound="ExtractionGenSchemasResponse")


@_attrs_define
class ExtractionGenSchemasResponse:
    """
    Attributes:
        success (bool | None | Unset):
        error (None | str | Unset):
        suggestions (ExtractionGenSchemasResponseSuggestionsType0 | None | Unset): simple_schema, moderate_schema,
            complex_schema: each a JSON string or null
        status (str | Unset):
        page_count (int | None | Unset):
        total_cost (int | None | Unset):
    """

    success: bool | None | Unset = UNSET
    error: None | str | Unset = UNSET
    suggestions: ExtractionGenSchemasResponseSuggestionsType0 | None | Unset = UNSET
    status: str | Unset = UNSET
    page_count: int | None | Unset = UNSET
    total_cost: int | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.extraction_gen_schemas_response_suggestions_type_0 import (
            ExtractionGenSchemasResponseSuggestionsType0,
        )

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

        suggestions: dict[str, Any] | None | Unset
        if isinstance(self.suggestions, Unset):
            suggestions = UNSET
        elif isinstance(self.suggestions, ExtractionGenSchemasResponseSuggestionsType0):
            suggestions = self.suggestions.to_dict()
        else:
            suggestions = self.suggestions

        status = self.status

        page_count: int | None | Unset
        if isinstance(self.page_count, Unset):
            page_count = UNSET
        else:
            page_count = self.page_count

        total_cost: int | None | Unset
        if isinstance(self.total_cost, Unset):
            total_cost = UNSET
        else:
            total_cost = self.total_cost

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if success is not UNSET:
            field_dict["success"] = success
        if error is not UNSET:
            field_dict["error"] = error
        if suggestions is not UNSET:
            field_dict["suggestions"] = suggestions
        if status is not UNSET:
            field_dict["status"] = status
        if page_count is not UNSET:
            field_dict["page_count"] = page_count
        if total_cost is not UNSET:
            field_dict["total_cost"] = total_cost

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.extraction_gen_schemas_response_suggestions_type_0 import (
            ExtractionGenSchemasResponseSuggestionsType0,
        )

        d = dict(src_dict)

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

        def _parse_suggestions(data: object) -> ExtractionGenSchemasResponseSuggestionsType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                suggestions_type_0 = ExtractionGenSchemasResponseSuggestionsType0.from_dict(data)

                return suggestions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExtractionGenSchemasResponseSuggestionsType0 | None | Unset, data)

        suggestions = _parse_suggestions(d.pop("suggestions", UNSET))

        status = d.pop("status", UNSET)

        def _parse_page_count(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        page_count = _parse_page_count(d.pop("page_count", UNSET))

        def _parse_total_cost(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        total_cost = _parse_total_cost(d.pop("total_cost", UNSET))

        extraction_gen_schemas_response = cls(
            success=success,
            error=error,
            suggestions=suggestions,
            status=status,
            page_count=page_count,
            total_cost=total_cost,
        )

        extraction_gen_schemas_response.additional_properties = d
        return extraction_gen_schemas_response

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
