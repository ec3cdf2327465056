"""The one door to ClickHouse: schema, migrations, writes, and reads at a cut."""
