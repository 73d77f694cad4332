"""Write the sections and schemas in docs/ that are generated from the code."""

from importlib.metadata import version
from pathlib import Path

from benchmarks.harness.report import write_section
from events.topics import Topics
from fraudstream.commands.messages import write as write_messages
from tools.docs import configuration, messages, metrics


def generate(folder: Path) -> None:
    """Write the generated sections into the pages in a folder, and the schemas beside them."""
    for page in (configuration, metrics, messages):
        for section, text in page.sections().items():
            write_section(folder / f"{page.PAGE}.md", section, text)
    write_messages(folder / "messages", Topics(), version("fraudstream"))


if __name__ == "__main__":
    generate(Path(__file__).resolve().parent.parent.parent / "docs")
