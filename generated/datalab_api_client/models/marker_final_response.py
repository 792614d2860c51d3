from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.marker_final_response_chunks_type_0 import MarkerFinalResponseChunksType0
    from ..models.marker_final_response_cost_breakdown_type_0 import MarkerFinalResponseCostBreakdownType0
    from ..models.marker_final_response_evaluation_type_0 import MarkerFinalResponseEvaluationType0
    from ..models.marker_final_response_images_type_0 import MarkerFinalResponseImagesType0
    from ..models.marker_final_response_json_type_0 import MarkerFinalResponseJsonType0
    from ..models.marker_final_response_metadata_type_0 import MarkerFinalResponseMetadataType0
    from ..models.marker_final_response_segmentation_results_type_0 import MarkerFinalResponseSegmentationResultsType0
    from ..models.marker_final_response_versions_type_0 import MarkerFinalResponseVersionsType0


T = TypeVar("T", bound="MarkerFinalResponse")


@_attrs_define
class MarkerFinalResponse:
    """
    Attributes:
        status (str): The status of the request. Should be 'complete' when the request is done.
        result_url (None | str | Unset): Signed URL for downloading the completed result JSON when direct result
            download is required.
        expires_in (int | None | Unset): Number of seconds until result_url expires.
        output_format (None | str | Unset): The format of the output. 'markdown' or 'json'.
        chunks (MarkerFinalResponseChunksType0 | None | Unset): The output in chunks format. The top-level key 'blocks'
            contains a list of blocks from the document with metadata.
        json (MarkerFinalResponseJsonType0 | None | Unset): The JSON representation of the PDF if the output format is
            'json'.
        markdown (None | str | Unset):
        html (None | str | Unset):
        extraction_schema_json (None | str | Unset): The output of a marker extraction request containing the filled in
            extraction schema. (a JSON string)
        extraction_score_average (float | None | Unset): Average confidence score (1-5) across all extracted fields,
            when scoring is applied.
        extraction_mode (None | str | Unset): The extraction mode used for this request: 'turbo', 'fast', 'balanced', or
            'accurate'.
        segmentation_results (MarkerFinalResponseSegmentationResultsType0 | None | Unset): Results of document
            segmentation showing page ranges for each identified segment.
        segmentation_schema (Any | None | Unset):
        images (MarkerFinalResponseImagesType0 | None | Unset): filename -> base64
        metadata (MarkerFinalResponseMetadataType0 | None | Unset):
        success (bool | None | Unset):
        error (None | str | Unset):
        parse_quality_score (float | None | Unset):
        page_count (int | None | Unset):
        total_cost (int | None | Unset):
        cost_breakdown (MarkerFinalResponseCostBreakdownType0 | None | Unset): live: {"final_cost_cents": 1.0}; docs
            name list_cost_cents and final_cost_cents
        runtime (float | None | Unset):
        checkpoint_id (None | str | Unset):
        versions (MarkerFinalResponseVersionsType0 | None | str | Unset):
        evaluation (MarkerFinalResponseEvaluationType0 | None | Unset):
    """

    status: str
    result_url: None | str | Unset = UNSET
    expires_in: int | None | Unset = UNSET
    output_format: None | str | Unset = UNSET
    chunks: MarkerFinalResponseChunksType0 | None | Unset = UNSET
    json: MarkerFinalResponseJsonType0 | None | Unset = UNSET
    markdown: None | str | Unset = UNSET
    html: None | str | Unset = UNSET
    extraction_schema_json: None | str | Unset = UNSET
    extraction_score_average: float | None | Unset = UNSET
    extraction_mode: None | str | Unset = UNSET
    segmentation_results: MarkerFinalResponseSegmentationResultsType0 | None | Unset = UNSET
    segmentation_schema: Any | None | Unset = UNSET
    images: MarkerFinalResponseImagesType0 | None | Unset = UNSET
    metadata: MarkerFinalResponseMetadataType0 | None | Unset = UNSET
    success: bool | None | Unset = UNSET
    error: None | str | Unset = UNSET
    parse_quality_score: float | None | Unset = UNSET
    page_count: int | None | Unset = UNSET
    total_cost: int | None | Unset = UNSET
    cost_breakdown: MarkerFinalResponseCostBreakdownType0 | None | Unset = UNSET
    runtime: float | None | Unset = UNSET
    checkpoint_id: None | str | Unset = UNSET
    versions: MarkerFinalResponseVersionsType0 | None | str | Unset = UNSET
    evaluation: MarkerFinalResponseEvaluationType0 | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.marker_final_response_chunks_type_0 import MarkerFinalResponseChunksType0
        from ..models.marker_final_response_cost_breakdown_type_0 import MarkerFinalResponseCostBreakdownType0
        from ..models.marker_final_response_evaluation_type_0 import MarkerFinalResponseEvaluationType0
        from ..models.marker_final_response_images_type_0 import MarkerFinalResponseImagesType0
        from ..models.marker_final_response_json_type_0 import MarkerFinalResponseJsonType0
        from ..models.marker_final_response_metadata_type_0 import MarkerFinalResponseMetadataType0
        from ..models.marker_final_response_segmentation_results_type_0 import (
            MarkerFinalResponseSegmentationResultsType0,
        )
        from ..models.marker_final_response_versions_type_0 import MarkerFinalResponseVersionsType0

        status = self.status

        result_url: None | str | Unset
        if isinstance(self.result_url, Unset):
            result_url = UNSET
        else:
            result_url = self.result_url

        expires_in: int | None | Unset
        if isinstance(self.expires_in, Unset):
            expires_in = UNSET
        else:
            expires_in = self.expires_in

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        else:
            output_format = self.output_format

        chunks: dict[str, Any] | None | Unset
        if isinstance(self.chunks, Unset):
            chunks = UNSET
        elif isinstance(self.chunks, MarkerFinalResponseChunksType0):
            chunks = self.chunks.to_dict()
        else:
            chunks = self.chunks

        json: dict[str, Any] | None | Unset
        if isinstance(self.json, Unset):
            json = UNSET
        elif isinstance(self.json, MarkerFinalResponseJsonType0):
            json = self.json.to_dict()
        else:
            json = self.json

        markdown: None | str | Unset
        if isinstance(self.markdown, Unset):
            markdown = UNSET
        else:
            markdown = self.markdown

        html: None | str | Unset
        if isinstance(self.html, Unset):
            html = UNSET
        else:
            html = self.html

        extraction_schema_json: None | str | Unset
        if isinstance(self.extraction_schema_json, Unset):
            extraction_schema_json = UNSET
        else:
            extraction_schema_json = self.extraction_schema_json

        extraction_score_average: float | None | Unset
        if isinstance(self.extraction_score_average, Unset):
            extraction_score_average = UNSET
        else:
            extraction_score_average = self.extraction_score_average

        extraction_mode: None | str | Unset
        if isinstance(self.extraction_mode, Unset):
            extraction_mode = UNSET
        else:
            extraction_mode = self.extraction_mode

        segmentation_results: dict[str, Any] | None | Unset
        if isinstance(self.segmentation_results, Unset):
            segmentation_results = UNSET
        elif isinstance(self.segmentation_results, MarkerFinalResponseSegmentationResultsType0):
            segmentation_results = self.segmentation_results.to_dict()
        else:
            segmentation_results = self.segmentation_results

        segmentation_schema: Any | None | Unset
        if isinstance(self.segmentation_schema, Unset):
            segmentation_schema = UNSET
        else:
            segmentation_schema = self.segmentation_schema

        images: dict[str, Any] | None | Unset
        if isinstance(self.images, Unset):
            images = UNSET
        elif isinstance(self.images, MarkerFinalResponseImagesType0):
            images = self.images.to_dict()
        else:
            images = self.images

        metadata: dict[str, Any] | None | Unset
        if isinstance(self.metadata, Unset):
            metadata = UNSET
        elif isinstance(self.metadata, MarkerFinalResponseMetadataType0):
            metadata = self.metadata.to_dict()
        else:
            metadata = self.metadata

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

        parse_quality_score: float | None | Unset
        if isinstance(self.parse_quality_score, Unset):
            parse_quality_score = UNSET
        else:
            parse_quality_score = self.parse_quality_score

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

        cost_breakdown: dict[str, Any] | None | Unset
        if isinstance(self.cost_breakdown, Unset):
            cost_breakdown = UNSET
        elif isinstance(self.cost_breakdown, MarkerFinalResponseCostBreakdownType0):
            cost_breakdown = self.cost_breakdown.to_dict()
        else:
            cost_breakdown = self.cost_breakdown

        runtime: float | None | Unset
        if isinstance(self.runtime, Unset):
            runtime = UNSET
        else:
            runtime = self.runtime

        checkpoint_id: None | str | Unset
        if isinstance(self.checkpoint_id, Unset):
            checkpoint_id = UNSET
        else:
            checkpoint_id = self.checkpoint_id

        versions: dict[str, Any] | None | str | Unset
        if isinstance(self.versions, Unset):
            versions = UNSET
        elif isinstance(self.versions, MarkerFinalResponseVersionsType0):
            versions = self.versions.to_dict()
        else:
            versions = self.versions

        evaluation: dict[str, Any] | None | Unset
        if isinstance(self.evaluation, Unset):
            evaluation = UNSET
        elif isinstance(self.evaluation, MarkerFinalResponseEvaluationType0):
            evaluation = self.evaluation.to_dict()
        else:
            evaluation = self.evaluation

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
            }
        )
        if result_url is not UNSET:
            field_dict["result_url"] = result_url
        if expires_in is not UNSET:
            field_dict["expires_in"] = expires_in
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if chunks is not UNSET:
            field_dict["chunks"] = chunks
        if json is not UNSET:
            field_dict["json"] = json
        if markdown is not UNSET:
            field_dict["markdown"] = markdown
        if html is not UNSET:
            field_dict["html"] = html
        if extraction_schema_json is not UNSET:
            field_dict["extraction_schema_json"] = extraction_schema_json
        if extraction_score_average is not UNSET:
            field_dict["extraction_score_average"] = extraction_score_average
        if extraction_mode is not UNSET:
            field_dict["extraction_mode"] = extraction_mode
        if segmentation_results is not UNSET:
            field_dict["segmentation_results"] = segmentation_results
        if segmentation_schema is not UNSET:
            field_dict["segmentation_schema"] = segmentation_schema
        if images is not UNSET:
            field_dict["images"] = images
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if success is not UNSET:
            field_dict["success"] = success
        if error is not UNSET:
            field_dict["error"] = error
        if parse_quality_score is not UNSET:
            field_dict["parse_quality_score"] = parse_quality_score
        if page_count is not UNSET:
            field_dict["page_count"] = page_count
        if total_cost is not UNSET:
            field_dict["total_cost"] = total_cost
        if cost_breakdown is not UNSET:
            field_dict["cost_breakdown"] = cost_breakdown
        if runtime is not UNSET:
            field_dict["runtime"] = runtime
        if checkpoint_id is not UNSET:
            field_dict["checkpoint_id"] = checkpoint_id
        if versions is not UNSET:
            field_dict["versions"] = versions
        if evaluation is not UNSET:
            field_dict["evaluation"] = evaluation

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.marker_final_response_chunks_type_0 import MarkerFinalResponseChunksType0
        from ..models.marker_final_response_cost_breakdown_type_0 import MarkerFinalResponseCostBreakdownType0
        from ..models.marker_final_response_evaluation_type_0 import MarkerFinalResponseEvaluationType0
        from ..models.marker_final_response_images_type_0 import MarkerFinalResponseImagesType0
        from ..models.marker_final_response_json_type_0 import MarkerFinalResponseJsonType0
        from ..models.marker_final_response_metadata_type_0 import MarkerFinalResponseMetadataType0
        from ..models.marker_final_response_segmentation_results_type_0 import (
            MarkerFinalResponseSegmentationResultsType0,
        )
        from ..models.marker_final_response_versions_type_0 import MarkerFinalResponseVersionsType0

        d = dict(src_dict)
        status = d.pop("status")

        def _parse_result_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        result_url = _parse_result_url(d.pop("result_url", UNSET))

        def _parse_expires_in(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        expires_in = _parse_expires_in(d.pop("expires_in", UNSET))

        def _parse_output_format(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        def _parse_chunks(data: object) -> MarkerFinalResponseChunksType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                chunks_type_0 = MarkerFinalResponseChunksType0.from_dict(data)

                return chunks_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseChunksType0 | None | Unset, data)

        chunks = _parse_chunks(d.pop("chunks", UNSET))

        def _parse_json(data: object) -> MarkerFinalResponseJsonType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                json_type_0 = MarkerFinalResponseJsonType0.from_dict(data)

                return json_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseJsonType0 | None | Unset, data)

        json = _parse_json(d.pop("json", UNSET))

        def _parse_markdown(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        markdown = _parse_markdown(d.pop("markdown", UNSET))

        def _parse_html(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        html = _parse_html(d.pop("html", UNSET))

        def _parse_extraction_schema_json(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        extraction_schema_json = _parse_extraction_schema_json(d.pop("extraction_schema_json", UNSET))

        def _parse_extraction_score_average(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        extraction_score_average = _parse_extraction_score_average(d.pop("extraction_score_average", UNSET))

        def _parse_extraction_mode(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        extraction_mode = _parse_extraction_mode(d.pop("extraction_mode", UNSET))

        def _parse_segmentation_results(data: object) -> MarkerFinalResponseSegmentationResultsType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                segmentation_results_type_0 = MarkerFinalResponseSegmentationResultsType0.from_dict(data)

                return segmentation_results_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseSegmentationResultsType0 | None | Unset, data)

        segmentation_results = _parse_segmentation_results(d.pop("segmentation_results", UNSET))

        def _parse_segmentation_schema(data: object) -> Any | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Any | None | Unset, data)

        segmentation_schema = _parse_segmentation_schema(d.pop("segmentation_schema", UNSET))

        def _parse_images(data: object) -> MarkerFinalResponseImagesType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                images_type_0 = MarkerFinalResponseImagesType0.from_dict(data)

                return images_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseImagesType0 | None | Unset, data)

        images = _parse_images(d.pop("images", UNSET))

        def _parse_metadata(data: object) -> MarkerFinalResponseMetadataType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metadata_type_0 = MarkerFinalResponseMetadataType0.from_dict(data)

                return metadata_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseMetadataType0 | None | Unset, data)

        metadata = _parse_metadata(d.pop("metadata", UNSET))

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

        def _parse_parse_quality_score(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        parse_quality_score = _parse_parse_quality_score(d.pop("parse_quality_score", UNSET))

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

        def _parse_cost_breakdown(data: object) -> MarkerFinalResponseCostBreakdownType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                cost_breakdown_type_0 = MarkerFinalResponseCostBreakdownType0.from_dict(data)

                return cost_breakdown_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseCostBreakdownType0 | None | Unset, data)

        cost_breakdown = _parse_cost_breakdown(d.pop("cost_breakdown", UNSET))

        def _parse_runtime(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        runtime = _parse_runtime(d.pop("runtime", UNSET))

        def _parse_checkpoint_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        checkpoint_id = _parse_checkpoint_id(d.pop("checkpoint_id", UNSET))

        def _parse_versions(data: object) -> MarkerFinalResponseVersionsType0 | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                versions_type_0 = MarkerFinalResponseVersionsType0.from_dict(data)

                return versions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseVersionsType0 | None | str | Unset, data)

        versions = _parse_versions(d.pop("versions", UNSET))

        def _parse_evaluation(data: object) -> MarkerFinalResponseEvaluationType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                evaluation_type_0 = MarkerFinalResponseEvaluationType0.from_dict(data)

                return evaluation_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarkerFinalResponseEvaluationType0 | None | Unset, data)

        evaluation = _parse_evaluation(d.pop("evaluation", UNSET))

        marker_final_response = cls(
            status=status,
            result_url=result_url,
            expires_in=expires_in,
            output_format=output_format,
            chunks=chunks,
            json=json,
            markdown=markdown,
            html=html,
            extraction_schema_json=extraction_schema_json,
            extraction_score_average=extraction_score_average,
            extraction_mode=extraction_mode,
            segmentation_results=segmentation_results,
            segmentation_schema=segmentation_schema,
            images=images,
            metadata=metadata,
            success=success,
            error=error,
            parse_quality_score=parse_quality_score,
            page_count=page_count,
            total_cost=total_cost,
            cost_breakdown=cost_breakdown,
            runtime=runtime,
            checkpoint_id=checkpoint_id,
            versions=versions,
            evaluation=evaluation,
        )

        marker_final_response.additional_properties = d
        return marker_final_response

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
