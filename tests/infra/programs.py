"""Stand-ins for the programs that the scripts call: they write down what they are asked and answer as a test wants."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.infra.bicep import INFRA

SH = "/bin/sh"
# Answers are files in a folder, the first that fits is given. sh does nearly all of it itself: there are many calls.
_PROGRAM = """#!/bin/sh
line="${0##*/} $*"
printf '%s\\n' "$line" >>"$STAGE/calls"
for word; do
    case $word in
    -) cat >>"$STAGE/inputs" ;;
    @*) cp "${word#@}" "$STAGE/file.$$" ;;
    esac
done
for answer in "$STAGE"/answers/*; do
    { read -r code; read -r times; read -r place; read -r to; } <"$answer"
    case $line in *"$to"*) ;; *) continue ;; esac
    [ "$times" -ne 0 ] || continue
    printf '%s\\n' "$code" $((times - 1)) "$place" "$to" >"$answer"
    name=${answer##*/}
    while [ -f "$STAGE/written/$name" ] && [ "$1" != "$place" ]; do shift; done
    [ ! -f "$STAGE/written/$name" ] || cp "$STAGE/written/$name" "$2"
    [ ! -f "$STAGE/says/$name" ] || cat "$STAGE/says/$name"
    [ "$code" -eq 0 ] || echo "${0##*/} has failed" >&2
    exit "$code"
done
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a program does when its command line holds `to`: so many `times`, always if negative.

    It `says` something, and puts what is `written` into the file whose name follows `written_to`.
    """

    to: str
    says: str = ""
    code: int = 0
    times: int = -1
    written: str = ""
    written_to: str = "--output"


class Stage:
    """A folder with the stand-ins, in front of everything else on the path."""

    def __init__(self, folder: Path, *answers: Answer, env: dict[str, str]) -> None:
        self.folder = folder
        self._answers = list(answers)
        self._env = env | {"PATH": f"{folder}:{os.environ['PATH']}", "STAGE": str(folder), "HOME": str(folder)}
        for name in ("az", "azd", "curl"):
            (folder / name).write_text(_PROGRAM)
            (folder / name).chmod(0o755)
        for name in ("answers", "says", "written"):
            (folder / name).mkdir()

    def answer(self, *answers: Answer) -> None:
        """These answers come before those that were there."""
        self._answers = [*answers, *self._answers]

    def without(self, name: str) -> None:
        """Take a program away."""
        (self.folder / name).unlink()

    def run(self, script: str, *words: str, typed: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script of infra/; what an earlier run has asked is forgotten."""
        for path in [*self.folder.glob("file.*"), *self.folder.glob("*/*")]:
            path.unlink()
        (self.folder / "calls").write_text("")
        (self.folder / "inputs").write_text("")
        for number, answer in enumerate(self._answers):
            self._lay_out(f"{number:03}", answer)
        return subprocess.run(  # noqa: S603  # our own script
            [SH, INFRA / script, *words],
            env=self._env | env,
            input=typed,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def _lay_out(self, name: str, answer: Answer) -> None:
        lines = (answer.code, answer.times, answer.written_to, answer.to)
        (self.folder / "answers" / name).write_text("".join(f"{line}\n" for line in lines))
        for kind, content in (("says", answer.says), ("written", answer.written)):
            if content:
                (self.folder / kind / name).write_text(content)

    @property
    def calls(self) -> list[str]:
        """Every command line, in order."""
        return (self.folder / "calls").read_text().splitlines()

    @property
    def inputs(self) -> str:
        """Everything that was given to a program on its standard input."""
        return (self.folder / "inputs").read_text()

    @property
    def files(self) -> list[str]:
        """The content of every file that was given as @name."""
        return [path.read_text() for path in self.folder.glob("file.*")]

    def asked(self, words: str) -> list[str]:
        """The command lines that hold these words."""
        return [call for call in self.calls if words in call]
