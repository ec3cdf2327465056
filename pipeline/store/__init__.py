"""The one door to ClickHouse: schema, migrations, writes, and reads at a cut."""

from pipeline.store.connect import open_store
from pipeline.store.dsn import parse_dsn
from pipeline.store.errors import DsnError, QueryError, SchemaError, StoreError
from pipeline.store.store import Store

__all__ = ["DsnError", "QueryError", "SchemaError", "Store", "StoreError", "open_store", "parse_dsn"]
