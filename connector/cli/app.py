"""The root of the command line, and the options that its commands share."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="relance",
    help="Payment reminders beside your accounting software.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
policy = typer.Typer(help="Check and show reminder policies.", rich_markup_mode=None)
outbox = typer.Typer(
    help="What is on its way, and what became of it.",
    rich_markup_mode=None,
    invoke_without_command=True,
)
app.add_typer(policy, name="policy")
texts = typer.Typer(
    help="Your texts: their versions, reviews and notes.",
    rich_markup_mode=None,
    invoke_without_command=True,
)
app.add_typer(outbox, name="outbox")
app.add_typer(texts, name="texts")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="A config.env, or a folder with one a firm."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
KeysArgument = Annotated[list[str], typer.Argument(metavar="KEY...", help="Keys, or their start.")]
About = Annotated[str, typer.Argument(metavar="INVOICE|CUSTOMER")]
Because = Annotated[str, typer.Option("--because", help="The reason, kept with the decision.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"relance {version('relance')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    config: ConfigOption = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Payment reminders beside your accounting software."""
    context.obj = config


def chosen(context: typer.Context, config: Path | None) -> Path | None:
    """`--config` may stand before or after the command; after wins."""
    root = context.find_root().obj
    return config or (root if isinstance(root, Path) else None)
