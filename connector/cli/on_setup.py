"""The arguments of the commands that set Relance up and look whether all is well."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from connector.cli.app import ConfigOption, JsonOption, app, chosen

INTERRUPTED = 130  # the shell's own code for Ctrl-C


class Keeper(StrEnum):
    """Where a secret can be kept."""

    KEYRING = "keyring"
    FILE = "file"


SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting; a secret by reference only."),
]
SecretsOption = Annotated[Keeper | None, typer.Option("--secrets", help="Where secrets are kept.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Ask nothing: take the defaults, agree.")]


def _uninterrupted(work: Callable[[], int]) -> int:
    """The work's exit code, or 130 where the person ends it at a question."""
    try:
        return work()
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("\nStopped. Nothing was written.", err=True)
        return INTERRUPTED


@app.command()
def init(
    context: typer.Context,
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help="The accounting software.")
    ] = "",
    given: SetOption = None,
    secrets: SecretsOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the file there is, keeping a copy.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Go on in the place of another installation.")
    ] = False,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a configuration: asks, tries the connection, checks the rights, writes the file."""
    from connector.cli import interview, renewing

    file = chosen(context, config)
    if take_over:
        work = lambda: renewing.take_place(file, not yes, yes)  # noqa: E731
    else:
        work = lambda: interview.init(  # noqa: E731
            file, provider, given or [], secrets or "", replace, not yes
        )
    raise typer.Exit(_uninterrupted(work))


@app.command()
def connect(
    context: typer.Context,
    given: SetOption = None,
    secrets: SecretsOption = None,
    config: ConfigOption = None,
) -> None:
    """Sign in again: ask for the secrets of a configuration, try them, keep them."""
    from connector.cli import renewing

    file, keeper = chosen(context, config), secrets or ""
    raise typer.Exit(_uninterrupted(lambda: renewing.connect(file, given or [], keeper)))


@app.command()
def doctor(context: typer.Context, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Look whether everything Relance needs is in order; changes nothing."""
    from connector.cli import health

    raise typer.Exit(health.doctor(chosen(context, config), json))
