from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.pipeline_response import PipelineResponse


T = TypeVar("T", bound="ListPipelinesResponse")


@_attrs_define
class ListPipelinesResponse:
    """
    Attributes:
        pipelines (list[PipelineResponse] | Unset):
        total (int | Unset):
    """

    pipelines: list[PipelineResponse] | Unset = UNSET
    total: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        pipelines: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.pipelines, Unset):
            pipelines = []
            for pipelines_item_data in self.pipelines:
                pipelines_item = pipelines_item_data.to_dict()
                pipelines.append(pipelines_item)

        total = self.total

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if pipelines is not UNSET:
            field_dict["pipelines"] = pipelines
        if total is not UNSET:
            field_dict["total"] = total

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.pipeline_response import PipelineResponse

        d = dict(src_dict)
        _pipelines = d.pop("pipelines", UNSET)
        pipelines: list[PipelineResponse] | Unset = UNSET
        if _pipelines is not UNSET:
            pipelines = []
            for pipelines_item_data in _pipelines:
                pipelines_item = PipelineResponse.from_dict(pipelines_item_data)

                pipelines.append(pipelines_item)

        total = d.pop("total", UNSET)

        list_pipelines_response = cls(
            pipelines=pipelines,
            total=total,
        )

        list_pipelines_response.additional_properties = d
        return list_pipelines_response

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
