from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.marker_final_response_evaluation_type_0_evaluations_item_individual_results_item import (
        MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem,
    )


T = TypeVar("T", bound="MarkerFinalResponseEvaluationType0EvaluationsItem")


@_attrs_define
class MarkerFinalResponseEvaluationType0EvaluationsItem:
    """
    Attributes:
        name (str | Unset):
        type_ (str | Unset): block, page or document
        rule_score (float | Unset):
        items_evaluated (int | Unset):
        individual_results (list[MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem] | Unset):
    """

    name: str | Unset = UNSET
    type_: str | Unset = UNSET
    rule_score: float | Unset = UNSET
    items_evaluated: int | Unset = UNSET
    individual_results: list[MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        type_ = self.type_

        rule_score = self.rule_score

        items_evaluated = self.items_evaluated

        individual_results: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.individual_results, Unset):
            individual_results = []
            for individual_results_item_data in self.individual_results:
                individual_results_item = individual_results_item_data.to_dict()
                individual_results.append(individual_results_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if type_ is not UNSET:
            field_dict["type"] = type_
        if rule_score is not UNSET:
            field_dict["rule_score"] = rule_score
        if items_evaluated is not UNSET:
            field_dict["items_evaluated"] = items_evaluated
        if individual_results is not UNSET:
            field_dict["individual_results"] = individual_results

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.marker_final_response_evaluation_type_0_evaluations_item_individual_results_item import (
            MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem,
        )

        d = dict(src_dict)
        name = d.pop("name", UNSET)

        type_ = d.pop("type", UNSET)

        rule_score = d.pop("rule_score", UNSET)

        items_evaluated = d.pop("items_evaluated", UNSET)

        _individual_results = d.pop("individual_results", UNSET)
        individual_results: list[MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem] | Unset = UNSET
        if _individual_results is not UNSET:
            individual_results = []
            for individual_results_item_data in _individual_results:
                individual_results_item = (
                    MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem.from_dict(
                        individual_results_item_data
                    )
                )

                individual_results.append(individual_results_item)

        marker_final_response_evaluation_type_0_evaluations_item = cls(
            name=name,
            type_=type_,
            rule_score=rule_score,
            items_evaluated=items_evaluated,
            individual_results=individual_results,
        )

        marker_final_response_evaluation_type_0_evaluations_item.additional_properties = d
        return marker_final_response_evaluation_type_0_evaluations_item

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
