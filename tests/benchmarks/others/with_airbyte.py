"""The invoices of the benchmarks' server read into DuckDB by PyAirbyte, from a declared source.

with_airbyte.py read URL FILE SIZE place|number
with_airbyte.py rows FILE
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

START = "2026-01-01T00:00:00.000Z"
STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


def read(url: str, path: str, size: str, way: str) -> None:
    """Read what changed since the last time."""
    os.environ |= {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1"}
    os.environ["AIRBYTE_PROJECT_DIR"] = str(Path(path).parent)
    os.environ["AIRBYTE_LOGGING_ROOT"] = str(Path(path).parent / "logs")
    import airbyte
    from airbyte.caches import DuckDBCache

    source = airbyte.get_source("source-bench", config={}, source_manifest=_source(url, size, way))
    source.select_all_streams()
    source.read(cache=DuckDBCache(db_path=f"{path}.duck", schema_name="bench"))


def _source(url: str, size: str, way: str) -> dict[str, Any]:
    """The manifest of a low-code source of one stream."""
    parameters = {"size": size}
    if way == "number":
        parameters["page"] = "{{ next_page_token['next_page_token'] if next_page_token else 1 }}"
        pages: dict[str, Any] = {
            "type": "PageIncrement",
            "start_from_page": 1,
            "page_size": int(size),
        }
    else:
        place = "next_page_token['next_page_token'].split(' ')"
        since = "stream_interval['start_time']"
        parameters["after"] = f"{{{{ {place}[0] if next_page_token else {since} }}}}"
        parameters["id"] = f"{{{{ {place}[1] if next_page_token else '' }}}}"
        pages = {
            "type": "CursorPagination",
            "cursor_value": "{{ last_record['updated'] }} {{ last_record['id'] }}",
            "stop_condition": "{{ not response['more'] }}",
        }
    cursor: dict[str, Any] = {
        "type": "DatetimeBasedCursor",
        "cursor_field": "updated",
        "datetime_format": STAMP,
        "cursor_datetime_formats": [STAMP],
        "start_datetime": {"type": "MinMaxDatetime", "datetime": START, "datetime_format": STAMP},
    }
    if way == "number":
        cursor["start_time_option"] = {
            "type": "RequestOption",
            "inject_into": "request_parameter",
            "field_name": "since",
        }
    stream = {
        "type": "DeclarativeStream",
        "name": "invoices",
        "primary_key": ["id"],
        "incremental_sync": cursor,
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester",
                "url_base": url,
                "path": "/invoices",
                "http_method": "GET",
                "request_parameters": parameters,
            },
            "paginator": {"type": "DefaultPaginator", "pagination_strategy": pages},
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": ["invoices"]},
            },
        },
        "schema_loader": {
            "type": "InlineSchemaLoader",
            "schema": {
                "type": "object",
                "additionalProperties": True,
                "properties": {
                    **{name: {"type": ["null", "string"]} for name in TEXTS},
                    **{name: {"type": ["null", "number"]} for name in NUMBERS},
                },
            },
        },
    }
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["invoices"]},
        "streams": [stream],
        "spec": {
            "type": "Spec",
            "connection_specification": {"type": "object", "properties": {}},
        },
    }


TEXTS = (
    "id",
    "number",
    "type",
    "status",
    "currency",
    "issued_on",
    "due_on",
    "reference",
    "updated",
)
NUMBERS = ("net", "tax", "total", "due", "paid")


def rows(path: str) -> None:
    """Print every row of the table as [id, cents]."""
    import duckdb

    found: list[Any] = []
    with duckdb.connect(f"{path}.duck") as connection:
        wanted = "SELECT 1 FROM information_schema.tables WHERE table_name = 'invoices'"
        if connection.execute(wanted).fetchone():
            found = connection.execute("SELECT id, due FROM bench.invoices").fetchall()
    print(json.dumps([[name, round(due * 100)] for name, due in found]))


if __name__ == "__main__":
    {"read": read, "rows": rows}[sys.argv[1]](*sys.argv[2:])
