from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.marker_final_response_evaluation_type_0_evaluations_item import (
        MarkerFinalResponseEvaluationType0EvaluationsItem,
    )


T = TypeVar("T", bound="MarkerFinalResponseEvaluationType0")


@_attrs_define
class MarkerFinalResponseEvaluationType0:
    """
    Attributes:
        eval_definition_name (str | Unset):
        evaluations (list[MarkerFinalResponseEvaluationType0EvaluationsItem] | Unset):
        total_items_evaluated (int | Unset):
    """

    eval_definition_name: str | Unset = UNSET
    evaluations: list[MarkerFinalResponseEvaluationType0EvaluationsItem] | Unset = UNSET
    total_items_evaluated: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        eval_definition_name = self.eval_definition_name

        evaluations: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.evaluations, Unset):
            evaluations = []
            for evaluations_item_data in self.evaluations:
                evaluations_item = evaluations_item_data.to_dict()
                evaluations.append(evaluations_item)

        total_items_evaluated = self.total_items_evaluated

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if eval_definition_name is not UNSET:
            field_dict["eval_definition_name"] = eval_definition_name
        if evaluations is not UNSET:
            field_dict["evaluations"] = evaluations
        if total_items_evaluated is not UNSET:
            field_dict["total_items_evaluated"] = total_items_evaluated

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.marker_final_response_evaluation_type_0_evaluations_item import (
            MarkerFinalResponseEvaluationType0EvaluationsItem,
        )

        d = dict(src_dict)
        eval_definition_name = d.pop("eval_definition_name", UNSET)

        _evaluations = d.pop("evaluations", UNSET)
        evaluations: list[MarkerFinalResponseEvaluationType0EvaluationsItem] | Unset = UNSET
        if _evaluations is not UNSET:
            evaluations = []
            for evaluations_item_data in _evaluations:
                evaluations_item = MarkerFinalResponseEvaluationType0EvaluationsItem.from_dict(evaluations_item_data)

                evaluations.append(evaluations_item)

        total_items_evaluated = d.pop("total_items_evaluated", UNSET)

        marker_final_response_evaluation_type_0 = cls(
            eval_definition_name=eval_definition_name,
            evaluations=evaluations,
            total_items_evaluated=total_items_evaluated,
        )

        marker_final_response_evaluation_type_0.additional_properties = d
        return marker_final_response_evaluation_type_0

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
