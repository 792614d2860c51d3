from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.start_batch_run_request_pipeline_type import StartBatchRunRequestPipelineType
from ..types import UNSET, Unset

T = TypeVar("T", bound="StartBatchRunRequest")


@_attrs_define
class StartBatchRunRequest:
    """
    Attributes:
        collection_id (int): ID of the collection to run against
        eval_rubric_id (int | None | Unset):
        pipeline_type (StartBatchRunRequestPipelineType | Unset):  Default: StartBatchRunRequestPipelineType.CONVERT.
        pipeline_id (None | str | Unset):
        page_schema (None | str | Unset): Required when pipeline_type=extract
        segmentation_schema (None | str | Unset): Required when pipeline_type=segment
        output_format (None | str | Unset): Comma-separated output formats (e.g. 'markdown,json,html')
    """

    collection_id: int
    eval_rubric_id: int | None | Unset = UNSET
    pipeline_type: StartBatchRunRequestPipelineType | Unset = StartBatchRunRequestPipelineType.CONVERT
    pipeline_id: None | str | Unset = UNSET
    page_schema: None | str | Unset = UNSET
    segmentation_schema: None | str | Unset = UNSET
    output_format: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        collection_id = self.collection_id

        eval_rubric_id: int | None | Unset
        if isinstance(self.eval_rubric_id, Unset):
            eval_rubric_id = UNSET
        else:
            eval_rubric_id = self.eval_rubric_id

        pipeline_type: str | Unset = UNSET
        if not isinstance(self.pipeline_type, Unset):
            pipeline_type = self.pipeline_type.value

        pipeline_id: None | str | Unset
        if isinstance(self.pipeline_id, Unset):
            pipeline_id = UNSET
        else:
            pipeline_id = self.pipeline_id

        page_schema: None | str | Unset
        if isinstance(self.page_schema, Unset):
            page_schema = UNSET
        else:
            page_schema = self.page_schema

        segmentation_schema: None | str | Unset
        if isinstance(self.segmentation_schema, Unset):
            segmentation_schema = UNSET
        else:
            segmentation_schema = self.segmentation_schema

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        else:
            output_format = self.output_format

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "collection_id": collection_id,
            }
        )
        if eval_rubric_id is not UNSET:
            field_dict["eval_rubric_id"] = eval_rubric_id
        if pipeline_type is not UNSET:
            field_dict["pipeline_type"] = pipeline_type
        if pipeline_id is not UNSET:
            field_dict["pipeline_id"] = pipeline_id
        if page_schema is not UNSET:
            field_dict["page_schema"] = page_schema
        if segmentation_schema is not UNSET:
            field_dict["segmentation_schema"] = segmentation_schema
        if output_format is not UNSET:
            field_dict["output_format"] = output_format

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        collection_id = d.pop("collection_id")

        def _parse_eval_rubric_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        eval_rubric_id = _parse_eval_rubric_id(d.pop("eval_rubric_id", UNSET))

        _pipeline_type = d.pop("pipeline_type", UNSET)
        pipeline_type: StartBatchRunRequestPipelineType | Unset
        if isinstance(_pipeline_type, Unset):
            pipeline_type = UNSET
        else:
            pipeline_type = StartBatchRunRequestPipelineType(_pipeline_type)

        def _parse_pipeline_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        pipeline_id = _parse_pipeline_id(d.pop("pipeline_id", UNSET))

        def _parse_page_schema(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        page_schema = _parse_page_schema(d.pop("page_schema", UNSET))

        def _parse_segmentation_schema(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        segmentation_schema = _parse_segmentation_schema(d.pop("segmentation_schema", UNSET))

        def _parse_output_format(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        start_batch_run_request = cls(
            collection_id=collection_id,
            eval_rubric_id=eval_rubric_id,
            pipeline_type=pipeline_type,
            pipeline_id=pipeline_id,
            page_schema=page_schema,
            segmentation_schema=segmentation_schema,
            output_format=output_format,
        )

        start_batch_run_request.additional_properties = d
        return start_batch_run_request

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
