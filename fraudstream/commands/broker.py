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
    help="For clients.",
)
@option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="the cache folder's kafka-data",
    help="Folder for Kafka's records; kept, and used again.",
)
@option(
    "--temporary", is_flag=True, help="Keep the records in a folder that is removed at the end."
)
def command(port: int | None, data: Path | None, temporary: bool) -> None:
    """Run Apache Kafka on this machine until Ctrl-C: one node, for trying and testing.

    Needs neither Docker nor Java. The first time it fetches Kafka's jars (45 MB). Only this
    machine can connect. Its log lies beside its records.

    \b
    Keep what was published, at the address that all commands use by default:
      fraudstream broker --port 9092
    \b
    Begin with nothing and leave nothing:
      fraudstream broker --temporary
    """
    from broker import jars
    from broker.server import EmbeddedBroker

    if temporary and data:
        raise click.UsageError("--temporary and --data DIR exclude each other; give one of them.")
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
            _introduce(broker.version, broker.address, broker.log, kept=folder)
            broker.wait()
        except KeyboardInterrupt:
            print("Stopping Kafka ...", file=sys.stderr)


def _remark(text: str) -> None:
    print(text, file=sys.stderr)


def _introduce(version: str, address: str, log: Path, *, kept: Path | None) -> None:
    """Say where Kafka is and what to type next."""
    print(f"Apache Kafka {version} answers at {address}", flush=True)
    data = f"Its data are kept in {kept}" if kept else "Its data are removed at the end"
    print(
        f"{data}; its log is {log}\n"
        f"In other terminals:\n"
        f"  fraudstream topics create --broker {address}\n"
        f"  fraudstream detect --broker {address}\n"
        f"  fraudstream replay --broker {address} --data creditcard.csv --rate 1000\n"
        f"  fraudstream alerts --broker {address}\n"
        f"Ctrl-C stops it.",
        file=sys.stderr,
        flush=True,
    )
