"""What two kinds of publisher make of `.funcignore`, and the package that comes of it."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

ROOT = Path(__file__).parents[2]
RULES = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()
Ignores = Callable[[str], bool]

as_git_reads_it: Ignores = GitIgnoreSpec.from_lines(RULES).match_file


def _core_tools_rule() -> re.Pattern[str]:
    # GitIgnoreParser.cs of azure-functions-core-tools 4: anchored at the root, `*` is one or more characters without a
    # slash, `**` one or more of any, and a word boundary must follow the match; which is not what git does.
    wild = {"**": "(.+)", "*": "([^/]+)"}
    patterns = [
        "".join(wild.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", line.strip().removeprefix("/")))
        for line in RULES
        if line.strip() and not line.startswith("#")
    ]
    return re.compile(rf"(?:{'|'.join(patterns)})\b", re.ASCII)


def as_core_tools_reads_it(path: str) -> bool:
    """Whether Core Tools leaves a file out."""
    return bool(_CORE_TOOLS.match(path))


_CORE_TOOLS = _core_tools_rule()


def shipped(ignores: Ignores, root: Path = ROOT) -> list[str]:
    """What a publisher puts into the package, as paths below `root`. It does not ask git: it takes what is there."""
    return sorted(_walk(root, root, ignores))


def _walk(folder: Path, root: Path, ignores: Ignores) -> Iterator[str]:
    for path in folder.iterdir():
        name = path.relative_to(root).as_posix()
        if path.is_dir():
            if not ignores(f"{name}/anything"):  # saves the way through .venv and node_modules
                yield from _walk(path, root, ignores)
        elif not ignores(name):
            yield name


def copy_package(names: Iterable[str], target: Path) -> None:
    """Lay the package out in a folder; symbolic links arrive as the files they point to."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target / name)


def zip_package(folder: Path, target: Path) -> int:
    """Zip the package and answer its size in bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for path in sorted(folder.rglob("*")):
            package.write(path, path.relative_to(folder))
    return target.stat().st_size
