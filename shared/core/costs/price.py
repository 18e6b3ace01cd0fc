"""What the cloud charges and allows, as values: the contents of deploy/prices.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

DAYS = 30  # of the month that costs are calculated for


class Item(StrEnum):
    """One thing that is charged for; the word before the underscore is the service. Bytes are GiB."""

    READS = "firestore_reads"
    WRITES = "firestore_writes"
    DELETES = "firestore_deletes"
    STORED = "firestore_stored"
    REQUESTS = "run_requests"
    CPU = "run_cpu"
    MEMORY = "run_memory"
    CARRIED = "pubsub_carried"
    SCANNED = "bigquery_scanned"
    STREAMED = "bigquery_streamed"
    RECORDED = "bigquery_stored"
    JOBS = "scheduler_jobs"
    SECRETS = "secret_versions"
    ACCESSES = "secret_accesses"
    LOGGED = "logging_ingested"


class Limit(StrEnum):
    """One thing of which there is only so much."""

    DOCUMENT_WRITES = "document_writes"
    SEQUENTIAL_WRITES = "sequential_writes"
    COLD_OPERATIONS = "cold_operations"
    DATABASES = "databases"
    PUBLISHED = "published"
    PUSHED = "pushed"
    TOPICS = "topics"
    SERVICES = "services"
    INSTANCES = "instances"
    QUEUED_QUERIES = "queued_queries"
    TABLES_IN_QUERY = "tables_in_query"
    SLOTS = "slots"
    INSERTED = "inserted"
    SCHEDULES = "schedules"


@dataclass(frozen=True, slots=True)
class Price:
    """``usd`` for ``per`` of the unit, after ``free`` of it in a month of ``DAYS`` days."""

    usd: float
    per: float
    unit: str
    free: float
    source: str
    confirmed: bool = True
    note: str = ""

    def charge(self, quantity: float, *, free: bool = True) -> float:
        """Return what a month's quantity costs in US dollars."""
        return max(0.0, quantity - (self.free if free else 0.0)) / self.per * self.usd


@dataclass(frozen=True, slots=True)
class Quota:
    """``soft``: a guideline, or raised on request; the others are fixed."""

    limit: float
    unit: str
    source: str
    soft: bool = False
    confirmed: bool = True
    note: str = ""


@dataclass(frozen=True)
class PriceList:
    """The prices of every item and the value of every limit, as they were on a day in a region."""

    region: str
    taken: date
    prices: Mapping[Item, Price]
    quotas: Mapping[Limit, Quota]
    source: str = ""

    @property
    def unconfirmed(self) -> list[str]:
        """The names of those numbers that no page showed for this region."""
        names = [item.value for item, price in self.prices.items() if not price.confirmed]
        return names + [limit.value for limit, quota in self.quotas.items() if not quota.confirmed]
