"""Kinds of parameters that commands share."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from pipeline.app.context import Context

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
"""Off unless it is given; there is no `--no-…`."""

Given = Annotated[Context, Parameter(parse=False)]
"""The global options, handed over by the application."""
