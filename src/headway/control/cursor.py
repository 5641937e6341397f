"""How far a watcher of a run has been told: one place in each of what it is told from."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, replace

from headway.domain.errors import InvalidInput

_VERSION = "1"
_TOKEN = re.compile(r"1(?:\.(?:0|[1-9][0-9]{0,15})){6}")


@dataclass(frozen=True)
class Cursor:
    """What was told: kept events, rows of the log and bytes of the console of an attempt, and all attempts before it.

    A watcher that begins now is still told the checkpoints of before: until then `checkpoint_seq` stays behind
    `event_seq`.
    """

    event_seq: int = 0
    checkpoint_seq: int = 0
    attempt: int = 0  # 0: before the first
    log_offset: int = 0  # where the first line begins of which not every row was told
    row: int = 0  # rows told of that line
    console_offset: int = 0

    def encode(self) -> str:
        """As a token for clients, who only give it back."""
        return ".".join((_VERSION, *map(str, astuple(self))))

    @classmethod
    def decode(cls, token: str) -> Cursor:
        """The cursor of a token; InvalidInput for what no server has given."""
        if _TOKEN.fullmatch(token) is None:
            raise InvalidInput(
                "after", token[:80], "a cursor as a frame has it", remedy="Leave it out to begin now"
            )
        return cls(*map(int, token.split(".")[1:]))

    def without_checkpoints(self) -> Cursor:
        """The same for a watcher who is still to be told of every checkpoint."""
        return replace(self, checkpoint_seq=0)

    def reaches(self, other: Cursor) -> bool:
        """Whether all that `other` was told has been told here too."""
        return (
            self.event_seq >= other.event_seq
            and self.checkpoint_seq >= other.checkpoint_seq
            and (self.attempt, self.log_offset, self.row) >= (other.attempt, other.log_offset, other.row)
            and (self.attempt, self.console_offset) >= (other.attempt, other.console_offset)
        )
