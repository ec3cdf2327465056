"""The cyclopts application: every command of the catalogue by name, and the global options around it."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from pipeline.app import catalogue
from pipeline.app.context import Context

_STYLE: dict[str, Any] = {"help_format": "plaintext", "result_action": "return_value"}
_GLOBAL = Group("Global options", sort_key=99)
_DOES = {option.name: option.does for option in catalogue.GLOBAL_OPTIONS}


def _option(name: str) -> Parameter:
    return Parameter(name=name, help=_DOES[name], group=_GLOBAL, negative="", show_default=False)


def build_app() -> App:
    """A new application; a command's module is imported when that command is called, or asked for its help."""
    app = App(name="prebill", help=catalogue.PURPOSE, version=catalogue.version, **_STYLE)
    for command in catalogue.COMMANDS:
        app.command(command.function, name=command.name)

    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        config: Annotated[str | None, _option("--config")] = None,
        store: Annotated[str | None, _option("--store")] = None,
        now: Annotated[str | None, _option("--now")] = None,
        verbose: Annotated[bool, _option("--verbose")] = False,
    ) -> int | None:
        context = Context(config_path=config, store_dsn=store, now_text=now, verbose=verbose)
        _ = context.fixed_now  # a wrong --now is told before anything is done
        command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
        extra = {name: context for name, kind in ignored.items() if kind is Context}
        result: int | None = command(*bound.args, **bound.kwargs, **extra)
        return result

    app.meta.default(launch)
    return app
