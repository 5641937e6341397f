"""The length of the queue is kept, and no longer counted at every submit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(sa.text("INSERT INTO counters (name, value) SELECT 'queue_length', count(*) FROM queue"))
