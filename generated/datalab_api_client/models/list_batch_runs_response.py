from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.eval_batch_run_response import EvalBatchRunResponse


T = TypeVar("T", bound="ListBatchRunsResponse")


@_attrs_define
class ListBatchRunsResponse:
    """
    Attributes:
        batch_runs (list[EvalBatchRunResponse]):
        total (int):
    """

    batch_runs: list[EvalBatchRunResponse]
    total: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        batch_runs = []
        for batch_runs_item_data in self.batch_runs:
            batch_runs_item = batch_runs_item_data.to_dict()
            batch_runs.append(batch_runs_item)

        total = self.total

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "batch_runs": batch_runs,
                "total": total,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.eval_batch_run_response import EvalBatchRunResponse

        d = dict(src_dict)
        batch_runs = []
        _batch_runs = d.pop("batch_runs")
        for batch_runs_item_data in _batch_runs:
            batch_runs_item = EvalBatchRunResponse.from_dict(batch_runs_item_data)

            batch_runs.append(batch_runs_item)

        total = d.pop("total")

        list_batch_runs_response = cls(
            batch_runs=batch_runs,
            total=total,
        )

        list_batch_runs_response.additional_properties = d
        return list_batch_runs_response

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
