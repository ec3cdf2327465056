"""`prebill sql`: a read-only query of the store."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from pipeline.app.context import Context


def sql(
    query: str,
    /,
    *,
    json: Annotated[bool, Parameter(negative="")] = False,
    context: Here,
) -> int:
    """Query the store, read-only.

    Parameters
    ----------
    query
        ClickHouse SQL, for instance: SELECT resource, sum(bytes_sent) FROM usage GROUP BY 1.
    json
        One JSON array of rows on standard output.
    """
    print(query, json, context)
    return 0
