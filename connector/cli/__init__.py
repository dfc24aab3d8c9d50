"""The command line: arguments, output and exit codes. No decision is made here.

Nothing heavy is imported until a command needs it: `relance --help` must be instant.
"""

import sys
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
app.add_typer(outbox, name="outbox")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="A config.env, or a folder with one a firm."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
KeysArgument = Annotated[list[str], typer.Argument(metavar="KEY...", help="Keys, or their start.")]
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


def _chosen(context: typer.Context, config: Path | None) -> Path | None:
    """`--config` may stand before or after the command; after wins."""
    root = context.find_root().obj
    return config or (root if isinstance(root, Path) else None)


@app.command()
def sync(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; change nothing.")
    ] = False,
    plan_out: Annotated[
        Path | None, typer.Option("--plan-out", metavar="FILE", help="Save the plan as JSON.")
    ] = None,
    today: Annotated[
        str, typer.Option("--today", metavar="DATE", help="Another day; only with --dry-run.")
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read the books, decide, write down what is to be sent, and send what may go."""
    from connector.cli import commands

    raise typer.Exit(
        commands.sync(
            _chosen(context, config),
            dry_run=dry_run,
            plan_out=plan_out,
            today=today,
            as_json=json,
            quiet=quiet or json,
        )
    )


@app.command()
def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Send what of a saved plan still holds; this counts as your approval of it."""
    from connector.cli import commands

    raise typer.Exit(commands.apply(_chosen(context, config), file, json, quiet or json))


@app.command()
def run(context: typer.Context, config: ConfigOption = None) -> None:
    """Run as a service: sync every so often, until it is told to stop."""
    from connector.cli import commands

    raise typer.Exit(commands.run(_chosen(context, config)))


@app.command()
def why(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="INVOICE|CUSTOMER")],
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say why an invoice is, or is not, written about today, and what comes next."""
    from connector.cli import commands

    raise typer.Exit(commands.why(_chosen(context, config), what, json, quiet or json))


@app.command()
def preview(
    context: typer.Context,
    invoice: Annotated[str, typer.Argument(metavar="INVOICE")],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the HTML part here.")
    ] = None,
    config: ConfigOption = None,
    quiet: QuietOption = False,
) -> None:
    """Show the message that speaks of an invoice today."""
    from connector.cli import commands

    raise typer.Exit(commands.preview(_chosen(context, config), invoice, html, quiet))


@app.command()
def review(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="Show this one whole.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List the proposals that wait for your approval, or show one of them."""
    from connector.cli import boxes

    raise typer.Exit(boxes.review(_chosen(context, config), key, json))


@app.command()
def approve(
    context: typer.Context,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY...", help="Keys, or their start.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let proposals go with the next sync, after a last look at the books."""
    from connector.cli import boxes

    raise typer.Exit(boxes.approve(_chosen(context, config), keys or [], all_))


@app.command()
def edit(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY")],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Take the text from here.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Change the text of a proposal in your editor; what you save is what goes out."""
    from connector.cli import boxes

    raise typer.Exit(boxes.edit(_chosen(context, config), key, file))


@app.command()
def reject(
    context: typer.Context, keys: KeysArgument, because: Because, config: ConfigOption = None
) -> None:
    """Pass over this step for these lines; the ladder goes on with the next one."""
    from connector.cli import boxes

    raise typer.Exit(boxes.reject(_chosen(context, config), keys, because))


@app.command()
def status(context: typer.Context, config: ConfigOption = None, json: JsonOption = False) -> None:
    """The last runs, what waits, and what a person must see to."""
    from connector.cli import boxes

    raise typer.Exit(boxes.status(_chosen(context, config), json))


@app.command()
def providers(json: JsonOption = False) -> None:
    """The accounting software that Relance knows, and what each lets it do."""
    from connector.cli import commands

    raise typer.Exit(commands.providers(json))


@outbox.callback()
def _outbox(context: typer.Context, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List what is on its way, unknown or refused."""
    if context.invoked_subcommand is None:
        from connector.cli import boxes

        raise typer.Exit(boxes.listing(_chosen(context, config), json))


@outbox.command()
def resolve(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY")],
    outcome: Annotated[str, typer.Argument(metavar="sent|not-sent")],
    config: ConfigOption = None,
) -> None:
    """Say what became of a reminder whose outcome nobody knows."""
    from connector.cli import boxes

    raise typer.Exit(boxes.resolve(_chosen(context, config), key, outcome))


@policy.command()
def check(context: typer.Context, config: ConfigOption = None) -> None:
    """Check the firm's policy and texts, and tell every problem at once."""
    from connector.cli import commands

    raise typer.Exit(commands.policy_check(_chosen(context, config)))


@policy.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[POLICY]")] = "",
    config: ConfigOption = None,
) -> None:
    """Show the steps of the firm's policy, or of a ready-made one."""
    from connector.cli import commands

    raise typer.Exit(commands.policy_show(_chosen(context, config), name))


def main() -> None:
    """The `relance` command; every deliberate error becomes a few lines and an exit code."""
    from connector.errors import ConnectorError

    try:
        app()
    except ConnectorError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of a pipe had enough
        sys.stderr.close()
        sys.exit(0)
