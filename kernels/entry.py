"""The kernels that Python calls, by name; none is compiled or loaded before its first call."""

from __future__ import annotations

from kernels.native import Kernel

scan_delimited = Kernel("kernels.delimited:scan_delimited", 6)
scan_ndjson = Kernel("kernels.ndjson:scan_ndjson", 6)
exact_line = Kernel("kernels.exact:exact_line", 6)
exact_json_line = Kernel("kernels.json_template:exact_json_line", 6)
add_name = Kernel("kernels.tables:add_name", 4)
adopt_names = Kernel("kernels.tables:adopt_names", 7)
list_groups = Kernel("kernels.tables:list_groups", 7)
index_groups = Kernel("kernels.tables:index_groups", 5)
grow_names = Kernel("kernels.tables:grow_names", 4)
grow_seen = Kernel("kernels.sequence:grow_seen", 4)
sort_rows = Kernel("kernels.merge:sort_rows", 7)
gather_rows = Kernel("kernels.merge:gather_rows", 10)
mark_minutes = Kernel("kernels.coverage:mark_minutes", 8)
settle_minutes = Kernel("kernels.coverage:settle_minutes", 6)
find_runs = Kernel("kernels.coverage:find_runs", 6)
join_segments = Kernel("kernels.sequence_holes:join_segments", 11)
order_by_minute = Kernel("kernels.sequence_holes:order_by_minute", 6)
number_countings = Kernel("kernels.sequence_holes:number_countings", 3)
find_holes = Kernel("kernels.sequence_holes:find_holes", 4)
count_repeats = Kernel("kernels.repeats:count_repeats", 8)
rate_book = Kernel("kernels.book_rates:rate_book", 12)
fill_winners = Kernel("kernels.book_usage:fill_winners", 4)
mark_winners = Kernel("kernels.book_usage:mark_winners", 6)
add_rows = Kernel("kernels.book_usage:add_rows", 11)
pool_rows = Kernel("kernels.book_usage:pool_rows", 10)
add_facts = Kernel("kernels.meter:add_facts", 11)
list_cells = Kernel("kernels.meter:list_cells", 5)
sum_minutes = Kernel("kernels.meter:sum_minutes", 8)
pool_samples = Kernel("kernels.meter:pool_samples", 7)
select_ranks = Kernel("kernels.percentile:select_ranks", 8)
select_ranks_32 = Kernel("kernels.percentile:select_ranks_32", 8)

ALL = tuple(kernel for kernel in list(globals().values()) if isinstance(kernel, Kernel))
