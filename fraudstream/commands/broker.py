"""`fraudstream broker`: run the embedded Apache Kafka."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from fraudstream.cache import cache_folder
from fraudstream.options import CONTEXT, option
from fraudstream.progress import progress_bar
from fraudstream.stopping import interrupt_on_sigterm


@click.command(context_settings=CONTEXT)
@option(
    "--port",
    type=click.IntRange(1, 65535),
    show_default="any free one",
    help="Port for clients.",
)
@option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="the cache folder's kafka-data",
    help="Folder for Kafka's records; kept for the next start.",
)
@option(
    "--temporary", is_flag=True, help="Store the records in a folder that is removed at the end."
)
def command(port: int | None, data: Path | None, temporary: bool) -> None:
    """Run Apache Kafka on this machine until Ctrl-C: one node, for trials and tests.

    Needs neither Docker nor Java. The first start fetches Kafka's jars (45 MB). Only this machine
    can connect. The log is next to the records.

    \b
    At the address that all commands use by default, with records that are kept:
      fraudstream broker --port 9092
    \b
    With an empty Kafka that leaves nothing behind:
      fraudstream broker --temporary
    """
    from broker import jars
    from broker.server import EmbeddedBroker

    if temporary and data:
        raise click.UsageError("--temporary and --data exclude each other: use one of them.")
    interrupt_on_sigterm()
    cache = cache_folder("kafka")
    folder = None if temporary else data or cache_folder("kafka-data")
    with ExitStack() as stack:
        missing = jars.bytes_to_fetch(cache)
        if missing:
            advance = stack.enter_context(
                progress_bar("Fetching Apache Kafka", total=missing, unit="bytes")
            )
            jars.resolve(cache, progress=advance)
    with EmbeddedBroker(cache=cache, data=folder, port=port, remark=_remark) as broker:
        try:
            _print_address(broker.version, broker.address, broker.log, kept=folder)
            broker.wait()
        except KeyboardInterrupt:
            print("Stopping Kafka ...", file=sys.stderr)


def _remark(text: str) -> None:
    print(text, file=sys.stderr)


def _print_address(version: str, address: str, log: Path, *, kept: Path | None) -> None:
    """Print the address of Kafka, and the commands to run next."""
    print(f"Apache Kafka {version} answers at {address}", flush=True)
    records = f"Its records are kept in {kept}" if kept else "Its records are removed at the end"
    print(
        f"{records}; its log is {log}\n"
        f"In other terminals:\n"
        f"  fraudstream topics create --broker {address}\n"
        f"  fraudstream detect --broker {address}\n"
        f"  fraudstream replay --broker {address} --data creditcard.csv --rate 1000\n"
        f"  fraudstream alerts --broker {address}\n"
        f"Ctrl-C stops it.",
        file=sys.stderr,
        flush=True,
    )
