"""Hatchling's build hook: compiles the C code of `events.native`, where there is a compiler."""

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging import tags


class NativeCode(BuildHookInterface[Any]):
    """Adds the library to the wheel, whose tag then names the platform; leaves it out otherwise."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile the library in place, where an editable installation finds it, too."""
        sys.path.insert(0, self.root)
        from events.errors import NativeCodeError
        from events.native.build import build

        try:
            library = build()
        except NativeCodeError as error:
            self.app.display_warning(str(error))
            return
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(tags.platform_tags())}"
