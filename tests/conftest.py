"""What all tests share: examples that hypothesis draws have no deadline, since other processes use the machine too;
there is one process more than cores; and a process may open many files, for each store once opened keeps fifteen."""

from __future__ import annotations

import faulthandler
import resource
from collections.abc import Generator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import settings

settings.register_profile("prebill", deadline=None)
settings.load_profile("prebill")


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """For `-n auto`: what waits for disks, for peers and for its own timeouts leaves a core to the one more."""
    return (yield) + 1


NIGHTLY_S = 3600.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A long run is not taken for one that hangs as soon as any other: `faulthandler_timeout` would end it."""
    if item.get_closest_marker("nightly") is not None:
        stderr = item.config.stash[fault_handler_stderr_fd_key]
        faulthandler.dump_traceback_later(NIGHTLY_S, file=stderr, exit=True)
    return (yield)


OPEN_FILES = 16_384
"""Without a bound there would be programs, started by tests, that close every number up to a thousand million."""

_now, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = OPEN_FILES if _most == resource.RLIM_INFINITY else min(OPEN_FILES, _most)
if _now != resource.RLIM_INFINITY and _now < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _most))
