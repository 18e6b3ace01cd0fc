"""The stand-in of the scrapers for a server that keeps a thousand calls open."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.services.memory import CountedTables
from tests.services.scrapers import Answer, Scrapers, create_app
from tests.services.surroundings import Surroundings

SECONDS = float(os.environ.get("SCRAPER_SECONDS", "1"))
_scrapers = Scrapers(frozenset({"slow"}), answers={"slow": [Answer(after=SECONDS)]})
_around = Surroundings(
    now=lambda: datetime.now(UTC),
    sleep=lambda span: time.sleep(span.total_seconds()),
    publish=lambda topic, body: None,
    tables=CountedTables({}),
    exports=Path(),
)
app = create_app(_around, _scrapers)
