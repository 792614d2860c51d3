from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types
from ..types import UNSET, File, FileTypes, Unset

T = TypeVar("T", bound="BodyConvertApiV1ConvertPost")


@_attrs_define
class BodyConvertApiV1ConvertPost:
    """
    Attributes:
        file_url (None | str | Unset): Optional file URL (http/https). If provided, the server will download and process
            it.
        mode (str | Unset): Which output mode to use. Valid values: 'fast' (lowest latency), 'balanced' (balanced
            accuracy and latency), 'accurate' (highest accuracy). Default: 'fast'.
        max_pages (int | None | Unset): The maximum number of pages in the document to convert.
        page_range (None | str | Unset): The page range to convert, comma separated like 0,5-10,20. Overrides max_pages
            if provided.
        paginate (bool | Unset): Whether to paginate the output. Each page will be separated by a horizontal rule with
            the page number. Default: False.
        add_block_ids (bool | Unset): Add data-block-id attributes to HTML elements for citation tracking. Default:
            False.
        include_markdown_in_chunks (bool | Unset):  Default: False.
        disable_image_extraction (bool | Unset):  Default: False.
        disable_image_captions (bool | Unset):  Default: False.
        fence_synthetic_captions (bool | Unset):  Default: False.
        output_format (None | str | Unset): json, html, markdown, chunks; comma separate multiple formats. Defaults to
            markdown.
        token_efficient_markdown (bool | Unset):  Default: False.
        skip_cache (bool | Unset):  Default: False.
        save_checkpoint (bool | Unset):  Default: False.
        additional_config (None | str | Unset): JSON string. Keys seen: keep_spreadsheet_formatting,
            keep_pageheader_in_output, keep_pagefooter_in_output.
        workflowstepdata_id (int | None | Unset): Optional workflow step data ID to associate with this request.
        extras (None | str | Unset): Comma-separated: track_changes, chart_understanding, extract_links,
            table_cell_bboxes, list_item_bboxes, infographic, new_block_types (table_row_bboxes deprecated;
            extract_bookmarks seen in obsidian-marker).
        webhook_url (None | str | Unset): Optional webhook URL to call when the request is complete.
        force_new (bool | Unset): Internal. Default: False.
        model_override_settings (None | str | Unset):
        eval_rubric_id (int | None | Unset):
        word_bboxes (bool | Unset):  Default: False.
        processing_location (None | str | Unset): Optional residency region override (e.g. us, eu). When provided, use
            file_url or direct-upload; multipart uploads are rejected. When omitted, the request uses the team's configured
            residency and profile.
        merge_cross_page (bool | Unset):  Default: False.
        disable_html_prettify (bool | Unset):  Default: False.
        file (File | None | Unset): Input PDF, word document, powerpoint, or image file, uploaded as multipart form
            data. Images must be png, jpg, or webp format.
    """

    file_url: None | str | Unset = UNSET
    mode: str | Unset = "fast"
    max_pages: int | None | Unset = UNSET
    page_range: None | str | Unset = UNSET
    paginate: bool | Unset = False
    add_block_ids: bool | Unset = False
    include_markdown_in_chunks: bool | Unset = False
    disable_image_extraction: bool | Unset = False
    disable_image_captions: bool | Unset = False
    fence_synthetic_captions: bool | Unset = False
    output_format: None | str | Unset = UNSET
    token_efficient_markdown: bool | Unset = False
    skip_cache: bool | Unset = False
    save_checkpoint: bool | Unset = False
    additional_config: None | str | Unset = UNSET
    workflowstepdata_id: int | None | Unset = UNSET
    extras: None | str | Unset = UNSET
    webhook_url: None | str | Unset = UNSET
    force_new: bool | Unset = False
    model_override_settings: None | str | Unset = UNSET
    eval_rubric_id: int | None | Unset = UNSET
    word_bboxes: bool | Unset = False
    processing_location: None | str | Unset = UNSET
    merge_cross_page: bool | Unset = False
    disable_html_prettify: bool | Unset = False
    file: File | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        file_url: None | str | Unset
        if isinstance(self.file_url, Unset):
            file_url = UNSET
        else:
            file_url = self.file_url

        mode = self.mode

        max_pages: int | None | Unset
        if isinstance(self.max_pages, Unset):
            max_pages = UNSET
        else:
            max_pages = self.max_pages

        page_range: None | str | Unset
        if isinstance(self.page_range, Unset):
            page_range = UNSET
        else:
            page_range = self.page_range

        paginate = self.paginate

        add_block_ids = self.add_block_ids

        include_markdown_in_chunks = self.include_markdown_in_chunks

        disable_image_extraction = self.disable_image_extraction

        disable_image_captions = self.disable_image_captions

        fence_synthetic_captions = self.fence_synthetic_captions

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        else:
            output_format = self.output_format

        token_efficient_markdown = self.token_efficient_markdown

        skip_cache = self.skip_cache

        save_checkpoint = self.save_checkpoint

        additional_config: None | str | Unset
        if isinstance(self.additional_config, Unset):
            additional_config = UNSET
        else:
            additional_config = self.additional_config

        workflowstepdata_id: int | None | Unset
        if isinstance(self.workflowstepdata_id, Unset):
            workflowstepdata_id = UNSET
        else:
            workflowstepdata_id = self.workflowstepdata_id

        extras: None | str | Unset
        if isinstance(self.extras, Unset):
            extras = UNSET
        else:
            extras = self.extras

        webhook_url: None | str | Unset
        if isinstance(self.webhook_url, Unset):
            webhook_url = UNSET
        else:
            webhook_url = self.webhook_url

        force_new = self.force_new

        model_override_settings: None | str | Unset
        if isinstance(self.model_override_settings, Unset):
            model_override_settings = UNSET
        else:
            model_override_settings = self.model_override_settings

        eval_rubric_id: int | None | Unset
        if isinstance(self.eval_rubric_id, Unset):
            eval_rubric_id = UNSET
        else:
            eval_rubric_id = self.eval_rubric_id

        word_bboxes = self.word_bboxes

        processing_location: None | str | Unset
        if isinstance(self.processing_location, Unset):
            processing_location = UNSET
        else:
            processing_location = self.processing_location

        merge_cross_page = self.merge_cross_page

        disable_html_prettify = self.disable_html_prettify

        file: FileTypes | None | Unset
        if isinstance(self.file, Unset):
            file = UNSET
        elif isinstance(self.file, File):
            file = self.file.to_tuple()

        else:
            file = self.file

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if file_url is not UNSET:
            field_dict["file_url"] = file_url
        if mode is not UNSET:
            field_dict["mode"] = mode
        if max_pages is not UNSET:
            field_dict["max_pages"] = max_pages
        if page_range is not UNSET:
            field_dict["page_range"] = page_range
        if paginate is not UNSET:
            field_dict["paginate"] = paginate
        if add_block_ids is not UNSET:
            field_dict["add_block_ids"] = add_block_ids
        if include_markdown_in_chunks is not UNSET:
            field_dict["include_markdown_in_chunks"] = include_markdown_in_chunks
        if disable_image_extraction is not UNSET:
            field_dict["disable_image_extraction"] = disable_image_extraction
        if disable_image_captions is not UNSET:
            field_dict["disable_image_captions"] = disable_image_captions
        if fence_synthetic_captions is not UNSET:
            field_dict["fence_synthetic_captions"] = fence_synthetic_captions
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if token_efficient_markdown is not UNSET:
            field_dict["token_efficient_markdown"] = token_efficient_markdown
        if skip_cache is not UNSET:
            field_dict["skip_cache"] = skip_cache
        if save_checkpoint is not UNSET:
            field_dict["save_checkpoint"] = save_checkpoint
        if additional_config is not UNSET:
            field_dict["additional_config"] = additional_config
        if workflowstepdata_id is not UNSET:
            field_dict["workflowstepdata_id"] = workflowstepdata_id
        if extras is not UNSET:
            field_dict["extras"] = extras
        if webhook_url is not UNSET:
            field_dict["webhook_url"] = webhook_url
        if force_new is not UNSET:
            field_dict["force_new"] = force_new
        if model_override_settings is not UNSET:
            field_dict["model_override_settings"] = model_override_settings
        if eval_rubric_id is not UNSET:
            field_dict["eval_rubric_id"] = eval_rubric_id
        if word_bboxes is not UNSET:
            field_dict["word_bboxes"] = word_bboxes
        if processing_location is not UNSET:
            field_dict["processing_location"] = processing_location
        if merge_cross_page is not UNSET:
            field_dict["merge_cross_page"] = merge_cross_page
        if disable_html_prettify is not UNSET:
            field_dict["disable_html_prettify"] = disable_html_prettify
        if file is not UNSET:
            field_dict["file"] = file

        return field_dict

    def to_multipart(self) -> types.RequestFiles:
        files: types.RequestFiles = []

        if not isinstance(self.file_url, Unset):
            if isinstance(self.file_url, str):
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))
            else:
                files.append(("file_url", (None, str(self.file_url).encode(), "text/plain")))

        if not isinstance(self.mode, Unset):
            files.append(("mode", (None, str(self.mode).encode(), "text/plain")))

        if not isinstance(self.max_pages, Unset):
            if isinstance(self.max_pages, int):
                files.append(("max_pages", (None, str(self.max_pages).encode(), "text/plain")))
            else:
                files.append(("max_pages", (None, str(self.max_pages).encode(), "text/plain")))

        if not isinstance(self.page_range, Unset):
            if isinstance(self.page_range, str):
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))
            else:
                files.append(("page_range", (None, str(self.page_range).encode(), "text/plain")))

        if not isinstance(self.paginate, Unset):
            files.append(("paginate", (None, str(self.paginate).encode(), "text/plain")))

        if not isinstance(self.add_block_ids, Unset):
            files.append(("add_block_ids", (None, str(self.add_block_ids).encode(), "text/plain")))

        if not isinstance(self.include_markdown_in_chunks, Unset):
            files.append(
                ("include_markdown_in_chunks", (None, str(self.include_markdown_in_chunks).encode(), "text/plain"))
            )

        if not isinstance(self.disable_image_extraction, Unset):
            files.append(
                ("disable_image_extraction", (None, str(self.disable_image_extraction).encode(), "text/plain"))
            )

        if not isinstance(self.disable_image_captions, Unset):
            files.append(("disable_image_captions", (None, str(self.disable_image_captions).encode(), "text/plain")))

        if not isinstance(self.fence_synthetic_captions, Unset):
            files.append(
                ("fence_synthetic_captions", (None, str(self.fence_synthetic_captions).encode(), "text/plain"))
            )

        if not isinstance(self.output_format, Unset):
            if isinstance(self.output_format, str):
                files.append(("output_format", (None, str(self.output_format).encode(), "text/plain")))
            else:
                files.append(("output_format", (None, str(self.output_format).encode(), "text/plain")))

        if not isinstance(self.token_efficient_markdown, Unset):
            files.append(
                ("token_efficient_markdown", (None, str(self.token_efficient_markdown).encode(), "text/plain"))
            )

        if not isinstance(self.skip_cache, Unset):
            files.append(("skip_cache", (None, str(self.skip_cache).encode(), "text/plain")))

        if not isinstance(self.save_checkpoint, Unset):
            files.append(("save_checkpoint", (None, str(self.save_checkpoint).encode(), "text/plain")))

        if not isinstance(self.additional_config, Unset):
            if isinstance(self.additional_config, str):
                files.append(("additional_config", (None, str(self.additional_config).encode(), "text/plain")))
            else:
                files.append(("additional_config", (None, str(self.additional_config).encode(), "text/plain")))

        if not isinstance(self.workflowstepdata_id, Unset):
            if isinstance(self.workflowstepdata_id, int):
                files.append(("workflowstepdata_id", (None, str(self.workflowstepdata_id).encode(), "text/plain")))
            else:
                files.append(("workflowstepdata_id", (None, str(self.workflowstepdata_id).encode(), "text/plain")))

        if not isinstance(self.extras, Unset):
            if isinstance(self.extras, str):
                files.append(("extras", (None, str(self.extras).encode(), "text/plain")))
            else:
                files.append(("extras", (None, str(self.extras).encode(), "text/plain")))

        if not isinstance(self.webhook_url, Unset):
            if isinstance(self.webhook_url, str):
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))
            else:
                files.append(("webhook_url", (None, str(self.webhook_url).encode(), "text/plain")))

        if not isinstance(self.force_new, Unset):
            files.append(("force_new", (None, str(self.force_new).encode(), "text/plain")))

        if not isinstance(self.model_override_settings, Unset):
            if isinstance(self.model_override_settings, str):
                files.append(
                    ("model_override_settings", (None, str(self.model_override_settings).encode(), "text/plain"))
                )
            else:
                files.append(
                    ("model_override_settings", (None, str(self.model_override_settings).encode(), "text/plain"))
                )

        if not isinstance(self.eval_rubric_id, Unset):
            if isinstance(self.eval_rubric_id, int):
                files.append(("eval_rubric_id", (None, str(self.eval_rubric_id).encode(), "text/plain")))
            else:
                files.append(("eval_rubric_id", (None, str(self.eval_rubric_id).encode(), "text/plain")))

        if not isinstance(self.word_bboxes, Unset):
            files.append(("word_bboxes", (None, str(self.word_bboxes).encode(), "text/plain")))

        if not isinstance(self.processing_location, Unset):
            if isinstance(self.processing_location, str):
                files.append(("processing_location", (None, str(self.processing_location).encode(), "text/plain")))
            else:
                files.append(("processing_location", (None, str(self.processing_location).encode(), "text/plain")))

        if not isinstance(self.merge_cross_page, Unset):
            files.append(("merge_cross_page", (None, str(self.merge_cross_page).encode(), "text/plain")))

        if not isinstance(self.disable_html_prettify, Unset):
            files.append(("disable_html_prettify", (None, str(self.disable_html_prettify).encode(), "text/plain")))

        if not isinstance(self.file, Unset):
            if isinstance(self.file, File):
                files.append(("file", self.file.to_tuple()))
            else:
                files.append(("file", (None, str(self.file).encode(), "text/plain")))

        for prop_name, prop in self.additional_properties.items():
            files.append((prop_name, (None, str(prop).encode(), "text/plain")))

        return files

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_file_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        file_url = _parse_file_url(d.pop("file_url", UNSET))

        mode = d.pop("mode", UNSET)

        def _parse_max_pages(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        max_pages = _parse_max_pages(d.pop("max_pages", UNSET))

        def _parse_page_range(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        page_range = _parse_page_range(d.pop("page_range", UNSET))

        paginate = d.pop("paginate", UNSET)

        add_block_ids = d.pop("add_block_ids", UNSET)

        include_markdown_in_chunks = d.pop("include_markdown_in_chunks", UNSET)

        disable_image_extraction = d.pop("disable_image_extraction", UNSET)

        disable_image_captions = d.pop("disable_image_captions", UNSET)

        fence_synthetic_captions = d.pop("fence_synthetic_captions", UNSET)

        def _parse_output_format(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        token_efficient_markdown = d.pop("token_efficient_markdown", UNSET)

        skip_cache = d.pop("skip_cache", UNSET)

        save_checkpoint = d.pop("save_checkpoint", UNSET)

        def _parse_additional_config(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        additional_config = _parse_additional_config(d.pop("additional_config", UNSET))

        def _parse_workflowstepdata_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        workflowstepdata_id = _parse_workflowstepdata_id(d.pop("workflowstepdata_id", UNSET))

        def _parse_extras(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        extras = _parse_extras(d.pop("extras", UNSET))

        def _parse_webhook_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook_url = _parse_webhook_url(d.pop("webhook_url", UNSET))

        force_new = d.pop("force_new", UNSET)

        def _parse_model_override_settings(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model_override_settings = _parse_model_override_settings(d.pop("model_override_settings", UNSET))

        def _parse_eval_rubric_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        eval_rubric_id = _parse_eval_rubric_id(d.pop("eval_rubric_id", UNSET))

        word_bboxes = d.pop("word_bboxes", UNSET)

        def _parse_processing_location(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        processing_location = _parse_processing_location(d.pop("processing_location", UNSET))

        merge_cross_page = d.pop("merge_cross_page", UNSET)

        disable_html_prettify = d.pop("disable_html_prettify", UNSET)

        def _parse_file(data: object) -> File | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, bytes):
                    raise TypeError()
                file_type_0 = File(payload=BytesIO(data))

                return file_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(File | None | Unset, data)

        file = _parse_file(d.pop("file", UNSET))

        body_convert_api_v1_convert_post = cls(
            file_url=file_url,
            mode=mode,
            max_pages=max_pages,
            page_range=page_range,
            paginate=paginate,
            add_block_ids=add_block_ids,
            include_markdown_in_chunks=include_markdown_in_chunks,
            disable_image_extraction=disable_image_extraction,
            disable_image_captions=disable_image_captions,
            fence_synthetic_captions=fence_synthetic_captions,
            output_format=output_format,
            token_efficient_markdown=token_efficient_markdown,
            skip_cache=skip_cache,
            save_checkpoint=save_checkpoint,
            additional_config=additional_config,
            workflowstepdata_id=workflowstepdata_id,
            extras=extras,
            webhook_url=webhook_url,
            force_new=force_new,
            model_override_settings=model_override_settings,
            eval_rubric_id=eval_rubric_id,
            word_bboxes=word_bboxes,
            processing_location=processing_location,
            merge_cross_page=merge_cross_page,
            disable_html_prettify=disable_html_prettify,
            file=file,
        )

        body_convert_api_v1_convert_post.additional_properties = d
        return body_convert_api_v1_convert_post

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
